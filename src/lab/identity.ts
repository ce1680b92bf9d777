import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The package's root, from `src/lab/` as well as from `dist/lab/`. */
const ROOT = join(import.meta.dirname, '../..');

/** Where the built page lies. */
export const PAGE_FOLDER = join(ROOT, 'dist/web');

/** What answers say about this program. */
export interface ProgramIdentity {
  readonly version: string;
  /** Short commit of a checkout; null in an installed package. */
  readonly commit: string | null;
}

/** Reads the version and, in a checkout, asks git for the commit. */
export async function programIdentity(): Promise<ProgramIdentity> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  if (!existsSync(join(ROOT, '.git'))) return { version, commit: null };
  const commit = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: ROOT,
    timeout: 5000,
  }).then(
    ({ stdout }) => stdout.trim() || null,
    () => null,
  );
  return { version, commit };
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * SHA-256 of what decides a model's answers: configuration, weights and tokenizer. The same as
 * `sha256sum config.json model*.safetensors tokenizer.json | sha256sum` in the folder.
 */
export async function modelHash(folder: string): Promise<string> {
  const names = (await readdir(folder))
    .filter((name) => /^(config|tokenizer)\.json$|\.safetensors$/.test(name))
    .sort();
  const lines: string[] = [];
  for (const name of names) lines.push(`${await fileHash(join(folder, name))}  ${name}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
