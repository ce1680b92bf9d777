import { add, div, matmul, mul, sqrt, square, sub, sum } from '../graph/build.ts';
import type { Tensor } from '../graph/op.ts';
import { type Optimiser, requireRange } from './optimiser.ts';
import { type AdamOptions, adamW } from './optimisers.ts';

/** Settings of Muon. */
export interface MuonOptions {
  /** Which parameters Muon updates, by shape `[in, out]`; AdamW updates the others. */
  readonly hidden: (shape: readonly number[]) => boolean;
  /** Learning rate of the AdamW part as a multiple of the scheduled one. Default 0.2. */
  readonly adamScale?: number;
  /** In [0, 1). Default 0.95. */
  readonly momentum?: number;
  /** Decay of hidden matrices, in [0, ∞). Default 0. */
  readonly weightDecay?: number;
  readonly adam?: Omit<AdamOptions, 'weightDecay'>;
}

/** Coefficients of the quintic Newton–Schulz iteration, chosen for a steep start (Jordan 2024). */
const QUINTIC = [3.4445, -4.775, 2.0315] as const;
const ITERATIONS = 5;

/**
 * Muon (Jordan et al. 2024) for hidden matrices, AdamW without decay for everything else. The step of
 * a matrix is its Nesterov momentum with all singular values brought near 1, so that no direction
 * is learned slowly; small transformers need a fraction of the tokens. The learning rate is the
 * size of a singular value's step (0.02 is usual), whatever the width.
 */
export function muon(options: MuonOptions): Optimiser {
  const { hidden, adamScale = 0.2, momentum = 0.95, weightDecay = 0 } = options;
  requireRange(momentum, { name: 'momentum', low: 0, high: 1 });
  requireRange(adamScale, { name: 'adamScale', low: 0, high: Number.POSITIVE_INFINITY });
  const rest = adamW({ ...options.adam, weightDecay: 0 });
  return {
    name: 'muon',
    config: { ...rest.config, adamScale, momentum },
    weightDecay,
    slots: rest.slots,
    scalars: ({ update, lr, weightDecay: decay }) => ({
      ...rest.scalars({ update, lr: lr * adamScale, weightDecay: 0 }),
      lr,
      decayed: 1 - lr * decay,
    }),
    update(context) {
      const { param, grad, slots, scalars, weightDecay: decay } = context;
      const [rows, columns] = param.shape as readonly number[];
      if (!hidden(param.shape as readonly number[])) {
        return rest.update({ ...context, weightDecay: 0 });
      }
      const velocity = add(mul(slots.sum1, momentum), grad);
      const direction = orthogonalize(add(grad, mul(velocity, momentum)));
      const scale = Math.sqrt(Math.max(1, columns / rows));
      const kept = decay > 0 ? mul(param, scalars.decayed) : param;
      const next = sub(kept, mul(direction, mul(scalars.lr, scale)));
      // A matrix has no second moment; its slot stays what it was, zero.
      return { param: next, slots: { sum1: velocity, sum2: slots.sum2 } };
    },
  };
}

/**
 * The nearest semi-orthogonal matrix, roughly: singular values end in about [0.7, 1.2].
 * A `[rows, columns]` matrix of any scale; the Gram matrix is taken on its shorter side.
 */
export function orthogonalize(matrix: Tensor): Tensor {
  const [rows, columns] = matrix.shape as readonly number[];
  const wide = rows <= columns;
  const [a, b, c] = QUINTIC;
  let x = div(matrix, add(sqrt(sum(square(matrix))), 1e-7));
  for (let i = 0; i < ITERATIONS; i++) {
    const gram = wide ? matmul(x, x, { transposeB: true }) : matmul(x, x, { transposeA: true });
    const polynomial = add(mul(gram, b), mul(matmul(gram, gram), c));
    x = add(mul(x, a), wide ? matmul(polynomial, x) : matmul(x, polynomial));
  }
  return x;
}
