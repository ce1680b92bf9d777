/**
 * Examples of the README and of docs/: a block of `ts`, or of `sh` with one `glassbox` command, followed by a block
 * of `text` with what it prints. Imports of `glassbox/…` mean the sources.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { ROOT } from './run.ts';

export interface Example {
  readonly language: 'ts' | 'sh';
  readonly code: string;
  readonly output: string;
  /** Line of the page on which the code block starts. */
  readonly line: number;
  /** Where the output stands in the page, as offsets. */
  readonly outputStart: number;
  readonly outputEnd: number;
}

const BLOCKS = /^```(ts|sh)\n((?:(?!```).*\n)*)```\n\n```text\n((?:(?!```).*\n)*)```/gm;

export function examplesIn(markdown: string): Example[] {
  return [...markdown.matchAll(BLOCKS)].map((match) => {
    const outputEnd = match.index + match[0].length - 3;
    return {
      language: match[1] as Example['language'],
      code: match[2],
      output: match[3],
      line: markdown.slice(0, match.index).split('\n').length,
      outputStart: outputEnd - match[3].length,
      outputEnd,
    };
  });
}

/** Splits a command line as a shell would, for the quotes that examples use. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3]);
}

function run(args: readonly string[], stdin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${err}\n${out}`))));
    child.stdin.end(stdin);
  });
}

/** Runs an example and returns what it prints; throws when it fails. */
export function outputOf({ language, code }: Example): Promise<string> {
  if (language === 'ts') {
    const source = code.replace(
      /from 'glassbox\/([\w/]+)'/g,
      (_, layer) => `from '${ROOT}src/${layer}/index.ts'`,
    );
    return run(['--input-type=module-typescript', '-'], source);
  }
  const [program, ...args] = shellWords(code.replaceAll('\\\n', ' ').trim());
  if (program !== 'glassbox') throw new Error(`not a glassbox command: ${code}`);
  return run(['src/cli/main.ts', ...args], '');
}

/** The pages that hold examples, relative to the checkout. */
export function examplePages(): string[] {
  const readmes = readdirSync(ROOT).filter((name) => /^README.*\.md$/.test(name));
  const docs = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' });
  const pages = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return [...readmes, ...pages].sort();
}
