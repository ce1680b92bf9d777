import { Rng } from '../../../../base/rng.ts';
import type { LabelRun } from '../label.ts';
import type { FeatureEvents, TextColumns } from '../scan.ts';

/** Tokens of one example at most. */
export const WINDOW = 32;

/** A stretch of text with a feature's activations, 0 where it is silent. */
export interface Example {
  readonly tokens: readonly string[];
  readonly acts: readonly number[];
}

/** What a feature is explained by and judged on. */
export interface FeatureExamples {
  readonly max: number;
  /** From the text for choosing: the strongest, and an even spread over the rest. */
  readonly explain: readonly Example[];
  /** From the text for scoring, spread evenly over activation. */
  readonly active: readonly Example[];
  /** From the text for scoring, where the feature is silent. */
  readonly silent: readonly Example[];
}

/** How many examples a feature is explained by and judged on. */
export interface ExampleCounts {
  /** Examples that an explanation is written from; 20 unless told, half of them the strongest. */
  readonly explain?: number;
  /** Examples of each class that it is judged on; 20 unless told. */
  readonly test?: number;
}

/** Cuts texts into windows and draws examples of features. Same run and feature, same examples. */
export function createExamples(
  run: LabelRun,
  text: (id: number) => string,
): (feature: number, counts?: ExampleCounts) => FeatureExamples {
  const [train, heldOut] = [windowsOf(run.train.text), windowsOf(run.heldOut.text)];
  const cut = (columns: TextColumns, windows: Windows, acts: ReadonlyMap<number, number>) => {
    return (window: number): Example => {
      const own = windows.tokens[window];
      return {
        tokens: own.map((token) => text(columns.ids[token])),
        acts: own.map((token) => acts.get(token) ?? 0),
      };
    };
  };
  return (feature, { explain = 20, test = 20 } = {}) => {
    const rng = new Rng(feature).fork('examples');
    const [chosen, scored] = [
      firing(run.train, train, feature),
      firing(run.heldOut, heldOut, feature),
    ];
    const fromTrain = cut(run.train.text, train, chosen.acts);
    const fromHeldOut = cut(run.heldOut.text, heldOut, scored.acts);
    const strongest = chosen.windows.slice(0, Math.ceil(explain / 2));
    const rest = chosen.windows.slice(strongest.length);
    const active = new Set(scored.windows);
    const others = heldOut.tokens.flatMap((_, window) => (active.has(window) ? [] : [window]));
    return {
      max: chosen.max,
      explain: [...strongest, ...spread(rest, explain - strongest.length)].map(fromTrain),
      active: spread(scored.windows, test).map(fromHeldOut),
      silent: rng.sample(others, Math.min(test, others.length)).map(fromHeldOut),
    };
  };
}

interface Windows {
  /** Tokens of each window. */
  readonly tokens: readonly (readonly number[])[];
  /** Window of each token. */
  readonly of: Uint32Array;
}

function windowsOf(text: TextColumns): Windows {
  const tokens: number[][] = [];
  const of = new Uint32Array(text.tokens);
  let last = '';
  for (let i = 0; i < text.tokens; i++) {
    const place = `${text.row[i]} ${Math.floor(text.position[i] / WINDOW)}`;
    if (place !== last) tokens.push([]);
    last = place;
    tokens[tokens.length - 1].push(i);
    of[i] = tokens.length - 1;
  }
  return { tokens, of };
}

/** Windows where a feature fires, by their largest activation, and the activations. */
function firing(
  { events }: { readonly events: FeatureEvents },
  windows: Windows,
  feature: number,
): { acts: ReadonlyMap<number, number>; windows: readonly number[]; max: number } {
  const { start, token, value } = events;
  const acts = new Map<number, number>();
  const found = new Set<number>();
  for (let i = start[feature]; i < start[feature + 1]; i++) {
    acts.set(token[i], value[i]);
    found.add(windows.of[token[i]]);
  }
  const max = start[feature] < start[feature + 1] ? value[start[feature]] : 0;
  return { acts, windows: [...found], max };
}

/** `count` items at even distances. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from(
    { length: count },
    (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)],
  );
}
