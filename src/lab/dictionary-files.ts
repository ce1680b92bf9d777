import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findDictionaries } from '../microscope/dictionary/files.ts';
import type { Question } from './messages.ts';

/** Where a model's own dictionaries lie, in its folder. */
export const dictionaryFolder = (model: string): string => join(model, 'dictionaries');

/** What answers are made from, of each dictionary and of each folder of them. */
const FILES = ['weights.safetensors', 'metrics.json', 'labels.json', 'imported.json'].concat(
  join('harvest', 'index.json'),
);
const SETS = 'sets.json';

/** Questions whose answers depend on dictionaries, whatever is asked. */
const QUESTIONS: ReadonlySet<Question> = new Set([
  'dictionaries',
  'compare-dictionaries',
  'trace',
  'graph-intervention',
  'graph-validity',
  'head-loadings',
  'qk',
  'groups',
  'subgraph-scores',
  'features',
  'feature',
  'feature-example',
  'find-features',
]);

/** Whether an answer depends on dictionaries: by the question, or by an edit of a feature. */
export function usesDictionaries(question: Question, request: object): boolean {
  const { edits = [] } = request as { readonly edits?: readonly { readonly op: string }[] };
  return QUESTIONS.has(question) || edits.some(({ op }) => op === 'feature');
}

/** A hash of when the files of all dictionaries below some folders were written. */
export async function dictionaryFiles(roots: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const paths = await Promise.all(
    roots.map(async (root) => {
      const folders = await findDictionaries(root);
      const own = folders.flatMap((folder) => FILES.map((name) => join(folder, name)));
      return [join(root, SETS), ...own];
    }),
  );
  const times = paths.flat().map(async (path) => {
    const found = await stat(path).catch(() => null);
    return `${path} ${found?.mtimeMs ?? 'none'} ${found?.size ?? 0}\n`;
  });
  for (const line of await Promise.all(times)) hash.update(line);
  return hash.digest('hex');
}
