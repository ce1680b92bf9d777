import { GlassboxError } from '../../base/error.ts';
import type { Model } from '../../model/model.ts';
import { bootstrap, type Estimate } from '../intervals.ts';
import { activationPatching } from './sweep.ts';
import type { PatchPair, PatchResult, SweepOptions } from './types.ts';

/** A sweep averaged over prompt pairs. */
export interface AveragedPatching extends Pick<PatchResult, 'site' | 'direction' | 'axes'> {
  readonly n: number;
  /** Mean logit differences of the plain runs, in logits. */
  readonly metric: { readonly clean: Estimate; readonly corrupted: Estimate };
  /**
   * (mean patched − mean corrupted) / (mean clean − mean corrupted), with bootstrap intervals over
   * pairs, 95 %.
   */
  readonly effect: readonly (readonly Estimate[])[];
}

const mean = (indices: readonly number[], of: (i: number) => number) =>
  indices.reduce((sum, i) => sum + of(i), 0) / indices.length;

/**
 * Activation patching over many prompt pairs. The means are taken first and normalised then, so pairs
 * with a small difference do not dominate.
 *
 * @throws GlassboxError as {@link activationPatching}; `pairs-do-not-align` when pairs give axes of
 *   different labels; `no-prompts`
 */
export async function averagePatching(
  model: Model,
  pairs: readonly PatchPair[],
  options: SweepOptions & { readonly seed?: number },
): Promise<AveragedPatching> {
  const results: PatchResult[] = [];
  for (const pair of pairs) {
    const result = await activationPatching(model, {
      ...pair,
      ...options,
      progress({ done, total = 0, ...rest }) {
        const before = results.length * total;
        options.progress?.({ ...rest, done: before + done, total: pairs.length * total });
      },
    });
    const [first = result] = results;
    if (JSON.stringify(first.axes) !== JSON.stringify(result.axes)) {
      throw new GlassboxError(
        `pair ${results.length} has ${result.axes.columns.labels.length} columns and pair 0 has ${first.axes.columns.labels.length}, or other names`,
        {
          code: 'pairs-do-not-align',
          remedy: 'Give every pair the same named positions, or prompts of the same length.',
        },
      );
    }
    results.push(result);
  }
  if (results.length === 0) {
    throw new GlassboxError('there are no prompt pairs', {
      code: 'no-prompts',
      remedy: 'Give at least one clean and corrupted prompt.',
    });
  }
  const n = results.length;
  const { site, direction, axes } = results[0];
  const settings = { seed: options.seed };
  const over = (of: (result: PatchResult) => number) =>
    bootstrap(n, (indices) => mean(indices, (i) => of(results[i])), settings);
  return {
    n,
    site,
    direction,
    axes,
    metric: {
      clean: over(({ metric }) => metric.clean),
      corrupted: over(({ metric }) => metric.corrupted),
    },
    effect: axes.rows.labels.map((_, row) =>
      axes.columns.labels.map((__, column) =>
        bootstrap(
          n,
          (indices) => {
            const corrupted = mean(indices, (i) => results[i].metric.corrupted);
            const clean = mean(indices, (i) => results[i].metric.clean);
            const patched = mean(indices, (i) => results[i].logitDiff[row][column]);
            return (patched - corrupted) / (clean - corrupted);
          },
          settings,
        ),
      ),
    ),
  };
}
