import { GlassboxError } from '../base/error.ts';

/**
 * Learning rate as a plain function of the step, counted from 0. The rate is fed to the compiled
 * step as an input, so changing it never recompiles anything.
 */
export type Schedule = (step: number) => number;

/** A rise to `peak` over `warmup` steps, then a fall that ends at `floor` when `total` steps are done. */
export interface DecayOptions {
  readonly peak: number;
  readonly total: number;
  /** Steps of linear rise from 0 (step 0 has rate 0, as in `transformers`). Default 0. */
  readonly warmup?: number;
  /** Rate at and after `total`. Default 0. */
  readonly floor?: number;
}

function check({ peak, total, warmup = 0, floor = 0 }: DecayOptions): Required<DecayOptions> {
  const whole = (value: number) => Number.isInteger(value) && value >= 0;
  if (!(peak > 0) || !(floor >= 0) || floor > peak || !whole(warmup) || !whole(total)) {
    throw new GlassboxError(
      `schedule with peak ${peak}, floor ${floor}, warmup ${warmup}, total ${total} makes no sense`,
      {
        code: 'bad-schedule',
        remedy: 'Give peak > 0, 0 <= floor <= peak, and whole step counts.',
      },
    );
  }
  if (warmup > total) {
    throw new GlassboxError(`warm-up of ${warmup} steps is longer than all ${total} steps`, {
      code: 'bad-schedule',
      remedy: 'Shorten the warm-up or train longer.',
    });
  }
  return { peak, total, warmup, floor };
}

/** From 1 at the end of the warm-up to 0 when `total` steps are done, through a shape. */
function decaying(options: DecayOptions, shape: (remaining: number) => number): Schedule {
  const { peak, total, warmup, floor } = check(options);
  return (step) => {
    if (step < warmup) return (peak * step) / warmup;
    if (step >= total) return floor;
    return floor + (peak - floor) * shape((total - step) / (total - warmup));
  };
}

/** One rate throughout, after a linear warm-up of `warmup` updates (none unless told). */
export function constantSchedule(rate: number, options: { warmup?: number } = {}): Schedule {
  const warmup = options.warmup ?? 0;
  check({ peak: rate, total: warmup, warmup });
  return (step) => (step < warmup ? (rate * step) / warmup : rate);
}

/** A straight line from peak to floor. */
export function linearSchedule(options: DecayOptions): Schedule {
  return decaying(options, (remaining) => remaining);
}

/** Half a cosine from peak to floor (Loshchilov and Hutter 2017, without restarts). */
export function cosineSchedule(options: DecayOptions): Schedule {
  return decaying(options, (remaining) => 0.5 * (1 - Math.cos(Math.PI * remaining)));
}

/**
 * Warm-up, a long stretch at the peak, then a linear fall over the last `decay` steps
 * (Hu et al. 2024, MiniCPM).
 */
export function warmupStableDecaySchedule(options: DecayOptions & { decay: number }): Schedule {
  const { peak, total, warmup, floor } = check(options);
  const { decay } = options;
  if (!Number.isInteger(decay) || decay < 0 || warmup + decay > total) {
    throw new GlassboxError(`warm-up ${warmup} and decay ${decay} do not fit into ${total} steps`, {
      code: 'bad-schedule',
      remedy: 'Make warmup + decay <= total.',
    });
  }
  return (step) => {
    if (step < warmup) return (peak * step) / warmup;
    if (step >= total) return floor;
    const remaining = Math.min(1, (total - step) / Math.max(1, decay));
    return floor + (peak - floor) * remaining;
  };
}
