import { GlassboxError } from '../base/error.ts';
import type { Rng } from '../base/rng.ts';
import { formatShape } from '../graph/dim.ts';

/** Makes the first values of a parameter: row-major, one per element of the shape. */
export type Initialiser = (shape: readonly number[], rng: Rng) => Float32Array;

/**
 * Which axis of a matrix counts the inputs of the layer: 0 for `x @ W` with W `[in, out]` (GPT-2),
 * 1 for W `[out, in]` (most other checkpoints).
 */
export interface FanOptions {
  readonly inAxis?: 0 | 1;
}

function fill(shape: readonly number[], value: () => number): Float32Array {
  const out = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < out.length; i++) out[i] = value();
  return out;
}

function fans(shape: readonly number[], options: FanOptions): { fanIn: number; fanOut: number } {
  if (shape.length !== 2) {
    throw new GlassboxError(`fan-based initialisers need a matrix, got ${formatShape(shape)}`, {
      code: 'bad-initialiser',
      remedy: 'Use normal, uniform, zeros or ones for parameters that are not matrices.',
    });
  }
  const inAxis = options.inAxis ?? 0;
  return { fanIn: shape[inAxis], fanOut: shape[1 - inAxis] };
}

function requirePositive(value: number, what: string): void {
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new GlassboxError(`${what} must be a positive number, got ${value}`, {
      code: 'bad-initialiser',
      remedy: `Give a positive ${what}.`,
    });
  }
}

/** Initialisers by name; each call gives a function of shape and generator. */
export const init = {
  zeros: (): Initialiser => (shape) => fill(shape, () => 0),

  ones: (): Initialiser => (shape) => fill(shape, () => 1),

  constant:
    (value: number): Initialiser =>
    (shape) =>
      fill(shape, () => value),

  /** Normal with the given standard deviation. */
  normal({ std, mean = 0 }: { std: number; mean?: number }): Initialiser {
    requirePositive(std, 'std');
    return (shape, rng) => fill(shape, () => mean + std * rng.normal());
  },

  /** Normal, redrawn until within `limit` standard deviations of the mean (2 by default). */
  truncatedNormal({ std, limit = 2 }: { std: number; limit?: number }): Initialiser {
    requirePositive(std, 'std');
    requirePositive(limit, 'limit');
    return (shape, rng) =>
      fill(shape, () => {
        let z = rng.normal();
        while (Math.abs(z) > limit) z = rng.normal();
        return std * z;
      });
  },

  /** Uniform in [low, high). */
  uniform({ low, high }: { low: number; high: number }): Initialiser {
    requirePositive(high - low, 'high - low');
    return (shape, rng) => fill(shape, () => low + (high - low) * rng.next());
  },

  /** Uniform in ±sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010). */
  xavierUniform(options: FanOptions = {}): Initialiser {
    return (shape, rng) => {
      const { fanIn, fanOut } = fans(shape, options);
      const bound = Math.sqrt(6 / (fanIn + fanOut));
      return fill(shape, () => bound * (2 * rng.next() - 1));
    };
  },

  /** Normal with variance 2 / (fan in + fan out) (Glorot and Bengio 2010). */
  xavierNormal(options: FanOptions = {}): Initialiser {
    return (shape, rng) => {
      const { fanIn, fanOut } = fans(shape, options);
      const std = Math.sqrt(2 / (fanIn + fanOut));
      return fill(shape, () => std * rng.normal());
    };
  },

  /** Uniform in ±sqrt(6 / ((1 + slope²) · fan in)) (He et al. 2015); slope of the leaky ReLU, 0 for ReLU. */
  kaimingUniform({ slope = 0, ...options }: FanOptions & { slope?: number } = {}): Initialiser {
    return (shape, rng) => {
      const bound = Math.sqrt(6 / ((1 + slope * slope) * fans(shape, options).fanIn));
      return fill(shape, () => bound * (2 * rng.next() - 1));
    };
  },

  /** Normal with variance 2 / ((1 + slope²) · fan in) (He et al. 2015). */
  kaimingNormal({ slope = 0, ...options }: FanOptions & { slope?: number } = {}): Initialiser {
    return (shape, rng) => {
      const std = Math.sqrt(2 / ((1 + slope * slope) * fans(shape, options).fanIn));
      return fill(shape, () => std * rng.normal());
    };
  },

  /**
   * Normal for matrices that write into the residual stream, scaled by 1 / sqrt(2 · layers) so that
   * the stream's variance does not grow with depth (Radford et al. 2019, GPT-2).
   */
  residual({ std = 0.02, layers }: { std?: number; layers: number }): Initialiser {
    requirePositive(layers, 'layers');
    return init.normal({ std: std / Math.sqrt(2 * layers) });
  },
};
