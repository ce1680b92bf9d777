import type { VNode } from 'preact';
import type { Palette } from '../palette.ts';
import { rankedDots } from '../ranked-dots.ts';
import { type Distribution, distributionGrid } from './distribution-grid.ts';
import type { DictionaryMark } from './marks.ts';
import { type Ranged, tradeOff } from './trade-off.ts';

/** A figure of a dictionary with its range over seeds. */
export interface ComparedFigure {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Seeds behind the range. */
  readonly n: number;
}

/** Counts by bins, with how many things are in no bin. */
export interface ComparedBins {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** What the comparison needs to know of a dictionary; null for what was not measured. */
export interface ComparedDictionary {
  readonly name: string;
  readonly kind: DictionaryMark;
  readonly layer: number | null;
  readonly features: number;
  readonly figures: Readonly<
    Record<'l0' | 'explainedVariance' | 'ceRecovered' | 'dead', ComparedFigure>
  > | null;
  /** Features by log10 of density. */
  readonly density: (ComparedBins & { readonly silent: number; readonly tokens: number }) | null;
  /** Features that fire by the F1 of their label, in equal bins from 0 to 1, and so for random directions. */
  readonly labels: {
    readonly histogram: readonly number[];
    readonly random: readonly number[] | null;
    readonly fired: number;
  } | null;
}

/** A score of a set over prompts. */
export interface ComparedSet {
  readonly name: string;
  readonly replacement: ComparedScore | null;
  readonly completeness: ComparedScore | null;
}

export interface ComparedScore {
  readonly mean: number;
  readonly deviation: number;
  readonly n: number;
}

/** The words of the comparison in one language. */
export interface ComparisonWords {
  readonly kinds: Readonly<Record<DictionaryMark, string>>;
  readonly l0: string;
  readonly variance: string;
  readonly ce: string;
  readonly dead: string;
  readonly varianceTitle: string;
  readonly ceTitle: string;
  readonly deadTitle: string;
  readonly densityTitle: string;
  readonly densityAxis: string;
  readonly densityNote: (silent: string, features: string) => string;
  readonly labelsTitle: string;
  readonly labelsAxis: string;
  readonly labelsNote: (fired: string) => string;
  readonly random: string;
  readonly setsTitle: string;
  readonly setsAxis: (n: string) => string;
  readonly replacement: string;
  readonly completeness: string;
}

export interface ComparisonOptions {
  readonly palette: Palette;
  readonly words: ComparisonWords;
  readonly lang?: string;
  readonly heading?: 'shown' | 'hidden';
  /** Name of the dictionary that is pointed at. */
  readonly marked?: string;
  /** Width of the distributions in px. */
  readonly width?: number;
}

/** A figure of the comparison by its name. */
export interface NamedFigure {
  readonly name: 'variance' | 'ce' | 'dead' | 'sets' | 'density' | 'labels';
  readonly title: string;
  readonly figure: VNode;
}

const ranged = ({ value, min, max }: ComparedFigure): Ranged => ({
  value,
  low: Math.min(value, min),
  high: Math.max(value, max),
});

/** Bars that shipped dictionaries must reach. */
const BARS = { explainedVariance: 0.85, ceRecovered: 0.95 } as const;

/**
 * Dictionaries beside each other: sparsity against what is kept, dead features, densities, scores of labels beside
 * random directions, scores of sets. What nobody has measured is left out of its figure; a figure of nothing
 * is left out as a whole.
 */
export function comparisonFigures(
  data: {
    readonly dictionaries: readonly ComparedDictionary[];
    readonly sets: readonly ComparedSet[];
  },
  options: ComparisonOptions,
): NamedFigure[] {
  const { words, marked, palette, lang, heading, width = 676 } = options;
  const common = { palette, lang, heading };
  const measured = data.dictionaries.filter(({ figures }) => figures !== null);
  const pairs = (key: 'explainedVariance' | 'ceRecovered') =>
    measured.map(({ name, kind, layer, figures }) => ({
      name,
      short: layer === null ? '' : `L${layer}`,
      kind,
      x: ranged(figures!.l0),
      y: ranged(figures![key]),
      n: figures!.l0.n,
    }));
  const out: NamedFigure[] = [];
  const add = (name: NamedFigure['name'], title: string, figure: VNode) => {
    out.push({ name, title, figure });
  };
  if (measured.length > 0) {
    const axes = { ...common, xTitle: words.l0, kinds: words.kinds, marked };
    add(
      'variance',
      words.varianceTitle,
      tradeOff(pairs('explainedVariance'), {
        ...axes,
        title: words.varianceTitle,
        yTitle: words.variance,
        bar: BARS.explainedVariance,
      }),
    );
    add(
      'ce',
      words.ceTitle,
      tradeOff(pairs('ceRecovered'), {
        ...axes,
        title: words.ceTitle,
        yTitle: words.ce,
        bar: BARS.ceRecovered,
      }),
    );
    add(
      'dead',
      words.deadTitle,
      rankedDots(
        measured.map(({ name, figures }) => ({
          name,
          ...ranged(figures!.dead),
          n: figures!.dead.n,
        })),
        {
          ...common,
          title: words.deadTitle,
          valueTitle: words.dead,
          scale: 'sequential',
          width: 310,
        },
      ),
    );
  }
  const scores = data.sets.flatMap(({ name, replacement, completeness }) =>
    (
      [
        [words.replacement, replacement],
        [words.completeness, completeness],
      ] as const
    ).flatMap(([title, score]) =>
      score === null
        ? []
        : [
            {
              name: data.sets.length > 1 ? `${name} ${title}` : title,
              value: score.mean,
              low: Math.max(0, score.mean - score.deviation),
              high: Math.min(1, score.mean + score.deviation),
              n: score.n,
            },
          ],
    ),
  );
  if (scores.length > 0) {
    add(
      'sets',
      words.setsTitle,
      rankedDots(scores, {
        ...common,
        title: words.setsTitle,
        valueTitle: words.setsAxis(String(scores[0].n)),
        scale: 'sequential',
        domain: [0, 1],
        width: 310,
      }),
    );
  }
  const dense = data.dictionaries.filter(({ density }) => density !== null);
  if (dense.length > 0) {
    add(
      'density',
      words.densityTitle,
      distributionGrid(
        dense.map(({ name, features, density }) => ({
          name,
          note: words.densityNote(String(density!.silent), String(features)),
          own: sharesOf(density!, features),
        })),
        {
          ...common,
          title: words.densityTitle,
          valueTitle: words.densityAxis,
          overlay: true,
          marked,
          width,
          columns: Math.max(1, Math.floor(width / 165)),
        },
      ),
    );
  }
  const labelled = data.dictionaries.filter(({ labels }) => labels !== null);
  if (labelled.length > 0) {
    const compared = labelled.some(({ labels }) => labels!.random !== null);
    add(
      'labels',
      words.labelsTitle,
      distributionGrid(
        labelled.map(({ name, labels }) => ({
          name,
          note: words.labelsNote(String(labels!.fired)),
          own: unitShares(labels!.histogram),
          other: labels!.random === null ? undefined : unitShares(labels!.random),
        })),
        {
          ...common,
          title: words.labelsTitle,
          valueTitle: words.labelsAxis,
          otherTitle: compared ? words.random : undefined,
          bar: 0.5,
          marked,
          width,
          columns: Math.max(1, Math.floor(width / 165)),
        },
      ),
    );
  }
  return out;
}

function sharesOf({ edges, counts }: ComparedBins, of: number): Distribution {
  return { edges, shares: counts.map((count) => count / Math.max(1, of)) };
}

/** Counts in equal bins from 0 to 1 as shares of their sum. */
function unitShares(counts: readonly number[]): Distribution {
  const total = counts.reduce((a, b) => a + b, 0);
  const edges = Array.from({ length: counts.length + 1 }, (_, i) => i / counts.length);
  return sharesOf({ edges, counts }, total);
}
