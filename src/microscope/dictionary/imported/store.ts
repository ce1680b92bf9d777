import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import { writeFileAtomic } from '../../../base/files.ts';
import type { ImportedFeature, ImportedFeatures, ImportSource } from './types.ts';

/** The file beside a dictionary's weights. */
const FILE = 'imported.json';
const FORMAT = 'glassbox-imported-features';

const tokens = z.array(z.object({ text: z.string(), value: z.number().nullable() }));
const feature = z.object({
  feature: z.int().min(0),
  labels: z.array(z.object({ text: z.string(), by: z.string().nullable() })),
  density: z.number().nullable(),
  max: z.number().nullable(),
  top: tokens,
  bottom: tokens,
  activations: z
    .object({ low: z.number(), high: z.number(), counts: z.array(z.number()) })
    .nullable(),
  groups: z.array(
    z.object({
      name: z.string(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      share: z.number().nullable(),
      examples: z.array(
        z.object({ tokens: z.array(z.string()), acts: z.array(z.number()), at: z.int().min(0) }),
      ),
    }),
  ),
});

const schema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  sources: z.array(
    z.object({
      source: z.object({
        format: z.enum(['neuronpedia', 'neuronpedia-batch', 'anthropic']),
        name: z.string(),
      }),
      features: z.array(feature),
    }),
  ),
});

/**
 * Reads what was imported beside a dictionary; empty when nothing was.
 *
 * @throws GlassboxError `bad-imported-features`
 */
export async function readImported(folder: string): Promise<readonly ImportedFeatures[]> {
  const path = join(folder, FILE);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return [];
  const bad = (message: string, cause?: unknown) =>
    new GlassboxError(`${path}: ${message}`, {
      code: 'bad-imported-features',
      remedy: 'Delete the file and import the features again.',
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
  if (parsed.success) return parsed.data.sources;
  const [issue] = parsed.error.issues;
  throw bad(`${issue.path.join('.') || 'it'}: ${issue.message}`);
}

/** Adds features to what was imported before; those that the source had already are replaced. */
export async function addImported(folder: string, imported: ImportedFeatures): Promise<void> {
  const before = await readImported(folder);
  const same = ({ format, name }: ImportSource) =>
    format === imported.source.format && name === imported.source.name;
  const known = before.find(({ source }) => same(source));
  const byNumber = new Map(known?.features.map((one) => [one.feature, one]));
  for (const one of imported.features) byNumber.set(one.feature, one);
  const features = [...byNumber.values()].sort((a, b) => a.feature - b.feature);
  const sources = [
    ...before.filter(({ source }) => !same(source)),
    { source: imported.source, features },
  ];
  const text = JSON.stringify({ format: FORMAT, version: 1, sources });
  await writeFileAtomic(join(folder, FILE), `${text}\n`);
}

/** What each source says of one feature. */
export function importedOf(
  sources: readonly ImportedFeatures[],
  index: number,
): { readonly source: ImportSource; readonly page: ImportedFeature }[] {
  return sources.flatMap(({ source, features }) => {
    const page = features.find((one) => one.feature === index);
    return page ? [{ source, page }] : [];
  });
}
