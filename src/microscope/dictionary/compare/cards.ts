import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import type { DictionaryCard, SetCard, SpreadFigure } from './types.ts';

const spread = z.object({
  n: z.int(),
  mean: z.number(),
  // JSON has no NaN: one seed has no deviation.
  deviation: z.number().nullable(),
  min: z.number(),
  max: z.number(),
});
const KEYS = [
  'l0',
  'explainedVariance',
  'ceRecovered',
  'klRecovered',
  'dead',
  'l2Ratio',
  'cosine',
] as const;
const each = <S extends z.ZodType>(of: S) =>
  z.object(Object.fromEntries(KEYS.map((key) => [key, of])) as Record<(typeof KEYS)[number], S>);

const card = z.object({
  figures: each(z.number()),
  spread: each(spread),
  firing: z.object({ tokens: z.int() }),
  measuredOn: z.string().nullish(),
  trainedOn: z.string().nullish(),
});

const sets = z.object({
  measuredOn: z.string().nullish(),
  sets: z.record(
    z.string(),
    z.object({
      splice: z.object({ tokens: z.int(), ceRecovered: z.number(), klRecovered: z.number() }),
      l0: z.array(z.number()),
      graphs: z.object({ replacement: spread, completeness: spread }).optional(),
    }),
  ),
});

/** JSON of a file in a shape; undefined when there is no such file. Throws `bad-card`. */
async function readShape<S extends z.ZodType>(
  path: string,
  shape: S,
): Promise<z.infer<S> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const bad = (problem: string, cause?: unknown) =>
    new GlassboxError(`${path}: ${problem}`, {
      code: 'bad-card',
      remedy: 'Delete the file, or measure again with `glassbox dict eval` or `dict train`.',
      details: { path },
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw bad(`${issue.path.join('.') || 'it'}: ${issue.message}`);
}

const asSpread = (found: z.infer<typeof spread>) => ({
  ...found,
  deviation: found.deviation ?? Number.NaN,
});

/**
 * The figures that lie beside a dictionary, in `metrics.json`.
 *
 * @throws GlassboxError `bad-card`
 */
export async function readDictionaryCard(folder: string): Promise<DictionaryCard> {
  const found = await readShape(join(folder, 'metrics.json'), card);
  if (!found) return { figures: null, tokens: null, measuredOn: null, trainedOn: null };
  const figures = Object.fromEntries(
    KEYS.map((key): [string, SpreadFigure] => [
      key,
      { value: found.figures[key], ...asSpread(found.spread[key]) },
    ]),
  ) as NonNullable<DictionaryCard['figures']>;
  const { measuredOn = null, trainedOn = null } = found;
  return { figures, tokens: found.firing.tokens, measuredOn, trainedOn };
}

/**
 * The sets that were measured together, from `sets.json` of a folder of dictionaries; none without the file.
 *
 * @throws GlassboxError `bad-card`
 */
export async function readSetCards(folder: string): Promise<SetCard[]> {
  const found = await readShape(join(folder, 'sets.json'), sets);
  if (!found) return [];
  return Object.entries(found.sets).map(([name, { splice, l0, graphs }]) => ({
    name,
    measuredOn: found.measuredOn ?? null,
    ceRecovered: splice.ceRecovered,
    klRecovered: splice.klRecovered,
    tokens: splice.tokens,
    l0,
    replacement: graphs ? asSpread(graphs.replacement) : null,
    completeness: graphs ? asSpread(graphs.completeness) : null,
  }));
}
