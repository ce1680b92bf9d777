import { add, div, input, matmul, mul, reshape, transpose, unsqueeze } from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Hook } from '../../model/transformer/context.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { ungrouped } from './ungroup.ts';

/** Nodes that are computed together: the embeddings, the heads of a layer, an MLP. */
export type NodeGroup = 'input' | `attn.${number}` | `mlp.${number}`;

/** All groups of a model in order of computation. */
export function nodeGroups(config: Pick<ModelConfig, 'nLayers'>): NodeGroup[] {
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  return ['input', ...layers.flatMap((l): NodeGroup[] => [`attn.${l}`, `mlp.${l}`])];
}

/** Addresses {@link nodeHook} needs. */
export function nodeAddresses(config: ModelConfig): string[] {
  const blocks = Array.from({ length: config.nLayers }, (_, l) => `blocks.${l}`);
  return [
    'blocks.0.hook_resid_pre',
    ...blocks.flatMap((at) => [
      `${at}.attn.hook_z`,
      `${at}.hook_attn_out`,
      `${at}.hook_mlp_out`,
      ...(config.postNorms ? [`${at}.ln1_post.hook_scale`] : []),
    ]),
  ];
}

/** Each head's share of what attention adds to the stream, `[batch, n_heads, pos, d_model]`, no bias. */
function headOutputs(
  config: ModelConfig,
  param: (name: string) => Tensor,
  from: { readonly at: string; readonly z: Tensor; readonly postScale: Tensor | undefined },
): Tensor {
  const { nHeads, dHead, dModel, rmsOffset } = config;
  const weight = reshape(param(`${from.at}.attn.o.weight`), [nHeads, dHead, dModel]);
  const result = matmul(transpose(from.z, [0, 2, 1, 3]), weight);
  if (!from.postScale) return result;
  // A norm with its scale as it is acts on each head's share alone, so the shares still add up.
  const gain = param(`${from.at}.ln1_post.weight`);
  const scaled = mul(result, rmsOffset === 0 ? gain : add(gain, rmsOffset));
  return div(scaled, unsqueeze(from.postScale, 1));
}

/**
 * A hook that collects what nodes write: groups `[batch, nodes, pos, d_model]`, calling `found` in order of
 * computation. It changes nothing.
 */
export function nodeHook(
  config: ModelConfig,
  param: (name: string) => Tensor,
  found: (group: NodeGroup, nodes: Tensor) => void,
): Hook {
  let z: Tensor;
  let postScale: Tensor | undefined;
  return (address, x) => {
    const [, layer, name] = /^blocks\.(\d+)\.(.*)$/.exec(address) ?? [];
    if (name === 'attn.hook_z') z = x;
    if (name === 'ln1_post.hook_scale') postScale = x;
    if (address === 'blocks.0.hook_resid_pre') found('input', unsqueeze(x, 1));
    if (name === 'hook_attn_out') {
      const at = `blocks.${layer}`;
      found(`attn.${Number(layer)}`, headOutputs(config, param, { at, z, postScale }));
      postScale = undefined;
    }
    if (name === 'hook_mlp_out') found(`mlp.${Number(layer)}`, unsqueeze(x, 1));
    return x;
  };
}

/** Where receivers read: the stream before attention, before the MLP, and at the end. */
export function streamPoints(config: ModelConfig): { point: string; address: string }[] {
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  return [
    ...layers.flatMap((l) => [
      { point: `pre.${l}`, address: `blocks.${l}.hook_resid_pre` },
      { point: `mid.${l}`, address: `blocks.${l}.hook_mlp_in` },
    ]),
    { point: 'end', address: `blocks.${config.nLayers - 1}.hook_resid_post` },
  ];
}

/**
 * Norm scales a frozen run holds: one per point where receivers read, and those of norms behind attention
 * (`attn.{l}`) and MLP (`mlp.{l}`) where the family has them.
 */
export function normScales(config: ModelConfig): { point: string; address: string }[] {
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  return [
    ...layers.flatMap((l) => [
      { point: `pre.${l}`, address: `blocks.${l}.ln1.hook_scale` },
      { point: `mid.${l}`, address: `blocks.${l}.ln2.hook_scale` },
      ...(config.postNorms
        ? [
            { point: `attn.${l}`, address: `blocks.${l}.ln1_post.hook_scale` },
            { point: `mlp.${l}`, address: `blocks.${l}.ln2_post.hook_scale` },
          ]
        : []),
    ]),
    { point: 'end', address: 'ln_final.hook_scale' },
  ];
}

/**
 * A plain run with everything circuits need. Inputs `tokens` `[batch, pos]`, `last` `[batch]`. Outputs
 * `node.{group}` `[batch, nodes, pos, d_model]`, `stream.{point}` `[batch, pos, d_model]`, `scale.{point}`
 * `[batch, pos, 1]`, `logits` `[batch, 1, d_vocab]`.
 */
export function nodesProgram(original: ModelConfig): Program {
  const { config, param } = ungrouped(original);
  const outputs: Record<string, Tensor> = {};
  const collect = nodeHook(config, param, (group, nodes) => {
    outputs[`node.${group}`] = nodes;
  });
  const streams = new Map(streamPoints(config).map(({ point, address }) => [address, point]));
  const scales = new Map(normScales(config).map(({ point, address }) => [address, point]));
  const wanted = new Set([...nodeAddresses(config), ...streams.keys(), ...scales.keys()]);
  const { logits } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param,
    wants: (address) => wanted.has(address),
    hook(address, x) {
      const stream = streams.get(address);
      if (stream !== undefined) outputs[`stream.${stream}`] = x;
      const scale = scales.get(address);
      if (scale !== undefined) outputs[`scale.${scale}`] = x;
      return collect(address, x);
    },
    logitsAt: input('last', ['batch'], 'int64'),
  });
  return createProgram({ ...outputs, logits });
}
