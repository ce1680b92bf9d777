import { join } from 'node:path';
import { writeFileAtomic } from '../../base/files.ts';
import type { CrosscoderComparison } from './metrics/comparison.ts';
import { type DictionaryReport, type Spread, spread } from './metrics/evaluate.ts';
import type { SpliceMetrics } from './metrics/splice.ts';
import type { Dictionary } from './types.ts';

/** The figures of a dictionary that go into tables. */
export interface DictionaryFigures {
  readonly l0: number;
  readonly explainedVariance: number;
  readonly ceRecovered: number;
  readonly klRecovered: number;
  readonly dead: number;
  readonly l2Ratio: number;
  readonly cosine: number;
}

/** Figures of one dictionary; several addresses written are averaged. */
export function figuresOf({ firing, reconstruction, splice }: DictionaryReport): DictionaryFigures {
  const all = Object.values(reconstruction);
  const mean = (of: (metrics: (typeof all)[number]) => number) =>
    all.reduce((sum, metrics) => sum + of(metrics), 0) / all.length;
  return {
    l0: firing.l0,
    explainedVariance: mean((metrics) => metrics.explainedVariance),
    ceRecovered: splice.ceRecovered,
    klRecovered: splice.klRecovered,
    dead: firing.dead,
    l2Ratio: mean((metrics) => metrics.l2Ratio),
    cosine: mean((metrics) => metrics.cosine),
  };
}

/** Spread of every figure over trainings that differ in their seed. */
export function spreadOf(
  reports: readonly DictionaryReport[],
): Record<keyof DictionaryFigures, Spread> {
  const figures = reports.map(figuresOf);
  const names = Object.keys(figures[0]) as (keyof DictionaryFigures)[];
  return Object.fromEntries(
    names.map((name) => [name, spread(figures.map((one) => one[name]))]),
  ) as Record<keyof DictionaryFigures, Spread>;
}

/** What a card says beside the figures. */
export interface CardContext {
  readonly name: string;
  readonly dictionary: Dictionary;
  /** The saved one first. */
  readonly reports: readonly DictionaryReport[];
  readonly trainedOn: string;
  readonly measuredOn: string;
  readonly steps: number;
  readonly rows: number;
  /** Features in training, where dead ones were left out afterwards. */
  readonly trainedFeatures?: number;
}

const rows: readonly (readonly [keyof DictionaryFigures, string])[] = [
  ['l0', 'L0 (features per token)'],
  ['explainedVariance', 'explained variance'],
  ['ceRecovered', 'cross-entropy recovered'],
  ['klRecovered', 'KL recovered'],
  ['dead', 'dead features'],
  ['l2Ratio', 'length of reconstruction / length'],
  ['cosine', 'cosine'],
];

function nats({ ce }: SpliceMetrics): string {
  return `${ce.clean.toFixed(4)} untouched, ${ce.spliced.toFixed(4)} with reconstructions, ${ce.zero.toFixed(4)} with zeros`;
}

/** A comparison with lists in place of typed arrays, which JSON would write as objects. */
export function plainComparison({
  relativeNorm,
  cosine,
  shrinkage,
  decoupling,
  ...rest
}: CrosscoderComparison) {
  const list = (values: Float32Array) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));
  return {
    ...rest,
    relativeNorm: list(relativeNorm),
    cosine: list(cosine),
    shrinkage: list(shrinkage),
    decoupling: list(decoupling),
  };
}

/** Writes `metrics.json` and the card `README.md` beside a dictionary. */
export async function writeCard(folder: string, context: CardContext): Promise<void> {
  const { name, dictionary, reports, trainedOn, measuredOn } = context;
  const { config } = dictionary;
  const [own] = reports;
  const spreads = spreadOf(reports);
  const figures = figuresOf(own);
  const seeds = reports.length;
  const { density, ...firing } = own.firing;
  const table = rows.map(([key, label]) => {
    const { mean, deviation } = spreads[key];
    const over = seeds > 1 ? `${mean.toFixed(4)} ± ${deviation.toFixed(4)}` : '–';
    return `| ${label} | ${figures[key].toFixed(4)} | ${over} |`;
  });
  const legacy = Object.values(own.reconstruction).map(
    (metrics) =>
      `${metrics.legacy.perRowExplainedVariance.toFixed(4)} per row, ${metrics.legacy.batchwiseExplainedVariance.toFixed(4)} by batch, ${metrics.legacy.uncentredExplainedVariance.toFixed(4)} without centring`,
  );
  const { trainedFeatures = config.dDict } = context;
  const left = trainedFeatures - config.dDict;
  const pruned =
    left > 0
      ? ` Of ${trainedFeatures} features ${left} were dead at the end and are left\nout.`
      : '';
  const text = `# ${name}

${config.dDict} features of ${config.model.name}, read at \`${config.reads.join('`, `')}\`, written to \
\`${config.writes.join('`, `')}\`. Features are chosen by ${describe(dictionary)}.

## Figures

Held-out text: ${measuredOn}; ${own.firing.tokens} tokens. Special tokens are neither replaced nor counted.

| figure | this one | mean ± deviation of ${seeds} seed${seeds === 1 ? '' : 's'} |
|---|---|---|
${table.join('\n')}

Cross-entropy in nats per token: ${nats(own.splice)}. Explained variance is 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖² over all
tokens and dimensions; by the older definitions it would read ${legacy.join('; ')}.
${comparisonText(own)}
## Training

${trainedOn}; ${context.steps} steps of ${context.rows} tokens.${pruned} Activations were scaled to a mean length of √width;
the scaling is folded into the weights.
`;
  const json = {
    ...{ name, figures, seeds, spread: spreads, ...own, firing, trainedOn, measuredOn },
    ...(own.comparison && { comparison: plainComparison(own.comparison) }),
  };
  await writeFileAtomic(join(folder, 'metrics.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeFileAtomic(join(folder, 'README.md'), text);
}

/** Which model has which features; empty where there are not two. */
function comparisonText({ comparison, splices, reconstruction }: DictionaryReport): string {
  if (!comparison) return '';
  const { counts, exclusive } = comparison;
  const losses = Object.entries(splices ?? {}).map(
    ([address, { ceRecovered, klRecovered }]) =>
      `| \`${address}\` | ${reconstruction[address].explainedVariance.toFixed(4)} | ${ceRecovered.toFixed(4)} | ${klRecovered.toFixed(4)} |`,
  );
  return `
## Two models

| replaced alone | explained variance | cross-entropy recovered | KL recovered |
|---|---|---|---|
${losses.join('\n')}

| relative decoder norm | features |
|---|---|
| above .9: the first model's alone | ${counts['only-first']} |
| below .1: the other's alone (\`other:\`) | ${counts['only-other']} |
| within .1 of .5: shared | ${counts.shared} |
| between | ${counts.between} |

A small decoder can be an artefact of the sparsity penalty. Of the features of one model alone that fired, ${exclusive.first.passed} of
${exclusive.first.fired} (first) and ${exclusive.other.passed} of ${exclusive.other.fired} (other) explain little of what the other model's
reconstruction misses (latent scaling below .2: no complete shrinkage) and of what it writes (below .5: no latent decoupling).
`;
}

function describe({ config: { activation } }: Dictionary): string {
  switch (activation.kind) {
    case 'relu':
      return 'a ReLU';
    case 'gated':
      return 'gates';
    case 'topk':
      return `rank, ${activation.k} per token`;
    case 'batchtopk':
      return `a fixed threshold, ${activation.k} per token in training`;
    case 'jumprelu':
      return 'a threshold each';
    case 'groupmax':
      return `rank, the first of each of ${activation.k} groups`;
  }
}
