/**
 * Patching sweeps and edge attribution on the shape of GPT-2 small, beside TransformerLens and EAP-IG:
 *
 *   node bench/circuits.ts [--python VENV/bin/python] [--threads 1] [--rounds 3] [--bench sweep,eap]
 *
 * The virtual environment needs TransformerLens 2 and, for edges, EAP-IG on its path with the device
 * 'cuda' replaced by 'cpu'; without `--python` only our side runs. Both sides get the same prompt of 16
 * tokens and as many threads. Processor time is what counts, because other work on the machine
 * does not change it; wall time is beside it. Prints Markdown.
 */
import { execFile } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { edgeAttribution } from '../src/microscope/circuits/index.ts';
import { activationPatching } from '../src/microscope/patching/index.ts';
import { parseModelConfig, randomModel } from '../src/model/index.ts';
import { nodeRuntime } from '../src/runtime/node/index.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    bench: { type: 'string', default: 'sweep,eap,eap-ig' },
  },
});

/** Seconds of one bench. */
interface Times {
  readonly cpu: number;
  readonly wall: number;
}

const config = parseModelConfig({
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  n_layer: 12,
  n_embd: 768,
  n_head: 12,
  vocab_size: 50257,
  n_positions: 1024,
});
const model = randomModel(config, 1, {
  runtime: nodeRuntime({ threads: Number(options.threads) }),
});
const clean = Array.from({ length: 16 }, (_, i) => 100 + 7 * i);
const corrupted = clean.map((token, i) => (i === 10 ? 9999 : token));
const example = { clean, corrupted, target: 5, distractor: 17 };
const four = [example, example, example, example];

const benches: Readonly<Record<string, { about: string; run: () => Promise<unknown> }>> = {
  sweep: {
    about: 'activation patching, 144 heads × 16 positions',
    run: () => activationPatching(model, { ...example, site: 'z', byPosition: true }),
  },
  eap: {
    about: 'EAP over all 32,491 edges, 4 prompts',
    run: () => edgeAttribution(model, four, { method: 'eap' }),
  },
  'eap-ig': {
    about: 'EAP-IG (inputs, 5 steps) over all edges, 4 prompts',
    run: () => edgeAttribution(model, four, { method: 'eap-ig-inputs', steps: 5 }),
  },
};

async function ours(run: () => Promise<unknown>): Promise<Times> {
  const [wall, before] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1e3 };
}

async function theirs(name: string): Promise<Times | null> {
  if (options.python === undefined) return null;
  const script = ['scripts/reference/compare_circuits.py', name, '--threads', options.threads];
  const { stdout } = await promisify(execFile)(options.python, script, { cwd: ROOT });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Times;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

const seconds = ({ cpu, wall }: Times) => `${cpu.toFixed(2)} s (${wall.toFixed(2)} s)`;
console.log(
  [
    `${cpus()[0].model}, ${options.threads} thread(s) each, load ${loadavg()[0].toFixed(1)}; processor time (wall time), median of ${options.rounds} round(s)`,
    '',
    '| bench | ours | theirs | theirs / ours |',
    '|---|---|---|---|',
  ].join('\n'),
);
for (const name of options.bench.split(',')) {
  const { about, run } = benches[name];
  // Compiled before its clock starts, like the other side's first run.
  await run();
  const mine: Times[] = [];
  const other: Times[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    mine.push(await ours(run));
    const found = await theirs(name);
    if (found) other.push(found);
  }
  const middle = (list: readonly Times[]): Times => ({
    cpu: median(list.map(({ cpu }) => cpu)),
    wall: median(list.map(({ wall }) => wall)),
  });
  const [a, b] = [middle(mine), other.length > 0 ? middle(other) : null];
  const ratio = b ? (b.cpu / a.cpu).toFixed(1) : '–';
  console.log(`| ${about} | ${seconds(a)} | ${b ? seconds(b) : 'not run'} | ${ratio} |`);
}
await model.release();
