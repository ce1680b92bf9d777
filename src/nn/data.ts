import type { Feeds } from '../runtime/runtime.ts';

/**
 * Where batches come from. A batch is a function of its index alone, so that resuming at a step needs
 * no replay; a source that cannot do that saves and restores a state.
 */
export interface DataSource {
  /** Batch `index`, counted from 0 over the whole run: step · microBatches + micro-batch. */
  batch(index: number): Feeds | Promise<Feeds>;
  /** JSON kept in checkpoints. */
  state?(): unknown;
  restore?(state: unknown): void;
}

/** A data source from a plain function of the index. */
export function dataSource(batch: (index: number) => Feeds | Promise<Feeds>): DataSource {
  return { batch };
}

/** Elements of the largest int64 input, which for language models are the tokens of a batch. */
export function countTokens(feeds: Feeds): number {
  return Object.values(feeds)
    .filter(({ dtype }) => dtype === 'int64')
    .reduce((most, { data }) => Math.max(most, data.length), 0);
}
