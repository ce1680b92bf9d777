import { Rng } from '../../base/rng.ts';
import {
  type ConceptReport,
  probeConcepts,
  type Spread,
  spread,
} from '../../microscope/dictionary/index.ts';
import { tokenizerOf } from '../../microscope/prompt.ts';
import { contextLength } from '../../model/run/batch.ts';
import { createWorld, documentText, mechanisms } from '../../organisms/index.ts';
import type { CommandSpec } from '../command.ts';
import { excludedTokens } from '../corpus.ts';
import { openDictionaries } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

/** What is told of one dictionary. */
interface ProbeResult {
  readonly folder: string;
  /** Of the first draw. */
  readonly concepts: readonly ConceptReport[];
  readonly accuracy: Readonly<Record<'1' | '2' | '5' | 'model', Spread>>;
  readonly absorption: {
    readonly assessed: number;
    readonly of: number;
    readonly full: number;
    readonly fraction: number;
  };
}

/** Draws of the probed tokens, for the spread. */
const SEEDS = [0, 1, 2];

export const probeCommand: CommandSpec = {
  name: 'probe',
  summary: 'can few features tell what a text is about? sparse probing and absorption',
  examples: [
    {
      line: 'dict probe models/glassbox-atlas/dictionaries/resid-2',
      does: 'every mechanism of the built-in world, on held-out documents',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<folders...>', 'dictionaries, or folders that hold some')
      .option('--count <n>', 'documents per mechanism', wholeNumber('--count', 8), 60)
      .option('--exclude <token...>', 'tokens left out; begin-of-text and padding unless told'),
  async action(context, { args: [folders], options }) {
    const opened = await openDictionaries(folders);
    const model = await openModel(context, options);
    const tokenizer = tokenizerOf(model);
    const world = createWorld();
    const rng = new Rng(5);
    const labels = mechanisms.flatMap((name) => new Array<string>(options.count).fill(name));
    const rows = mechanisms.flatMap((name) =>
      Array.from({ length: options.count }, () =>
        tokenizer
          .encode(documentText(world.write(name, rng, 'held-out')), { addSpecialTokens: true })
          .slice(0, contextLength(model.config)),
      ),
    );
    const filter = { excluded: excludedTokens(model, options.exclude) };
    const results: ProbeResult[] = [];
    for (const { folder, dictionary } of opened) {
      const seeds: ConceptReport[][] = [];
      for (const seed of SEEDS) {
        seeds.push(await probeConcepts(model, dictionary, { rows, labels }, { filter, seed }));
      }
      const all = seeds.flat();
      const measured = all.flatMap(({ absorption }) =>
        absorption.notAssessed === undefined ? [absorption] : [],
      );
      const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
      const perSeed = (of: (report: (typeof all)[number]) => number) =>
        spread(seeds.map((reports) => mean(reports.map(of))));
      results.push({
        folder,
        concepts: seeds[0],
        accuracy: {
          1: perSeed(({ sparse }) => sparse[0].accuracy),
          2: perSeed(({ sparse }) => sparse[1].accuracy),
          5: perSeed(({ sparse }) => sparse[2].accuracy),
          model: perSeed((report) => report.model.accuracy),
        },
        absorption: {
          assessed: measured.length,
          of: all.length,
          full: mean(measured.map(({ full }) => full)),
          fraction: mean(measured.map(({ fraction }) => fraction)),
        },
      });
      context.progress({
        label: 'probing',
        done: results.length,
        total: opened.length,
        unit: 'dictionaries',
      });
    }
    context.result({ documents: rows.length, dictionaries: results }, () => {
      const shown = ({ mean, deviation }: Spread) => `${fixed(mean)} ± ${fixed(deviation)}`;
      return [
        table(
          ['dictionary', '1 feature', '2 features', '5 features', 'model itself', 'absorbed'],
          results.map(({ folder, accuracy, absorption }) => [
            folder,
            shown(accuracy[1]),
            shown(accuracy[2]),
            shown(accuracy[5]),
            shown(accuracy.model),
            `${fixed(absorption.fraction)} (${absorption.assessed} of ${absorption.of})`,
          ]),
        ),
        `Accuracy over ${mechanisms.length} concepts, ${rows.length} held-out documents, ${SEEDS.length} draws of tokens; absorbed: mean share of a concept carried by other features.`,
      ].join('\n');
    });
    return undefined;
  },
};
