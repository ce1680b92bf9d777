import { batchedVjp } from '../../graph/batch.ts';
import {
  add,
  cast,
  equal,
  input,
  iota,
  matmul,
  mul,
  reshape,
  stopGradient,
  transpose,
  unsqueeze,
} from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { dictionaryInputs } from '../dictionary/run.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { writtenLayer } from './features.ts';

/** Addresses whose values of the clean run make the frozen model: patterns and norm scales. */
export function frozenAddresses(config: ModelConfig): string[] {
  const blocks = Array.from({ length: config.nLayers }, (_, l) => `blocks.${l}`);
  return [
    ...blocks.flatMap((at) => [
      `${at}.attn.hook_pattern`,
      `${at}.ln1.hook_scale`,
      `${at}.ln2.hook_scale`,
      ...(config.postNorms ? [`${at}.ln1_post.hook_scale`, `${at}.ln2_post.hook_scale`] : []),
      ...(config.qkNorm ? [`${at}.attn.q_norm.hook_scale`, `${at}.attn.k_norm.hook_scale`] : []),
    ]),
    'ln_final.hook_scale',
  ];
}

/** Where a target sits: the input of a layer's dictionary, or the final norm. */
export type TargetSite = number | 'logits';

/**
 * The model with attention patterns and norm scales held at given values and MLPs cut out: linear from
 * embeddings and MLP outputs to everything later. With nothing left that is not linear, gradients need
 * no forward pass; the held values are inputs.
 */
function frozenModel(config: ModelConfig, set: DictionarySet) {
  const held = new Set(frozenAddresses(config));
  const reads = set.dictionaries.map(
    ({
      config: {
        reads: [address],
      },
    }) => address,
  );
  const seen = new Map<string, Tensor>();
  const writes: Tensor[] = [];
  const wanted = new Set([
    ...held,
    ...reads,
    ...reads.map((_, layer) => `blocks.${layer}.hook_mlp_out`),
    'hook_embed',
    'ln_final.hook_normalized',
  ]);
  const hook = (address: string, x: Tensor): Tensor => {
    if (held.has(address)) return input(`held.${address}`, x.shape);
    const layer = /^blocks\.(\d+)\.hook_mlp_out$/.exec(address)?.[1];
    if (layer !== undefined) {
      const write = stopGradient(x);
      writes.push(write);
      const { config: dictionary } = set.dictionaries[Number(layer)];
      if (!dictionary.skip) return write;
      const skip = dictionaryInputs(dictionary, `dictionary.${layer}.`)('W_skip');
      return add(write, matmul(seen.get(reads[Number(layer)])!, skip));
    }
    seen.set(address, x);
    return x;
  };
  traceForward(config, {
    tokens: input('tokens', [1, 'pos'], 'int64'),
    param: parameterInputs(config),
    hook,
    wants: (address) => wanted.has(address),
  });
  return {
    reads: reads.map((address) => seen.get(address)!),
    writes,
    embed: seen.get('hook_embed')!,
    final: seen.get('ln_final.hook_normalized')!,
  };
}

/** Input that carries the sources of one MLP output: `[pos, slots, d_model]`. */
export const sourcesName = (layer: number): string => `sources.${layer}`;

/**
 * The program that gives edge weights into a batch of targets at one site. Inputs: `vectors` `[k, d_model]`, the
 * direction each target reads, `positions` int64 `[k]`, the held values, `sources.{l}` `[pos, slots.l, d_model]` and
 * `embeddings` `[pos, 1, d_model]`. Outputs `edges.{l}` `[pos, k, slots.l]` and `edges.embed` `[pos, k, 1]`.
 *
 * Sources are grouped by the MLP output they write to and padded to the same number at every position, so
 * that all their products with the gradient are one batched product per layer.
 */
export function edgeProgram(config: ModelConfig, set: DictionarySet, site: TargetSite): Program {
  const { reads, writes, embed, final } = frozenModel(config, set);
  const { dModel, nLayers } = config;
  const target = site === 'logits' ? final : reads[site];
  const before = site === 'logits' ? nLayers : site;
  const vectors = input('vectors', ['k', dModel]);
  const positions = input('positions', ['k'], 'int64');
  const here = equal(reshape(iota('pos'), [1, 'pos']), reshape(positions, ['k', 1]));
  const spread = mul(unsqueeze(cast(here, 'float32'), -1), reshape(vectors, ['k', 1, dModel]));
  const cotangent = reshape(spread, ['k', 1, 'pos', dModel]);
  const sources = [...writes.slice(0, before), embed];
  const gradients = batchedVjp([target], [cotangent], sources);
  const outputs: Record<string, Tensor> = {};
  gradients.forEach((gradient, i) => {
    const isEmbed = i === before;
    const name = isEmbed ? 'embed' : String(i);
    const slots = isEmbed ? 1 : `slots${i}`;
    const source = isEmbed
      ? input('embeddings', ['pos', 1, dModel])
      : input(sourcesName(i), ['pos', slots, dModel]);
    const byPosition = transpose(reshape(gradient, ['k', 'pos', dModel]), [1, 0, 2]);
    outputs[`edges.${name}`] = matmul(byPosition, source, { transposeB: true });
  });
  return createProgram(outputs);
}

/** Layers a dictionary of the set writes to, with the index of the decoder. */
export function writesOf(set: DictionarySet, layer: number): { j: number; to: number }[] {
  const dictionary = set.dictionaries[layer];
  return dictionary.config.writes.map((_, j) => ({ j, to: writtenLayer(dictionary, j) }));
}
