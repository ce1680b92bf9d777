import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import type { Edit } from '../../model/run/edit-types.ts';
import { directLogitAttribution } from '../attribution.ts';
import { bootstrap, type Estimate } from '../intervals.ts';
import type { IoiExample } from './dataset.ts';

/** Some heads carry at the last position what they carry on the corrupted sentence. */
async function knockOut(
  model: Model,
  example: IoiExample,
  movers: readonly { readonly layer: number; readonly head: number }[],
): Promise<Edit[]> {
  const layers = [...new Set(movers.map(({ layer }) => layer))];
  const addresses = layers.map((layer) => `blocks.${layer}.attn.hook_z`);
  const { cache } = await model.runWithCache(example.corrupted, addresses, { logits: 'none' });
  return layers.map((layer, i) => ({
    op: 'patch',
    at: addresses[i],
    from: cache[addresses[i]],
    heads: movers.filter((mover) => mover.layer === layer).map(({ head }) => head),
    positions: [example.positions.end],
  }));
}

/**
 * How much every head's direct effect on the logit difference grows when the name movers are knocked out (Wang et
 * al. 2022, section 3.4), in head order: a share of the mean logit difference, with bootstrap intervals over
 * sentences. The final norm keeps the plain run's scale, which a knock-out would shrink for all heads alike.
 * Null for the name movers themselves, and for all heads when there are none.
 *
 * @param examples with the corruption `abc`, so that nobody is repeated where movers are taken from
 */
export async function backupEffects(
  model: Model,
  examples: readonly IoiExample[],
  options: {
    readonly movers: readonly { readonly layer: number; readonly head: number }[];
    readonly progress?: ProgressListener;
    readonly signal?: AbortSignal;
  },
): Promise<(Estimate | null)[]> {
  const { movers, progress, signal } = options;
  const { nLayers, nHeads } = model.config;
  if (movers.length === 0) return new Array<null>(nLayers * nHeads).fill(null);
  const plain: number[] = [];
  const grown: number[][] = [];
  for (const [done, example] of examples.entries()) {
    signal?.throwIfAborted();
    progress?.({ label: 'backups', done, total: examples.length, unit: 'prompts' });
    const { clean, target, distractor } = example;
    const before = await directLogitAttribution(model, clean, { target, distractor });
    const edits = await knockOut(model, example, movers);
    const after = await directLogitAttribution(model, clean, { target, distractor, edits });
    const heads = ({ components }: typeof before) =>
      components.filter(({ kind }) => kind === 'head');
    const later = heads(after);
    const ratio = after.scale / before.scale;
    plain.push(before.logitDiff);
    grown.push(heads(before).map(({ effect }, i) => later[i].effect * ratio - effect));
  }
  const mean = (indices: readonly number[], of: (i: number) => number) =>
    indices.reduce((sum, i) => sum + of(i), 0) / indices.length;
  return Array.from({ length: nLayers * nHeads }, (_, i) => {
    const [layer, head] = [Math.floor(i / nHeads), i % nHeads];
    if (movers.some((mover) => mover.layer === layer && mover.head === head)) return null;
    return bootstrap(
      examples.length,
      (indices) => mean(indices, (row) => grown[row][i]) / mean(indices, (row) => plain[row]),
    );
  });
}
