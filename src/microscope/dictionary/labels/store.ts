import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import { writeFileAtomic } from '../../../base/files.ts';
import { reaches } from './detect.ts';
import {
  type ConceptLabel,
  type DetectionScore,
  type FeatureLabels,
  type LabelContext,
  type LabelledFeature,
  type LabelSource,
  TOKEN_PLACES,
  type TokenLabel,
} from './types.ts';

/** The file beside a dictionary's weights. */
const LABELS = 'labels.json';

const FORMAT = 'glassbox-labels';
const VERSION = 3;
const sources: readonly LabelSource[] = ['concept', 'tokens', 'weak'];

/**
 * A score as the file has it: F1, low, high, precision, recall, area under the curve and share of the largest activations
 * in thousandths, tokens where it holds, threshold.
 */
const score = z.tuple([
  ...([z.int(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int()] as const),
  z.int(),
  z.number(),
]);

const place = z
  .int()
  .min(0)
  .max(TOKEN_PLACES.length - 1);

/** Feature, source, concept with its score, place among {@link TOKEN_PLACES} and tokens with the score, with a context if any (a
 * concept, or a place and tokens), ids of raised logits, firings. */
const row = z.tuple([
  z.int(),
  z.int().min(0).max(2),
  z.union([z.literal(0), z.tuple([z.int(), score])]),
  z.union([
    z.literal(0),
    z.tuple([place, z.array(z.int()), score]),
    z.tuple([
      place,
      z.array(z.int()),
      score,
      z.union([z.int(), z.tuple([place, z.array(z.int())])]),
    ]),
  ]),
  z.array(z.int()),
  z.int(),
]);

const measured = <S extends z.ZodType>(of: S) =>
  z.union([
    z.object({ outcome: z.literal('assessed'), score: of }),
    z.object({ outcome: z.literal('notAssessed'), reason: z.string() }),
  ]);

const judged = <S extends z.ZodType>(of: S) =>
  z.object({
    outcome: z.enum(['supported', 'unsupported', 'notAssessed']),
    reason: z.string().optional(),
    own: measured(of),
    random: measured(of),
    other: measured(of),
  });

const interval = { low: z.number(), high: z.number(), n: z.int(), missing: z.int() };
const classification = z.object({
  balancedAccuracy: z.number(),
  f1: z.number(),
  auc: z.number(),
  ...interval,
});
const simulation = z.object({ correlation: z.number(), tokens: z.int(), ...interval });

const explanation = z.object({
  feature: z.int(),
  text: z.string(),
  by: z.string(),
  detection: judged(classification),
  fuzzing: judged(classification),
  simulation: judged(simulation),
});

const rate = z.object({
  correct: z.int(),
  n: z.int(),
  /** Not a number, which JSON has no word for, where nothing was counted. */
  rate: z
    .number()
    .nullable()
    .transform((value) => value ?? Number.NaN),
  low: z.number(),
  high: z.number(),
});

const summary = z.object({
  features: z.int(),
  fired: z.int(),
  conceptReaches: rate,
  concept: rate,
  tokens: rate,
  /** Files of version 2 have none. */
  narrow: rate.default({ correct: 0, n: 0, rate: 0, low: 0, high: 1 }),
  weak: rate,
  rare: rate,
  concepts: z.int(),
  quartiles: z.tuple([z.number(), z.number(), z.number()]),
  histogram: z.array(z.int()),
});

const schema = z.object({
  format: z.literal(FORMAT),
  version: z.union([z.literal(2), z.literal(VERSION)]),
  model: z.string(),
  dictionary: z.string(),
  request: z.string(),
  reads: z.array(z.string()),
  writes: z.array(z.string()),
  features: z.int(),
  bar: z.number(),
  largestBar: z.number(),
  l0: z.number(),
  train: z.object({ name: z.string(), tokens: z.int() }),
  heldOut: z.object({ name: z.string(), tokens: z.int(), documents: z.int() }),
  concepts: z.int(),
  /** Concepts that occur, `[id, label]`. */
  names: z.array(z.tuple([z.string(), z.string()])),
  /** Texts of tokens that occur. */
  texts: z.record(z.string(), z.string()),
  labelled: z.array(row),
  random: summary.optional(),
  explanations: z.array(explanation).optional(),
});

type Row = z.infer<typeof row>;
type Score = z.infer<typeof score>;

function packScore(found: DetectionScore & { readonly threshold: number }): Score {
  const { f1, low, high, precision, recall, auc, largest, positives, threshold } = found;
  const [a, b, c, d, e, f, g] = [f1, low, high, precision, recall, auc, largest].map((x) =>
    Math.round(1000 * x),
  );
  return [a, b, c, d, e, f, g, positives, Number(threshold.toPrecision(4))];
}

function unpackScore(packed: Score) {
  const [f1, low, high, precision, recall, auc, largest, positives, threshold] = packed;
  return {
    f1: f1 / 1000,
    low: low / 1000,
    high: high / 1000,
    precision: precision / 1000,
    recall: recall / 1000,
    auc: auc / 1000,
    largest: largest / 1000,
    positives,
    threshold,
  };
}

/**
 * Writes `labels.json` into a dictionary's folder: scores rounded to thousandths, the concept where it reaches the
 * bar, tokens and raised logits where no concept is the label.
 */
export async function writeLabels(folder: string, labels: FeatureLabels): Promise<void> {
  await writeFileAtomic(join(folder, LABELS), packLabels(labels));
}

/** Labels as a file has them, rounded and without what is not shown: the same figures now and when read again. */
export function asWritten(labels: FeatureLabels): FeatureLabels {
  return parseLabels(packLabels(labels), LABELS);
}

function packLabels(labels: FeatureLabels): string {
  const { labelled, explanations = [], ...head } = labels;
  const names = new Map<string, { readonly index: number; readonly label: string }>();
  const texts: Record<string, string> = {};
  const nameOf = ({ concept: { id, label } }: Pick<ConceptLabel, 'concept'>): number => {
    const known = names.get(id) ?? { index: names.size, label };
    names.set(id, known);
    return known.index;
  };
  const packPlace = ({
    where,
    tokens,
  }: Pick<TokenLabel, 'where' | 'tokens'>): [number, number[]] => {
    for (const { id, text } of tokens) texts[id] = text;
    return [TOKEN_PLACES.indexOf(where), tokens.map(({ id }) => id)];
  };
  const packTokens = (found: TokenLabel): Row[3] => {
    const { within } = found;
    const [where, ids] = packPlace(found);
    if (!within) return [where, ids, packScore(found)];
    const context = 'concept' in within ? nameOf(within) : packPlace(within);
    return [where, ids, packScore(found), context];
  };
  const rows = labelled.map(({ feature, source, concept, tokens, promotes, fires }): Row => {
    const shown = source === 'concept' ? [] : promotes;
    for (const { id, text } of shown) texts[id] = text;
    const holds = concept !== null && reaches(concept, labels);
    return [
      feature,
      sources.indexOf(source),
      holds ? [nameOf(concept), packScore(concept)] : 0,
      source !== 'concept' && tokens ? packTokens(tokens) : 0,
      shown.map(({ id }) => id),
      fires,
    ];
  });
  const file = {
    format: FORMAT,
    version: VERSION,
    ...head,
    names: [...names].map(([id, { label }]) => [id, label]),
    texts,
  };
  // One feature per line, so that differences between two files can be read.
  const lines = rows.map((one) => JSON.stringify(one)).join(',\n');
  const explained = explanations.map((one) => JSON.stringify(one, rounded)).join(',\n');
  const more = explained && `,\n"explanations":[\n${explained}\n]`;
  return `${JSON.stringify(file).slice(0, -1)},\n"labelled":[\n${lines}\n]${more}}\n`;
}

const rounded = (_key: string, value: unknown) =>
  typeof value === 'number' ? Math.round(1000 * value) / 1000 : value;

/**
 * Reads the labels of a dictionary; null when it has none.
 *
 * @throws GlassboxError `bad-labels`
 */
export async function readLabels(folder: string): Promise<FeatureLabels | null> {
  const path = join(folder, LABELS);
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : parseLabels(text, path);
}

function parseLabels(text: string, path: string): FeatureLabels {
  const bad = (problem: string, cause?: unknown) =>
    new GlassboxError(`${path}: ${problem}`, {
      code: 'bad-labels',
      remedy: 'Delete the file and run `glassbox dict label` again.',
      details: { path },
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(`${issue.path.join('.') || 'it'}: ${issue.message}`);
  }
  const { format: _, version: __, names, texts, labelled, ...head } = parsed.data;
  const named = (id: number) => ({ id, text: texts[id] ?? `#${id}` });
  const conceptOf = (index: number) => {
    if (!names[index]) throw bad(`it names concept ${index} of ${names.length}`);
    const [id, label] = names[index];
    return { id, label };
  };
  const placeOf = (where: number, ids: readonly number[]) => ({
    where: TOKEN_PLACES[where],
    tokens: ids.map(named),
  });
  const contextOf = (packed: number | readonly [number, readonly number[]]): LabelContext =>
    typeof packed === 'number' ? { concept: conceptOf(packed) } : placeOf(...packed);
  return {
    ...head,
    labelled: labelled.map(
      ([feature, source, concept, tokens, promotes, fires]): LabelledFeature => ({
        feature,
        source: sources[source],
        fires,
        concept:
          (concept && { concept: conceptOf(concept[0]), ...unpackScore(concept[1]) }) || null,
        tokens:
          (tokens && {
            ...placeOf(tokens[0], tokens[1]),
            ...unpackScore(tokens[2]),
            ...(tokens[3] !== undefined && { within: contextOf(tokens[3]) }),
          }) ||
          null,
        promotes: promotes.map(named),
      }),
    ),
  };
}
