import { GlassboxError } from '../../base/error.ts';
import {
  add,
  cast,
  concat,
  constant,
  cos,
  exp,
  expand,
  greater,
  log,
  max,
  maximum,
  mul,
  neg,
  ones,
  sin,
  slice,
  tensorData,
  unsqueeze,
  where,
  zeros,
} from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import type { RopeScaling, RotaryPositions } from '../config.ts';

/** Cosines and signed sines of the rotation, `[..., 1, d_head]`, broadcasting over heads. */
export interface RotaryTables {
  readonly cos: Tensor;
  /** Negative on the first half of the rotated dimensions, zero on those that are not rotated. */
  readonly sin: Tensor;
  /** How many of the `d_head` dimensions are rotated. */
  readonly dim: number;
}

type Scaling<K extends RopeScaling['kind']> = Extract<RopeScaling, { kind: K }>;

function row(values: readonly number[]): Tensor {
  return constant(tensorData(values, [values.length]));
}

/** theta^(-2i / dim) for i < dim / 2, in radians per position. */
function baseFrequencies({ theta, dim }: RotaryPositions): number[] {
  return Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
}

/** Long wavelengths are stretched by `factor`, short ones kept, with a ramp between (Llama 3.1). */
function llama3(frequency: number, scaling: Scaling<'llama3'>): number {
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalContext } = scaling;
  const turns = (originalContext * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const smooth = (turns - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** Interpolation by parts (Peng et al. 2023, YaRN, section 3.2). */
function yarn(rotary: RotaryPositions, scaling: Scaling<'yarn'>): number[] {
  const { theta, dim } = rotary;
  const { factor, originalContext, betaFast, betaSlow, truncate } = scaling;
  const dimensionOf = (turns: number) =>
    (dim * Math.log(originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const whole = (value: number, round: (x: number) => number) => (truncate ? round(value) : value);
  const low = Math.max(0, whole(dimensionOf(betaFast), Math.floor));
  let high = Math.min(dim - 1, whole(dimensionOf(betaSlow), Math.ceil));
  if (high === low) high += 0.001;
  return baseFrequencies(rotary).map((frequency, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
}

/**
 * Past the original context L the base grows with the length n of the call:
 * base' = base · (factor · n / L − (factor − 1))^(dim / (dim − 2)).
 */
function dynamic(rotary: RotaryPositions, scaling: Scaling<'dynamic'>, length: Tensor): Tensor {
  const { theta, dim } = rotary;
  const { factor, originalContext } = scaling;
  const seen = maximum(length, originalContext);
  const stretch = add(mul(seen, factor / originalContext), 1 - factor);
  const logBase = add(mul(log(stretch), dim / (dim - 2)), Math.log(theta));
  const exponents = Array.from({ length: dim / 2 }, (_, i) => (-2 * i) / dim);
  return exp(mul(row(exponents), logBase));
}

/** Frequencies `[dim / 2]`; those that depend on the length of the call are traced from it. */
function frequencies(rotary: RotaryPositions, length: () => Tensor): Tensor {
  const { scaling } = rotary;
  const base = baseFrequencies(rotary);
  switch (scaling.kind) {
    case 'none':
      return row(base);
    case 'linear':
      return row(base.map((frequency) => frequency / scaling.factor));
    case 'llama3':
      return row(base.map((frequency) => llama3(frequency, scaling)));
    case 'yarn':
      return row(yarn(rotary, scaling));
    case 'dynamic':
      return dynamic(rotary, scaling, length());
    case 'longrope':
      return where(
        greater(length(), scaling.originalContext),
        row(base.map((frequency, i) => frequency / scaling.longFactor[i])),
        row(base.map((frequency, i) => frequency / scaling.shortFactor[i])),
      );
  }
}

/**
 * The tables of one rotation (Su et al. 2021), computed once per call and shared by its layers.
 *
 * @param positions int64 `[pos]` or `[batch, pos]`
 * @param options.local the unscaled rotation with `localTheta` that sliding layers of Gemma 3 use
 */
export function rotaryTables(
  rotary: RotaryPositions,
  positions: Tensor,
  options: { readonly dHead: number; readonly local: boolean },
): RotaryTables {
  if (rotary.interleaved) {
    throw new GlassboxError('rotary positions in interleaved pairs are not supported', {
      code: 'unsupported-config',
      remedy: 'Permute the query and key weights to the half-split layout and set interleaved off.',
    });
  }
  const used: RotaryPositions =
    options.local && rotary.localTheta !== undefined
      ? { ...rotary, theta: rotary.localTheta, scaling: { kind: 'none' } }
      : rotary;
  const at = cast(positions, 'float32');
  const angles = mul(
    unsqueeze(at, -1),
    frequencies(used, () => add(max(at), 1)),
  );
  const { scaling } = used;
  const gain = 'attentionFactor' in scaling ? scaling.attentionFactor : 1;
  const scaled = (x: Tensor) => (gain === 1 ? x : mul(x, gain));
  const c = scaled(cos(angles));
  const s = scaled(sin(angles));
  const rest = options.dHead - used.dim;
  const tail = (fill: typeof ones) => (rest === 0 ? [] : [expand(fill([]), [...at.shape, rest])]);
  return {
    cos: unsqueeze(concat([c, c, ...tail(ones)], -1), -2),
    sin: unsqueeze(concat([neg(s), s, ...tail(zeros)], -1), -2),
    dim: used.dim,
  };
}

/** Rotates x `[batch, pos, heads, d_head]` by the tables: x · cos + halves exchanged · sin. */
export function rotate(x: Tensor, tables: RotaryTables): Tensor {
  const half = tables.dim / 2;
  const exchanged = concat(
    [
      slice(x, { axis: -1, start: half, end: tables.dim }),
      slice(x, { axis: -1, start: 0, end: half }),
      ...(x.shape.at(-1) === tables.dim ? [] : [slice(x, { axis: -1, start: tables.dim })]),
    ],
    -1,
  );
  return add(mul(x, tables.cos), mul(exchanged, tables.sin));
}
