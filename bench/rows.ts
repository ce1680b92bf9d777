/** One line of what `scripts/reference/compare_pytorch.py` prints under `results`. */
export interface TheirResult {
  readonly impl: string;
  readonly bench: string;
  readonly seconds?: number;
  readonly secondsPerToken?: number;
  readonly torchGflops?: number;
  readonly readGBps?: number;
  readonly peakRssBytes?: number;
  readonly importRssBytes?: number;
  readonly error?: string;
  readonly skipped?: string;
}

/** The part of a result of `glassbox bench --json` that is compared. */
export interface OurResult {
  readonly name: string;
  readonly value: number;
}

/** One bench: our figure and every other implementation's. */
export interface Row {
  readonly bench: string;
  readonly unit: 'ms' | 'ms/token' | 'MB';
  /** Median of the rounds. */
  readonly ours: number;
  readonly theirs: readonly {
    readonly impl: string;
    readonly value: number;
    /** ours / theirs, the median over rounds: below 1 we are ahead. */
    readonly ratio: number;
  }[];
}

/** What was measured in one round of one bench: ours before and after theirs. */
export interface Round {
  readonly ours: readonly OurResult[];
  readonly theirs: readonly TheirResult[];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

interface Measure {
  readonly bench: string;
  readonly unit: Row['unit'];
  readonly scale: number;
  readonly of: (result: TheirResult) => number | undefined;
}

const seconds: Omit<Measure, 'bench'> = { unit: 'ms', scale: 1e3, of: (result) => result.seconds };

/** What is compared, and where their script has it. */
const measures: readonly (Measure & { readonly theirBench: string })[] = [
  { bench: 'forward512', theirBench: 'forward512', ...seconds },
  { bench: 'cached512', theirBench: 'cached512', ...seconds },
  { bench: 'forward16', theirBench: 'forward16', ...seconds },
  {
    bench: 'decode256',
    theirBench: 'decode256',
    unit: 'ms/token',
    scale: 1e3,
    of: (result) => result.secondsPerToken,
  },
  { bench: 'train', theirBench: 'train', ...seconds },
  {
    bench: 'memory512',
    theirBench: 'forward512',
    unit: 'MB',
    scale: 1e-6,
    of: ({ peakRssBytes, importRssBytes }) =>
      peakRssBytes === undefined || importRssBytes === undefined
        ? undefined
        : peakRssBytes - importRssBytes,
  },
];

/** Their benches, with the names of ours that are compared with each. */
export const pairs: ReadonlyMap<string, readonly string[]> = new Map(
  [...new Set(measures.map(({ theirBench }) => theirBench))].map((theirBench) => [
    theirBench,
    measures.filter((measure) => measure.theirBench === theirBench).map(({ bench }) => bench),
  ]),
);

/** Brings the rounds of their bench together into one row per bench of ours. */
export function toRows(theirBench: string, rounds: readonly Round[]): Row[] {
  const rows: Row[] = [];
  for (const measure of measures) {
    if (measure.theirBench !== theirBench) continue;
    const ours = rounds.map((round) =>
      mean(round.ours.filter(({ name }) => name === measure.bench).map(({ value }) => value)),
    );
    const impls = [...new Set(rounds.flatMap(({ theirs }) => theirs.map(({ impl }) => impl)))];
    const theirs = impls.flatMap((impl) => {
      const found = rounds.flatMap((round, i) => {
        const result = round.theirs.find((candidate) => candidate.impl === impl);
        const value = result && measure.of(result);
        return value === undefined ? [] : [{ value, ratio: ours[i] / value }];
      });
      if (found.length === 0) return [];
      return [
        {
          impl,
          value: median(found.map(({ value }) => value)) * measure.scale,
          ratio: median(found.map(({ ratio }) => ratio)),
        },
      ];
    });
    rows.push({
      bench: measure.bench,
      unit: measure.unit,
      ours: median(ours) * measure.scale,
      theirs,
    });
  }
  return rows;
}

const shown = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** The rows as a Markdown table. */
export function toMarkdown(rows: readonly Row[]): string {
  const impls = [...new Set(rows.flatMap(({ theirs }) => theirs.map(({ impl }) => impl)))];
  const head = ['bench', 'Glassbox', ...impls.map((impl) => `${impl} (ours / theirs)`)];
  const lines = rows.map(({ bench, unit, ours, theirs }) => [
    bench,
    `${shown(ours)} ${unit}`,
    ...impls.map((impl) => {
      const found = theirs.find((entry) => entry.impl === impl);
      return found ? `${shown(found.value)} (${found.ratio.toFixed(2)})` : '–';
    }),
  ]);
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
