import { batchedVjp } from '../../graph/batch.ts';
import { add, concat, input, matmul, mul, reshape, sum, transpose } from '../../graph/build.ts';
import { multiplyDims } from '../../graph/dim.ts';
import { grad } from '../../graph/gradient.ts';
import type { Tensor } from '../../graph/op.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Hook } from '../../model/transformer/context.ts';
import { type ForwardInputs, traceForward } from '../../model/transformer/forward.ts';
import { type CircuitMetric, traceMetric } from './metric.ts';
import { type NodeGroup, nodeAddresses, nodeHook } from './nodes.ts';

/** What a run leaves for attribution. */
export interface GradientTrace {
  /** What nodes write, `[rows, nodes, pos, d_model]`. */
  readonly nodes: ReadonlyMap<NodeGroup, Tensor>;
  /**
   * Gradients of the summed metric with respect to the stream as each receiver alone reads it,
   * `[receivers, rows, pos, d_model]`, for `pre.{l}` (queries, keys, values of all heads), `mid.{l}`, `end`.
   */
  readonly receivers: ReadonlyMap<string, Tensor>;
  /** `[rows]` */
  readonly metric: Tensor;
}

interface Norm {
  readonly read: Tensor;
  readonly normalized: Tensor;
}

/** Gradients through a norm's weight and the norm itself, for many receivers that share its input. */
function throughNorm(config: ModelConfig, weight: Tensor, norm: Norm, gradients: Tensor): Tensor {
  const isLayer = config.norm === 'layer';
  const gain = isLayer || config.rmsOffset === 0 ? weight : add(weight, config.rmsOffset);
  const [result] = batchedVjp([norm.normalized], [mul(gradients, gain)], [norm.read]);
  return result;
}

/** `[rows, pos, n_heads, d_head]` gradients of projected heads to `[n_heads, rows, pos, d_model]`. */
function throughProjection(config: ModelConfig, weight: Tensor, gradient: Tensor): Tensor {
  const { dModel, nHeads, dHead } = config;
  const [rows, pos] = gradient.shape;
  const perHead = transpose(reshape(weight, [dModel, nHeads, dHead]), [1, 2, 0]);
  // One product per head: rows and positions together are the rows of the matrix.
  const flat = reshape(transpose(gradient, [2, 0, 1, 3]), [nHeads, multiplyDims(rows, pos), dHead]);
  return reshape(matmul(flat, perHead), [nHeads, rows, pos, dModel]);
}

/**
 * Traces a run and the gradient of its metric with respect to every receiver's input by itself: one
 * backward pass, then all heads' inputs of a layer at once through the layer's norm.
 *
 * @param options.replace what some addresses become, e.g. the interpolated input
 * @param options.row int64 `[rows]`, the example of each row
 */
export function traceGradients(
  model: { readonly config: ModelConfig; readonly param: (name: string) => Tensor },
  options: Pick<ForwardInputs, 'tokens' | 'logitsAt'> & {
    readonly metric: CircuitMetric;
    readonly row: Tensor;
    /** Layers before this one have no receivers of interest. */
    readonly from?: number;
    readonly replace?: ReadonlyMap<string, Tensor>;
  },
): GradientTrace {
  const { config, param } = model;
  const { metric, row, from = 0, replace = new Map() } = options;
  const nodes = new Map<NodeGroup, Tensor>();
  const collect = nodeHook(config, param, (group, x) => nodes.set(group, x));
  const seen = new Map<string, Tensor>();
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  const last = `blocks.${config.nLayers - 1}.hook_resid_post`;
  const wanted = new Set([
    ...nodeAddresses(config),
    ...replace.keys(),
    ...layers.flatMap((l) => {
      const at = `blocks.${l}`;
      return ['hook_resid_pre', 'ln1.hook_normalized', 'attn.hook_q', 'attn.hook_k']
        .concat('attn.hook_v', 'hook_mlp_in', 'ln2.hook_normalized', 'mlp.hook_in')
        .map((name) => `${at}.${name}`);
    }),
    last,
  ]);
  const hook: Hook = (address, x) => {
    const value = replace.get(address) ?? x;
    seen.set(address, value);
    return collect(address, value);
  };
  const { logits } = traceForward(config, {
    tokens: options.tokens,
    param,
    wants: (address) => wanted.has(address),
    hook,
    logitsAt: options.logitsAt,
  });
  const value = traceMetric(metric, logits, row);
  const measured = layers.filter((l) => l >= from);
  const heads = ['q', 'k', 'v'] as const;
  const wrt = [
    ...measured.flatMap((l) => [
      ...heads.map((name) => seen.get(`blocks.${l}.attn.hook_${name}`)!),
      seen.get(`blocks.${l}.mlp.hook_in`)!,
    ]),
    seen.get(last)!,
  ];
  const gradients = grad(sum(value), wrt);
  const receivers = new Map<string, Tensor>();
  measured.forEach((l, i) => {
    const at = `blocks.${l}`;
    const [q, k, v, mlp] = gradients.slice(4 * i, 4 * i + 4);
    const projected = [q, k, v].map((gradient, j) =>
      throughProjection(config, param(`${at}.attn.${heads[j]}.weight`), gradient),
    );
    const ln = (name: 'ln1' | 'ln2', read: string): Norm => ({
      read: seen.get(`${at}.${read}`)!,
      normalized: seen.get(`${at}.${name}.hook_normalized`)!,
    });
    receivers.set(
      `pre.${l}`,
      throughNorm(
        config,
        param(`${at}.ln1.weight`),
        ln('ln1', 'hook_resid_pre'),
        concat(projected, 0),
      ),
    );
    receivers.set(
      `mid.${l}`,
      throughNorm(
        config,
        param(`${at}.ln2.weight`),
        ln('ln2', 'hook_mlp_in'),
        reshape(mlp, [1, ...mlp.shape]),
      ),
    );
  });
  const end = gradients.at(-1)!;
  receivers.set('end', reshape(end, [1, ...end.shape]));
  return { nodes, receivers, metric: value };
}

/** Inputs of the examples: `clean` and `corrupted` int64 `[examples, pos]`, `last` int64 `[examples]`. */
export function exampleInputs() {
  return {
    clean: input('clean', ['examples', 'pos'], 'int64'),
    corrupted: input('corrupted', ['examples', 'pos'], 'int64'),
    last: input('last', ['examples'], 'int64'),
  };
}
