/**
 * Our benches beside PyTorch and TransformerLens, in turns on one machine:
 *
 *   node bench/compare.ts --python VENV/bin/python > comparison.md
 *
 * The virtual environment needs `scripts/reference/requirements.txt`. Every bench runs as ours, theirs,
 * ours, and the mean of ours counts. `--rounds N` does all that N times and takes medians,
 * `--threads N` sets the threads of both sides, `--bench A,B` and `--impl A,B` choose among theirs,
 * `--processor-time` counts that instead of time on the wall, which with `--threads 1` gives figures on a
 * busy machine; `--tiny` tries everything out in small.
 */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import {
  type OurResult,
  pairs,
  type Round,
  type Row,
  type TheirResult,
  toMarkdown,
  toRows,
} from './rows.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SCRIPT = 'scripts/reference/compare_pytorch.py';
const MOST_OUTPUT = 1 << 24;

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: process.env.GLASSBOX_PYTHON ?? 'python3' },
    repeats: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    bench: { type: 'string', default: [...pairs.keys()].join(',') },
    impl: { type: 'string' },
    tiny: { type: 'boolean', default: false },
    'processor-time': { type: 'boolean', default: false },
  },
});

// A stopped comparison must not leave the other side running.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

async function json(command: string, args: readonly string[]): Promise<unknown> {
  const settings = { cwd: ROOT, maxBuffer: MOST_OUTPUT, signal: stop.signal };
  const { stdout } = await promisify(execFile)(command, args, settings);
  return JSON.parse(stdout);
}

const common = ['--threads', options.threads, '--repeats', options.repeats];
if (options.tiny) common.push('--tiny');
if (options['processor-time']) common.push('--processor-time');

interface Document<Part> {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly versions?: Readonly<Record<string, string>>;
  readonly part: readonly Part[];
}

async function ours(names: readonly string[]): Promise<Document<OurResult>> {
  const args = ['src/cli/main.ts', 'bench', ...names, '--json', ...common];
  const { machine, benches } = (await json(process.execPath, args)) as never as {
    machine: Record<string, unknown>;
    benches: OurResult[];
  };
  return { machine, part: benches };
}

async function theirs(bench: string): Promise<Document<TheirResult>> {
  const args = [SCRIPT, '--bench', bench, ...common];
  if (options.impl !== undefined) args.push('--impl', options.impl);
  const { machine, versions, results } = (await json(options.python, args)) as never as {
    machine: Record<string, unknown>;
    versions: Record<string, string>;
    results: TheirResult[];
  };
  return { machine, versions, part: results };
}

const rows: Row[] = [];
const loads: number[] = [];
let versions: Readonly<Record<string, string>> = {};
let machine: Readonly<Record<string, unknown>> = {};
for (const bench of options.bench.split(',')) {
  const names = pairs.get(bench);
  if (!names) throw new Error(`no bench '${bench}'; there are ${[...pairs.keys()].join(', ')}`);
  const rounds: Round[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    loads.push(loadavg()[0]);
    const before = await ours(names);
    const other = await theirs(bench);
    const after = await ours(names);
    rounds.push({ ours: [...before.part, ...after.part], theirs: other.part });
    versions = other.versions ?? versions;
    machine = after.machine;
  }
  const found = toRows(bench, rounds);
  rows.push(...found);
  console.error(toMarkdown(found));
}
loads.push(loadavg()[0]);

const list = (record: Readonly<Record<string, unknown>>) =>
  Object.entries(record).map(([name, version]) => `${name} ${version}`);
console.log(toMarkdown(rows));
console.log(
  [
    '',
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${options.threads} threads` +
      `${options['processor-time'] ? ', processor time' : ''}, ` +
      `${new Date().toISOString()}.`,
    `Glassbox on Node ${process.version}, onnxruntime-node ${machine.onnxruntime}; ${list(versions).join(', ')}.`,
    `${options.repeats} repeats, ${options.rounds} rounds; load average ` +
      `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`,
  ].join('\n'),
);
