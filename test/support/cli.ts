import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { run } from '../../src/cli/run.ts';
import type { Sourced } from '../../src/lab/api.ts';

/** What a command left behind. */
export interface Outcome {
  /** Exit code. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. */
export async function glassbox(...argv: string[]): Promise<Outcome> {
  let [out, err] = ['', ''];
  const code = await run(argv, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

/** The document that a command prints with `--json`; it must succeed. */
// biome-ignore lint/suspicious/noExplicitAny: each command prints a document of its own kind.
export async function glassboxJson(...argv: string[]): Promise<any> {
  // What stands behind -- is never an option.
  const end = argv.indexOf('--') < 0 ? argv.length : argv.indexOf('--');
  const { code, out, err } = await glassbox(...argv.toSpliced(end, 0, '--json'));
  assert.equal(code, 0, out + err);
  return JSON.parse(out);
}

/** The error that a command refuses with; its exit code must be 2, and it must say what to do. */
export async function refusalOf(
  ...argv: string[]
): Promise<{ readonly code: string; readonly message: string; readonly remedy: string }> {
  const { code, out } = await glassbox(...argv, '--json');
  assert.equal(code, 2, out);
  const { error } = JSON.parse(out);
  assert.ok(error.remedy.length > 0);
  return error;
}

/** The code of {@link refusalOf}. */
export async function refusal(...argv: string[]): Promise<string> {
  return (await refusalOf(...argv)).code;
}

/**
 * Runs the command line that an answer of the lab shows, split into words as a shell would, and gives the document it
 * prints.
 */
// biome-ignore lint/suspicious/noExplicitAny: each command prints a document of its own kind.
export async function runShown({ provenance }: Sourced): Promise<any> {
  const line = provenance.command!.replace(/^glassbox /, '');
  const words = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
  return glassboxJson(...words.split('\0').slice(0, -1));
}
