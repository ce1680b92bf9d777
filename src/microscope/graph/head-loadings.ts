import { GlassboxError } from '../../base/error.ts';
import { input } from '../../graph/build.ts';
import { vjp } from '../../graph/gradient.ts';
import type { TensorData } from '../../graph/op.ts';
import { createProgram } from '../../graph/program.ts';
import type { Model } from '../../model/model.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { probeName, traceProbe } from './affine.ts';
import type { Attribution } from './attribute.ts';
import { frozenAddresses } from './frozen.ts';
import { decoderVector, encoderVector } from './sources.ts';

/** How one edge crosses the attention of one layer. */
export interface LayerLoading {
  readonly layer: number;
  /** What went through each head; sums with `bypass` to the edge. */
  readonly heads: readonly number[];
  /** What went past this layer's attention, along the residual stream. */
  readonly bypass: number;
}

/** An edge split over heads, once per layer between its ends. */
export interface EdgeLoadings {
  readonly edge: number;
  readonly layers: readonly LayerLoading[];
}

/** What a source of a graph writes, by where it writes it: `embed` or a layer's MLP output. */
function writesOfNode(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  source: number,
): { readonly name: string; readonly vector: Float32Array }[] {
  const { kind, layer, index, position, activation } = found.graph.nodes[source];
  const { dModel, embedScale } = model.config;
  if (kind === 'token') {
    const embed = model.params['embed.weight'].data as Float32Array;
    const vector = embed.slice(index * dModel, (index + 1) * dModel).map((x) => x * embedScale);
    return [{ name: probeName.embed, vector }];
  }
  if (kind === 'error') {
    const start = position * dModel;
    const vector = found.decomposition.errors[layer].slice(start, start + dModel);
    return [{ name: probeName.write(layer), vector }];
  }
  const dictionary = set.dictionaries[layer];
  return dictionary.config.writes.map((address, j) => ({
    name: probeName.write(Number(/\d+/.exec(address)![0])),
    vector: decoderVector(dictionary, index, j).map((x) => x * activation!),
  }));
}

/** Values that the frozen model is held at, as feeds of a probe. */
export async function heldFeeds(
  model: Model,
  set: DictionarySet,
  tokens: readonly number[],
): Promise<Record<string, TensorData>> {
  const addresses = frozenAddresses(model.config);
  const { cache } = await model.runWithCache(tokens, addresses, { logits: 'none' });
  const feeds: Record<string, TensorData> = {};
  for (const address of addresses) feeds[probeName.held(address)] = cache[address];
  set.dictionaries.forEach(({ params }, layer) => {
    if (params.W_skip) feeds[`dictionary.${layer}.W_skip`] = params.W_skip;
  });
  return feeds;
}

/**
 * Splits an edge over the attention heads it passed through: for every layer between source and target, the
 * part carried by each head and the part that went past. The parts of a layer sum to the edge. Patterns
 * are frozen, so this says through which heads something moved, not why they looked there.
 *
 * @throws GlassboxError `bad-edge` unless the target is a feature or logit and the source is neither logit
 */
export async function headLoadings(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  edge: { readonly source: number; readonly target: number },
): Promise<EdgeLoadings> {
  const { nodes, adjacency, tokens } = found.graph;
  const target = nodes[edge.target];
  const source = nodes[edge.source];
  if (
    !target ||
    !source ||
    source.kind === 'logit' ||
    !['feature', 'logit'].includes(target.kind)
  ) {
    throw new GlassboxError(`there is no edge from node ${edge.source} to node ${edge.target}`, {
      code: 'bad-edge',
      remedy: 'Choose a feature or logit as target, and a feature, error or token as source.',
    });
  }
  const { config, runner } = model;
  const { dModel, nHeads, nLayers } = config;
  const pos = tokens.length;
  const read =
    target.kind === 'logit'
      ? 'ln_final.hook_normalized'
      : set.dictionaries[target.layer].config.reads[0];
  const results = Array.from({ length: nLayers }, (_, l) => `blocks.${l}.attn.hook_result`);
  const reaching = results.slice(0, target.kind === 'logit' ? nLayers : target.layer + 1);
  const key = `head loadings ${read} ${JSON.stringify(set.dictionaries.map((d) => [d.config.reads, d.config.skip]))}`;
  const kept = runner.program(key, 'fed', () => {
    const recorded = traceProbe(config, { set, record: [read, ...reaching] });
    const cotangent = input('cotangent', ['rows', 'pos', dModel]);
    const heads = reaching.map((address) => recorded[address]);
    const gradients = vjp([recorded[read]], [cotangent], heads);
    return createProgram({
      ...Object.fromEntries(heads.map((head, l) => [`value.${l}`, head])),
      ...Object.fromEntries(gradients.map((gradient, l) => [`gradient.${l}`, gradient])),
    });
  });

  // Row 0 is the frozen model with nothing put in, row 1 with the source put in.
  const rows = (fill: (data: Float32Array) => void): TensorData => {
    const data = new Float32Array(2 * pos * dModel);
    fill(data);
    return { dtype: 'float32', shape: [2, pos, dModel], data };
  };
  const vector =
    target.kind === 'logit'
      ? found.targets.find(({ id }) => id === target.index)!.vector
      : encoderVector(set.dictionaries[target.layer], target.index);
  const feeds: Record<string, TensorData> = {
    ...(await heldFeeds(
      model,
      set,
      tokens.map(({ id }) => id),
    )),
    tokens: { dtype: 'int64', shape: [2, pos], data: new BigInt64Array(2 * pos) },
    cotangent: rows((data) => data.set(vector, (pos + target.position) * dModel)),
  };
  for (const name of [probeName.embed, ...results.map((_, l) => probeName.write(l))]) {
    feeds[name] = rows(() => {});
  }
  for (const { name, vector: written } of writesOfNode(model, set, found, edge.source)) {
    feeds[name] = rows((data) => data.set(written, (pos + source.position) * dModel));
  }
  const outputs = await runner.run(kept, feeds);
  const value = adjacency[edge.target * nodes.length + edge.source];
  const layers = reaching.map((_, layer): LayerLoading => {
    const values = outputs[`value.${layer}`].data as Float32Array;
    const gradient = outputs[`gradient.${layer}`].data as Float32Array;
    const row = pos * nHeads * dModel;
    const heads = new Array<number>(nHeads).fill(0);
    for (let i = 0; i < row; i++) {
      heads[Math.floor(i / dModel) % nHeads] += (values[row + i] - values[i]) * gradient[row + i];
    }
    return { layer, heads, bypass: value - heads.reduce((a, b) => a + b, 0) };
  });
  return { edge: value, layers };
}
