import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import { bootstrapMean, type Estimate } from '../intervals.ts';
import type { IoiExample, IoiPositions } from './dataset.ts';

/** Attention between the places that matter, by name. */
export const ioiLooks = {
  endToIo: ['end', 'io'],
  endToS1: ['end', 's1'],
  endToS2: ['end', 's2'],
  s2ToS1: ['s2', 's1'],
  s2ToS1Next: ['s2', 's1Next'],
  s1NextToS1: ['s1Next', 's1'],
} as const satisfies Record<string, readonly [keyof IoiPositions, keyof IoiPositions]>;
/** The name of a pair of places: from where a head looks, and to where. */
export type IoiLook = keyof typeof ioiLooks;

/** Mean attention of one head between those places, in [0, 1], with bootstrap intervals. */
export type IoiAttention = Readonly<Record<IoiLook, Estimate>>;

/** Attention of every head, `[layer][head]`. */
export async function ioiAttention(
  model: Model,
  examples: readonly IoiExample[],
  options: { readonly progress?: ProgressListener; readonly signal?: AbortSignal } = {},
): Promise<IoiAttention[][]> {
  const { nLayers, nHeads } = model.config;
  const looks = Object.entries(ioiLooks) as [
    IoiLook,
    readonly [keyof IoiPositions, keyof IoiPositions],
  ][];
  const samples = Array.from({ length: nLayers * nHeads * looks.length }, () => [] as number[]);
  // One sentence at a time: patterns of many long prompts would take memory for nothing.
  for (const [done, { clean, positions }] of examples.entries()) {
    options.signal?.throwIfAborted();
    options.progress?.({ label: 'attention', done, total: examples.length, unit: 'prompts' });
    const { cache } = await model.runWithCache(clean, 'blocks.*.attn.hook_pattern', {
      logits: 'none',
      reuseOutputs: true,
    });
    const pos = clean.length;
    for (let layer = 0; layer < nLayers; layer++) {
      const pattern = cache[`blocks.${layer}.attn.hook_pattern`].data as Float32Array;
      for (let head = 0; head < nHeads; head++) {
        looks.forEach(([, [query, key]], i) => {
          const value = pattern[(head * pos + positions[query]) * pos + positions[key]];
          samples[(layer * nHeads + head) * looks.length + i].push(value);
        });
      }
    }
  }
  return Array.from({ length: nLayers }, (_, layer) =>
    Array.from({ length: nHeads }, (__, head) => {
      const start = (layer * nHeads + head) * looks.length;
      return Object.fromEntries(
        looks.map(([name], i) => [name, bootstrapMean(samples[start + i], { resamples: 200 })]),
      ) as IoiAttention;
    }),
  );
}
