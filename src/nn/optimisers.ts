import { add, div, mul, sign, sqrt, square, sub } from '../graph/build.ts';
import type { Tensor } from '../graph/op.ts';
import { type Optimiser, requireRange } from './optimiser.ts';

const { POSITIVE_INFINITY } = Number;

/** Settings of stochastic gradient descent. */
export interface SgdOptions {
  /** In [0, 1). Default 0. */
  readonly momentum?: number;
  /** Looks ahead along the momentum (Sutskever et al. 2013). */
  readonly nesterov?: boolean;
  /** L2 penalty, added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent; equal to `torch.optim.SGD` with dampening 0. */
export function sgd(options: SgdOptions = {}): Optimiser {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  requireRange(momentum, { name: 'momentum', low: 0, high: 1 });
  requireRange(weightDecay, { name: 'weightDecay', low: 0, high: POSITIVE_INFINITY });
  return {
    name: 'sgd',
    config: { momentum, nesterov },
    weightDecay,
    slots: momentum > 0 ? ['momentum'] : [],
    scalars: ({ lr }) => ({ lr }),
    update: ({ param, grad, slots, scalars, weightDecay: decay }) => {
      const g = decay > 0 ? add(grad, mul(param, decay)) : grad;
      const step = (direction: Tensor) => sub(param, mul(direction, scalars.lr));
      if (momentum === 0) return { param: step(g), slots: {} as Record<string, Tensor> };
      const velocity = add(mul(slots.momentum, momentum), g);
      const direction = nesterov ? add(g, mul(velocity, momentum)) : velocity;
      return { param: step(direction), slots: { momentum: velocity } };
    },
  };
}

/** Settings of Adam and AdamW. */
export interface AdamOptions {
  /** Decay of the mean of gradients, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0 for Adam (added to the gradient), 0.01 for AdamW (taken off the parameter). */
  readonly weightDecay?: number;
}

/** Adam with L2 penalty (Kingma and Ba 2015); equal to `torch.optim.Adam`. */
export function adam(options: AdamOptions = {}): Optimiser {
  return adamFamily('adam', { weightDecay: 0, ...options });
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019); equal to `torch.optim.AdamW`. */
export function adamW(options: AdamOptions = {}): Optimiser {
  return adamFamily('adamw', { weightDecay: 0.01, ...options });
}

/**
 * Every elementwise operation over a large parameter costs a pass through memory, so the moments are
 * kept as plain sums, M = m / (1 − β1) and V = v / (1 − β2), and every constant factor, with the
 * bias corrections, is folded into the two fed scalars:
 *   lr · m̂ / (√v̂ + ε) = stepSize · M / (√V + epsilon)
 */
function adamFamily(
  name: 'adam' | 'adamw',
  options: AdamOptions & { weightDecay: number },
): Optimiser {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay } = options;
  requireRange(beta1, { name: 'beta1', low: 0, high: 1 });
  requireRange(beta2, { name: 'beta2', low: 0, high: 1 });
  requireRange(epsilon, { name: 'epsilon', low: 0, high: POSITIVE_INFINITY });
  requireRange(weightDecay, { name: 'weightDecay', low: 0, high: POSITIVE_INFINITY });
  const decoupled = name === 'adamw';
  return {
    name,
    config: { beta1, beta2, epsilon },
    weightDecay,
    slots: ['sum1', 'sum2'],
    scalars: ({ update, lr, weightDecay: decay }) => {
      const root = Math.sqrt((1 - beta2) / (1 - beta2 ** update));
      return {
        stepSize: (lr * (1 - beta1)) / (1 - beta1 ** update) / root,
        epsilon: epsilon / root,
        keep: 1 - lr * decay,
      };
    },
    update: ({ param, grad, slots, scalars, weightDecay: decay }) => {
      const g = !decoupled && decay > 0 ? add(grad, mul(param, decay)) : grad;
      const sum1 = add(mul(slots.sum1, beta1), g);
      const sum2 = add(mul(slots.sum2, beta2), square(g));
      const step = mul(div(sum1, add(sqrt(sum2), scalars.epsilon)), scalars.stepSize);
      const kept: Tensor = decoupled && decay > 0 ? mul(param, scalars.keep) : param;
      return { param: sub(kept, step), slots: { sum1, sum2 } };
    },
  };
}

/** Settings of Lion. */
export interface LionOptions {
  /** Share of the momentum in the step's direction, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the momentum, in [0, 1). Default 0.99. */
  readonly beta2?: number;
  /** Taken off the parameter, as in AdamW. Default 0. */
  readonly weightDecay?: number;
}

/** Lion, the sign of an interpolated momentum (Chen et al. 2023, algorithm 2). */
export function lion(options: LionOptions = {}): Optimiser {
  const { beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  requireRange(beta1, { name: 'beta1', low: 0, high: 1 });
  requireRange(beta2, { name: 'beta2', low: 0, high: 1 });
  requireRange(weightDecay, { name: 'weightDecay', low: 0, high: POSITIVE_INFINITY });
  return {
    name: 'lion',
    config: { beta1, beta2 },
    weightDecay,
    slots: ['momentum'],
    scalars: ({ lr, weightDecay: decay }) => ({ lr, keep: 1 - lr * decay }),
    update: ({ param, grad, slots, scalars, weightDecay: decay }) => {
      const direction = sign(add(mul(slots.momentum, beta1), mul(grad, 1 - beta1)));
      const momentum = add(mul(slots.momentum, beta2), mul(grad, 1 - beta2));
      const kept: Tensor = decay > 0 ? mul(param, scalars.keep) : param;
      return { param: sub(kept, mul(direction, scalars.lr)), slots: { momentum } };
    },
  };
}
