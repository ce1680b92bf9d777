import { GlassboxError, nearestNames } from '../base/error.ts';
import { add, matmul } from '../graph/build.ts';
import { formatShape } from '../graph/dim.ts';
import type { Tensor, TensorData } from '../graph/op.ts';
import { init } from './init.ts';
import type { ParamLookup, ParamSpecs, Params } from './params.ts';

/** Settings of a low-rank update. */
export interface LoraOptions {
  /** Rank of the update, at least 1 and at most the smaller side of the matrix. */
  readonly rank: number;
  /** The update is scaled by alpha / rank. Default: the rank, so that the scale is 1. */
  readonly alpha?: number;
  /** Axis that counts the layer's inputs: 0 for weights `[in, out]`, 1 for `[out, in]`. Default 0. */
  readonly inAxis?: 0 | 1;
}

/** A low-rank update of one weight matrix; its two factors are ordinary parameters. */
export interface LoraAdapter {
  /** Name of the weight it adds to. */
  readonly weight: string;
  /** Shape of that weight. */
  readonly shape: readonly [number, number];
  readonly rank: number;
  readonly alpha: number;
  readonly inAxis: 0 | 1;
  /** Parameter `[rank, in]`. */
  readonly a: string;
  /** Parameter `[out, rank]`. */
  readonly b: string;
}

type Shapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/**
 * The adapter of a linear layer's weight (Hu et al. 2021, "LoRA"): W + (alpha / rank) · B A, written
 * for the weight's layout. Throws `bad-lora` when the weight is absent, no matrix, or too small for
 * the rank.
 */
export function lora(weights: Shapes, weight: string, options: LoraOptions): LoraAdapter {
  const { rank, alpha = rank, inAxis = 0 } = options;
  if (!Object.hasOwn(weights, weight)) {
    const near = nearestNames(weight, Object.keys(weights));
    throw badLora(`there is no weight '${weight}' to adapt`, `Nearest names: ${near.join(', ')}.`);
  }
  const { shape } = weights[weight];
  if (shape.length !== 2) {
    throw badLora(`'${weight}' ${formatShape(shape)} is no matrix`, 'Adapt linear layers only.');
  }
  if (!Number.isInteger(rank) || rank < 1 || rank > Math.min(...shape) || !Number.isFinite(alpha)) {
    throw badLora(
      `rank ${rank} with alpha ${alpha} does not suit '${weight}' ${formatShape(shape)}`,
      `Use a rank from 1 to ${Math.min(...shape)}.`,
    );
  }
  return {
    weight,
    shape: [shape[0], shape[1]],
    rank,
    alpha,
    inAxis,
    a: `${weight}.lora_A`,
    b: `${weight}.lora_B`,
  };
}

function badLora(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-lora', remedy });
}

/**
 * Specs of the adapters' parameters, to be trained alone. A starts Kaiming-uniform over its inputs
 * and B at zero, so that the first step starts from the unchanged model.
 */
export function loraSpecs(adapters: readonly LoraAdapter[]): ParamSpecs {
  const entries = adapters.flatMap(({ a, b, rank, shape, inAxis }) => [
    [
      a,
      {
        shape: [rank, shape[inAxis]],
        init: init.kaimingUniform({ slope: Math.sqrt(5), inAxis: 1 }),
      },
    ] as const,
    [b, { shape: [shape[1 - inAxis], rank], init: init.zeros() }] as const,
  ]);
  return Object.fromEntries(entries);
}

/** (alpha / rank) · B A in the layout of the weight. */
function update(adapter: LoraAdapter, a: Tensor, b: Tensor): Tensor {
  const alpha = adapter.alpha / adapter.rank;
  return adapter.inAxis === 1
    ? matmul(b, a, { alpha })
    : matmul(a, b, { transposeA: true, transposeB: true, alpha });
}

/**
 * Wraps a parameter lookup: adapted weights come with their update added, everything else as before.
 * The lookup must know the adapters' parameters too.
 */
export function withLora(lookup: ParamLookup, adapters: readonly LoraAdapter[]): ParamLookup {
  const byWeight = new Map<string, LoraAdapter[]>();
  for (const adapter of adapters) {
    byWeight.set(adapter.weight, [...(byWeight.get(adapter.weight) ?? []), adapter]);
  }
  const adapted = new Map<string, Tensor>();
  return (name) => {
    const found = byWeight.get(name);
    if (!found) return lookup(name);
    let tensor = adapted.get(name);
    if (!tensor) {
      tensor = found.reduce(
        (weight, adapter) => add(weight, update(adapter, lookup(adapter.a), lookup(adapter.b))),
        lookup(name),
      );
      adapted.set(name, tensor);
    }
    return tensor;
  };
}

/**
 * Adds the updates into the weights: new arrays for adapted weights, the same ones for all others.
 * Sums are taken in float64.
 */
export function mergeLora(
  weights: Params,
  adapterParams: Params,
  adapters: readonly LoraAdapter[],
): Record<string, TensorData> {
  const out: Record<string, TensorData> = { ...weights };
  for (const adapter of adapters) {
    const { weight, rank, shape, inAxis } = adapter;
    const [a, b] = [adapterParams[adapter.a], adapterParams[adapter.b]];
    if (!a || !b || !out[weight]) {
      throw badLora(`'${weight}' or its adapter has no values`, 'Pass the trained parameters.');
    }
    const [aData, bData] = [a.data as Float32Array, b.data as Float32Array];
    const data = Float32Array.from(out[weight].data as Float32Array);
    const scale = adapter.alpha / rank;
    const inputs = shape[inAxis];
    for (let i = 0; i < data.length; i++) {
      const [row, column] = [Math.floor(i / shape[1]), i % shape[1]];
      const [from, to] = inAxis === 0 ? [row, column] : [column, row];
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += bData[to * rank + k] * aData[k * inputs + from];
      data[i] += scale * sum;
    }
    out[weight] = { dtype: 'float32', shape, data };
  }
  return out;
}
