import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import { featureArrows, heatmap, palettes, renderSvg } from '../../figures/index.ts';
import {
  featureDimensions,
  featureNorms,
  leastOfPlainEstimates,
  neighbourAngles,
  type ToySolution,
  trainToyModel,
} from '../../microscope/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import { nodeRuntime } from '../../runtime/index.ts';
import type { CommandSpec } from '../command.ts';
import { realNumber, wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

const themes = ['light', 'dark'] as const;

/** A loss within this share of the best counts as the same solution found again. */
const SAME = 0.01;

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Inputs of the plain estimate that is shown beside the loss, as many as is common. */
const PLAIN_INPUTS = 65_536;

/** Four significant digits: losses of sparse features are small. */
const figure = (value: number) => Number(value.toPrecision(4)).toString();

/** A loss with its standard error, which is known to two digits at best. */
const lossText = ({ loss, standardError }: ToySolution) =>
  `loss ${figure(loss)} ± ${Number(standardError.toPrecision(2))}`;

/** Arrows where they can be drawn, else how much every feature disturbs every other. */
function draw(solution: ToySolution, title: string, theme: (typeof themes)[number]): string {
  const { directions } = solution;
  const palette = palettes[theme];
  const names = directions.map((_, i) => String(i));
  if (directions[0].length <= 2) {
    const dimensions = featureDimensions(directions);
    const arrows = directions.map((direction, i) => ({
      name: names[i],
      direction,
      dimension: dimensions[i],
    }));
    return renderSvg(featureArrows(arrows, { title, note: lossText(solution), palette }));
  }
  const values = directions.map((a) => directions.map((b) => dot(a, b)));
  const words = { title, rowTitle: 'Feature', columnTitle: 'Feature', unit: 'WᵀW' };
  const data = { rows: names, columns: names, values };
  return renderSvg(heatmap(data, { ...words, scale: 'diverging', palette }));
}

export const toy: CommandSpec = {
  name: 'toy',
  writes: { files: ['out'] },
  summary: 'train a toy model of superposition, and show how it packs its features',
  examples: [
    { line: 'toy', does: 'five features in a plane, each present one time in ten: a pentagon' },
    {
      line: 'toy --probability 0.3 --out pairs.svg',
      does: 'denser features: two antipodal pairs, one dropped; the directions as a figure',
    },
    {
      line: 'toy --features 2 --hidden 1 --probability 0.57 --json',
      does: 'where dedicated and antipodal solutions cross',
    },
  ],
  define: (command) =>
    command
      .option('--features <n>', 'features, at most 12', wholeNumber('--features', 1), 5)
      .option('--hidden <m>', 'dimensions they pass through', wholeNumber('--hidden', 1), 2)
      .option(
        '--probability <p>',
        'how often each feature is present',
        realNumber('--probability', 0),
        0.1,
      )
      .option('--starts <n>', 'trainings from different weights', wholeNumber('--starts', 1), 16)
      .option('--steps <n>', 'steps of each', wholeNumber('--steps', 1), 3000)
      .option('--seed <n>', 'seed of weights and values', wholeNumber('--seed'), 0)
      .option('-o, --out <file>', 'draw the best solution as SVG')
      .option('--theme <name>', `of the figure: ${themes.join(' or ')}`, themes[0]),
  async action(context, { options }) {
    const { features, hidden, probability, starts, steps, seed, out } = options;
    const theme = oneOf('theme', options.theme, themes);
    if (out !== undefined && !out.endsWith('.svg')) {
      throw new GlassboxError(`--out is '${out}', the figure is an SVG file`, {
        code: 'bad-option',
        remedy: 'Give a file name that ends in .svg.',
      });
    }
    const runtime = nodeRuntime();
    const { progress, signal } = context;
    const settings = { features, hidden, probability, starts, steps, seed };
    const solutions = await trainToyModel({ runtime, ...settings, progress, signal });
    const [best] = solutions;
    const again = solutions.filter(({ loss }) => loss <= best.loss * (1 + SAME)).length;
    const geometry = {
      norms: featureNorms(best.directions),
      dimensions: featureDimensions(best.directions),
      angles: hidden === 2 ? neighbourAngles(best.directions) : null,
    };
    // One dimension for both of two features has two solutions that can be written down.
    const closed =
      features === 2 && hidden === 1
        ? {
            dedicated: probability / 3 - probability ** 2 / 4,
            antipodal: probability ** 2 / 3,
          }
        : null;
    const estimates = { inputs: PLAIN_INPUTS, estimates: again };
    const plain = { ...estimates, ...leastOfPlainEstimates(best, estimates) };
    if (out !== undefined) {
      const title = `${features} features in ${hidden} dimensions, p ${probability}`;
      await writeFileAtomic(out, draw(best, title, theme));
      context.note(`wrote ${out}`);
    }
    const document = { ...settings, best: { ...best, ...geometry }, again, plain, closed };
    context.result({ ...document, losses: solutions.map(({ loss }) => loss) }, () => {
      const rows = best.directions.map((direction, i) => [
        i,
        direction.map((x) => fixed(x)).join(' '),
        fixed(geometry.norms[i]),
        fixed(geometry.dimensions[i]),
        fixed(best.bias[i]),
      ]);
      return [
        `${lossText(best)} (standard error); ${again} of ${solutions.length} starts within 1 % of it`,
        `least of ${again} plain estimates from ${PLAIN_INPUTS} inputs each, as "best loss found" is often measured: ${figure(plain.low)} to ${figure(plain.high)} (95 %)`,
        ...(closed
          ? [
              `closed forms: dedicated ${figure(closed.dedicated)}, antipodal ${figure(closed.antipodal)}`,
            ]
          : []),
        '',
        table(['feature', 'direction', '‖W‖', 'D', 'bias'], rows),
        ...(geometry.angles
          ? ['', `angles between neighbours: ${geometry.angles.map((x) => fixed(x, 1)).join(' ')}°`]
          : []),
      ].join('\n');
    });
    return undefined;
  },
};
