import { featureActivations } from '../../../microscope/dictionary/harvest/text.ts';
import type { Dictionary } from '../../../microscope/dictionary/types.ts';
import type { Model } from '../../../model/index.ts';
import type { HistogramView, WeightedToken } from '../../contract/graph.ts';
import { choice, type Handler, promptIds, viewTokens } from '../session.ts';
import { featureOf } from './dictionaries.ts';
import { densitiesOf, harvestOf } from './harvest.ts';
import { labelsOf } from './labels.ts';
import { traceOf } from './traced.ts';

const LISTED_TOKENS = 10;
const NEIGHBOURS = 8;
const BINS = 50;

export const features: Handler<'features'> = async (session, request, job) => {
  const { position, limit = 500, ...graph } = request;
  const { found, keys, targets, influences } = await traceOf(session, graph, job);
  const { nodes, adjacency, tokens } = found.graph;
  const row = (nodes.length - targets.length) * nodes.length;
  const labels = await labelsOf(session);
  const density = await densitiesOf(session);
  const rows = nodes
    .map((node, i) => ({ node, i }))
    .filter(({ node }) => node.kind === 'feature')
    .filter(({ node }) => position === undefined || node.position === position)
    .sort((a, b) => Math.abs(adjacency[row + b.i]) - Math.abs(adjacency[row + a.i]) || a.i - b.i);
  return {
    ...viewTokens(
      session,
      tokens.map(({ id }) => id),
    ),
    target: targets[0],
    total: rows.length,
    features: rows
      .slice(0, limit)
      .map(({ node: { layer, index, position: at, activation }, i }) => ({
        key: keys[i],
        layer,
        index,
        position: at,
        activation: activation!,
        density: density(layer, index),
        effect: adjacency[row + i],
        influence: influences[i],
        label: labels(layer, index)?.text ?? null,
        weak: labels(layer, index)?.source === 'weak',
      })),
  };
};

/** Row `index` of a decoder `[d_dict, d_out]`, the input's scale undone, over all layers written. */
function written({ config, params }: Dictionary, index: number): Float32Array {
  const { dOut, scale, writes } = config;
  const sum = new Float32Array(dOut);
  writes.forEach((_, j) => {
    const weight = params[`W_dec.${j}`].data as Float32Array;
    for (let i = 0; i < dOut; i++) sum[i] += weight[index * dOut + i] / scale;
  });
  return sum;
}

/** What a direction adds to every logit `[d_vocab]`, without the final norm's scale and the mean logit. */
function logitsAlong({ config, params }: Model, direction: Float32Array): Float32Array {
  const { dModel, dVocab, norm, rmsOffset } = config;
  const weight = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  const gain = params['ln_final.weight'].data as Float32Array;
  // A layer norm takes the mean off what enters it.
  const mean = norm === 'layer' ? direction.reduce((a, b) => a + b, 0) / dModel : 0;
  const offset = norm === 'layer' ? 0 : rmsOffset;
  const scaled = direction.map((value, i) => (value - mean) * (gain[i] + offset));
  const logits = new Float32Array(dVocab);
  for (let id = 0; id < dVocab; id++) {
    let sum = 0;
    for (let i = 0; i < dModel; i++) sum += scaled[i] * weight[id * dModel + i];
    logits[id] = sum;
  }
  const centre = logits.reduce((a, b) => a + b, 0) / dVocab;
  return logits.map((value) => value - centre);
}

function histogram(values: Float32Array): HistogramView {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const step = (high - low || 1) / BINS;
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / step))]++;
  return { edges: Array.from({ length: BINS + 1 }, (_, i) => low + i * step), counts };
}

function neighboursOf(dictionary: Dictionary, index: number) {
  const { dDict } = dictionary.config;
  const norm = (v: Float32Array) => Math.hypot(...v);
  const own = written(dictionary, index);
  const length = norm(own);
  return Array.from({ length: dDict }, (_, other) => {
    const vector = written(dictionary, other);
    const dot = own.reduce((sum, value, i) => sum + value * vector[i], 0);
    return { index: other, cosine: dot / Math.max(length * norm(vector), 1e-12) };
  })
    .filter((one) => one.index !== index)
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, NEIGHBOURS);
}

export const feature: Handler<'feature'> = async (session, request) => {
  const { layer, index, prompt } = request;
  const dictionary = await featureOf(session, { layer, index });
  const logits = logitsAlong(session.model, written(dictionary, index));
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  const named = (ids: readonly number[]): WeightedToken[] =>
    ids.map((id) => ({ ...choice(session, id), value: logits[id] }));
  const ids = prompt === undefined || prompt === '' ? null : promptIds(session, prompt);
  const labels = await labelsOf(session);
  return {
    layer,
    index,
    of: dictionary.config.dDict,
    label: labels(layer, index),
    top: named(order.slice(0, LISTED_TOKENS)),
    bottom: named(order.slice(-LISTED_TOKENS).reverse()),
    logits: histogram(logits),
    neighbours: neighboursOf(dictionary, index),
    on: ids && {
      ...viewTokens(session, ids),
      activations: (
        await featureActivations(session.model, dictionary, { tokens: ids, features: [index] })
      )[0],
    },
    harvest: await harvestOf(session, { layer, index }),
  };
};
