import type { ProgressListener } from '../base/progress.ts';
import { evalSets, evaluate, type Generate, unbarredNames } from './evaluation.ts';
import type { FurtherResults } from './manifest.ts';
import { contextMarks } from './world/context.ts';
import type { World } from './world/world.ts';

/**
 * What a model card should tell beside the bars: whether a context mark, which changes no right
 * answer, changes the model's; and how well the mechanisms do that hold nothing out.
 *
 * @param options.count prompts per set and condition, 300 unless told
 */
export async function measureFurther(
  world: World,
  generate: Generate,
  options: { readonly count?: number; readonly onProgress?: ProgressListener } = {},
): Promise<FurtherResults[]> {
  const { count = 300, onProgress } = options;
  const measured: FurtherResults[] = [];
  for (const mark of contextMarks) {
    const sets = evalSets(world, { count, mark });
    const results = await evaluate(sets, generate, { onProgress });
    measured.push({ condition: `marked as ${mark}`, results });
  }
  const sets = evalSets(world, { count, names: unbarredNames });
  const results = await evaluate(sets, generate, { onProgress });
  measured.push({ condition: 'nothing held out', results });
  return measured;
}
