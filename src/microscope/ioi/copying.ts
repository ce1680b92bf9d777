import type { ProgressListener } from '../../base/progress.ts';
import { type Rate, wilson } from '../../base/stats.ts';
import type { Model } from '../../model/model.ts';
import { readOut } from '../readout.ts';
import type { IoiExample } from './dataset.ts';

/** How often a head's output at a name ranks that name among the top tokens. */
export interface CopyScore {
  readonly layer: number;
  readonly head: number;
  /** The name is among the top 5 of what the head writes when it attends to it fully. */
  readonly copies: Rate;
  /** The same for the negated output: the head speaks against the name. */
  readonly negates: Rate;
}

const TOP = 5;

/** x `[rows, d_model]` through ln1 of a layer. */
function normed(model: Model, layer: number, x: Float32Array): Float32Array {
  const { config, params } = model;
  const { dModel, normEps, rmsOffset } = config;
  const weight = params[`blocks.${layer}.ln1.weight`].data as Float32Array;
  const isLayer = config.norm === 'layer';
  const bias = isLayer ? (params[`blocks.${layer}.ln1.bias`].data as Float32Array) : null;
  const out = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += dModel) {
    let mean = 0;
    if (isLayer) for (let i = 0; i < dModel; i++) mean += x[start + i] / dModel;
    let square = 0;
    for (let i = 0; i < dModel; i++) square += (x[start + i] - mean) ** 2 / dModel;
    const scale = Math.sqrt(square + normEps);
    for (let i = 0; i < dModel; i++) {
      const gain = weight[i] + (isLayer ? 0 : rmsOffset);
      out[start + i] = ((x[start + i] - mean) / scale) * gain + (bias ? bias[i] : 0);
    }
  }
  return out;
}

/** What one head writes when it attends to one row alone, up to a factor per row; no output bias. */
function written(
  model: Model,
  at: { readonly layer: number; readonly head: number },
  x: Float32Array,
): Float32Array {
  const { config, params } = model;
  const { dModel, dHead, nHeads, nKvHeads } = config;
  const block = `blocks.${at.layer}.attn`;
  const group = Math.floor(at.head / (nHeads / nKvHeads));
  const value = params[`${block}.v.weight`].data as Float32Array;
  const bias = config.biases.qkv ? (params[`${block}.v.bias`].data as Float32Array) : null;
  const output = params[`${block}.o.weight`].data as Float32Array;
  const rows = x.length / dModel;
  const out = new Float32Array(x.length);
  const v = new Float64Array(dHead);
  for (let row = 0; row < rows; row++) {
    v.fill(0);
    for (let i = 0; i < dModel; i++) {
      const xi = x[row * dModel + i];
      const start = i * nKvHeads * dHead + group * dHead;
      for (let d = 0; d < dHead; d++) v[d] += xi * value[start + d];
    }
    if (bias) for (let d = 0; d < dHead; d++) v[d] += bias[group * dHead + d];
    for (let d = 0; d < dHead; d++) {
      const start = (at.head * dHead + d) * dModel;
      for (let i = 0; i < dModel; i++) out[row * dModel + i] += v[d] * output[start + i];
    }
  }
  if (config.postNorms) {
    // Only the gain of a norm behind attention changes what ranks first: its scale is one number per row.
    const gain = params[`blocks.${at.layer}.ln1_post.weight`].data as Float32Array;
    for (let i = 0; i < out.length; i++) out[i] *= gain[i % dModel] + config.rmsOffset;
  }
  return out;
}

/**
 * Copy scores of every head (Wang et al. 2022, section 3.1): the stream after the first block at each name is
 * sent through the head's value and output weights and read out; the score is the share of names that
 * then rank in the top 5. Names of up to `limit` sentences are used, 12 unless told.
 */
export async function copyScores(
  model: Model,
  examples: readonly IoiExample[],
  options: {
    readonly limit?: number;
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  } = {},
): Promise<CopyScore[]> {
  const { config } = model;
  const used = examples.slice(0, options.limit ?? 12);
  const address = 'blocks.0.hook_resid_post';
  const { cache } = await model.runWithCache(
    used.map(({ clean }) => clean),
    address,
    { logits: 'none' },
  );
  const [, pos, width] = cache[address].shape;
  const stream = cache[address].data as Float32Array;
  const places = used.flatMap(({ target, distractor, positions }, row) => [
    { row, at: positions.io, token: target },
    { row, at: positions.s1, token: distractor },
  ]);
  const x = new Float32Array(places.length * width);
  places.forEach(({ row, at }, i) => {
    const start = (row * pos + at) * width;
    x.set(stream.subarray(start, start + width), i * width);
  });
  const targets = places.map(({ token }) => token);
  const scores: CopyScore[] = [];
  for (let layer = 0; layer < config.nLayers; layer++) {
    const input = normed(model, layer, x);
    for (let head = 0; head < config.nHeads; head++) {
      options.signal?.throwIfAborted();
      const [done, total] = [scores.length, config.nLayers * config.nHeads];
      options.progress?.({ label: 'copying', done, total, unit: 'heads' });
      const out = written(model, { layer, head }, input);
      const rate = async (resid: Float32Array) => {
        const { targetRanks } = await readOut(model, { resid }, { targets, topK: 1 });
        return wilson(targetRanks.filter((rank) => rank < TOP).length, targets.length);
      };
      const copies = await rate(out);
      const negates = await rate(out.map((value) => -value));
      scores.push({ layer, head, copies, negates });
    }
  }
  return scores;
}
