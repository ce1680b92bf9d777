import type { Tensor } from '../graph/op.ts';
import { createProgram } from '../graph/program.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { DataSource } from './data.ts';
import { selectInputs } from './feeds.ts';
import type { Params } from './params.ts';
import { type LossGraphOptions, traceLoss } from './step.ts';

/** A compiled loss that is only measured, never trained. */
export interface LossEvaluator {
  /**
   * Weighted mean of loss and metrics over batches 0 … count − 1: `{ loss, ...metrics }`, each in its
   * own unit.
   */
  run(
    params: Params,
    options: { readonly data: DataSource; readonly batches: number },
  ): Promise<Record<string, number>>;
  release(): Promise<void>;
}

/** Compiles a loss forward only, to measure it on held-out batches. */
export async function createLossEvaluator(
  options: LossGraphOptions & { readonly runtime: Runtime; readonly fixed?: Params },
): Promise<LossEvaluator> {
  const { loss, weight, metrics } = traceLoss(options);
  const outputs: Record<string, Tensor> = { ...metrics, loss, ...(weight && { weight }) };
  const executable = await options.runtime.compile(createProgram(outputs));
  return {
    async run(params, { data, batches }) {
      const totals: Record<string, number> = {};
      let totalWeight = 0;
      for (let i = 0; i < batches; i++) {
        const feeds = { ...options.fixed, ...params, ...(await data.batch(i)) };
        const out = await executable.run(selectInputs(executable.program, feeds));
        const count = out.weight ? Number(out.weight.data[0]) : 1;
        totalWeight += count;
        for (const [name, { data: values }] of Object.entries(out)) {
          if (name !== 'weight') totals[name] = (totals[name] ?? 0) + count * Number(values[0]);
        }
      }
      return Object.fromEntries(
        Object.entries(totals).map(([name, total]) => [name, total / totalWeight]),
      );
    },
    release: () => executable.release(),
  };
}
