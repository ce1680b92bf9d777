import {
  type SyntheticBench,
  syntheticBench,
  syntheticDefaults,
  syntheticRules,
} from '../../microscope/dictionary/index.ts';
import { nodeRuntime } from '../../runtime/index.ts';
import type { CommandSpec } from '../command.ts';
import { wholeNumber, wholeNumberList } from '../parse.ts';
import { fixed, table } from '../table.ts';

/** Features per row that kinds aim at, about as many as are present. */
const K = 6;

const columns = [
  ['L0', 'l0', 1],
  ['explained variance', 'explainedVariance', 3],
  ['MCC', 'mcc', 3],
  ['F1', 'f1', 3],
  ['precision', 'precision', 3],
  ['recall', 'recall', 3],
  ['uniqueness', 'uniqueness', 3],
  ['dead', 'dead', 3],
] as const;

function resultTable({ results }: SyntheticBench): string {
  const rows = results.map(({ name, figures }) => [
    name,
    ...columns.map(([, key, digits]) => {
      const { mean, deviation, n } = figures[key];
      return n > 1 ? `${fixed(mean, digits)} ± ${fixed(deviation, digits)}` : fixed(mean, digits);
    }),
  ]);
  return table(['kind', ...columns.map(([label]) => label)], rows);
}

export const synthCommand: CommandSpec = {
  name: 'synth',
  summary: 'train every kind of dictionary in a world whose features are known, and score it',
  examples: [
    { line: 'dict synth', does: 'the table of docs/dictionaries.md; a few minutes' },
    { line: 'dict synth --seeds 1 --steps 200 --json', does: 'a quick look, as JSON' },
  ],
  define: (command) =>
    command
      .option(
        '--seeds <list>',
        'initial weights, one training each',
        wholeNumberList('--seeds', 0),
        [...syntheticDefaults.seeds],
      )
      .option('--steps <n>', 'steps', wholeNumber('--steps', 1), syntheticDefaults.steps)
      .option('--world <seed>', 'which world', wholeNumber('--world', 0), 1),
  async action(context, { options }) {
    const { seeds, steps } = options;
    const world = { ...syntheticDefaults.world, seed: options.world };
    const { dDict, rows, learningRate, learningRates } = syntheticDefaults;
    const found = await syntheticBench({
      ...{ world, dDict, rows, learningRate, learningRates, seeds, steps },
      runtime: nodeRuntime({ threads: 1 }),
      rules: syntheticRules(K, dDict),
      progress: context.progress,
      signal: context.signal,
    });
    context.result({ world, dDict, rows, steps, seeds, ...found }, () =>
      [
        resultTable(found),
        `${world.features} features in ${world.width} dimensions, ${fixed(found.trueL0, 1)} present per row, mean largest |cosine| ${fixed(found.overlap, 2)}; ` +
          `${dDict} features per dictionary, ${steps} steps of ${rows} rows, ${found.heldOutRows} held-out rows; mean ± standard deviation over ${seeds.length} seeds of the initial weights`,
      ].join('\n'),
    );
    return undefined;
  },
};
