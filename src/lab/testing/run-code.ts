import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Sourced } from '../api.ts';

const SRC = join(import.meta.dirname, '../..');
let snippets = 0;

/**
 * Runs the code that an answer shows against the sources of this checkout, in a file of its own in the folder. Gives what
 * the code would print.
 */
// biome-ignore lint/suspicious/noExplicitAny: each snippet has a result of its own kind.
export async function runSnippet(folder: string, { provenance }: Sourced): Promise<any> {
  const last = 'console.log(result);\n';
  if (!provenance.code?.endsWith(`\n${last}`)) throw new Error(`no result: ${provenance.code}`);
  const code = provenance.code.replace(/'glassbox\/(\w+)'/g, (_, name) =>
    JSON.stringify(pathToFileURL(join(SRC, name, 'index.ts')).href),
  );
  const path = join(folder, `snippet-${snippets++}.mts`);
  await writeFile(path, `${code.slice(0, -last.length)}export { result };\n`);
  return (await import(pathToFileURL(path).href)).result;
}
