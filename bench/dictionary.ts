/**
 * A dictionary's training step beside dictionary_learning on PyTorch, in turns on one machine:
 *
 *   node bench/dictionary.ts --python VENV/bin/python
 *
 * TopK, k 32, d 512 → 16,384, batches of 4,096 rows that are ready in memory. Tells wall-clock time and processor
 * time of both; on a machine that runs other programs too, the latter is the one to trust.
 * `--rounds N` does all N times, `--threads N` sets the threads of both sides, `--tiny` tries everything out.
 */
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Rng } from '../src/base/rng.ts';
import { autoencoder, createDictionaryTrainer } from '../src/microscope/dictionary/index.ts';
import { nodeRuntime } from '../src/runtime/index.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: process.env.GLASSBOX_PYTHON ?? 'python3' },
    repeats: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    tiny: { type: 'boolean', default: false },
  },
});

/** Seconds of every step. */
interface Times {
  readonly wall: readonly number[];
  readonly cpu: readonly number[];
}

async function ours(): Promise<Times> {
  const [width, dDict, rows, k] = options.tiny ? [16, 64, 32, 4] : [512, 16_384, 4096, 32];
  const rng = new Rng(0);
  const x = Float32Array.from({ length: rows * width }, () => rng.normal());
  const trainer = await createDictionaryTrainer({
    task: autoencoder({ name: 'bench', rule: { kind: 'topk', k }, width, dDict, at: 'x' }),
    runtime: nodeRuntime({ threads: Number(options.threads) }),
    rows,
    statistics: { x: { mean: new Float32Array(width), meanNorm: Math.sqrt(width) } },
    scales: { x: 1 },
  });
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (let step = 0; step < Number(options.repeats) + 2; step++) {
    const [started, used] = [performance.now(), process.cpuUsage()];
    await trainer.step({ x }, { lr: 1e-4 });
    if (step < 2) continue;
    const { user, system } = process.cpuUsage(used);
    wall.push((performance.now() - started) / 1e3);
    cpu.push((user + system) / 1e6);
  }
  await trainer.release();
  return { wall, cpu };
}

async function theirs(): Promise<Times & { readonly versions: Record<string, string> }> {
  const script = fileURLToPath(
    new URL('../scripts/reference/dictionary_training.py', import.meta.url),
  );
  const args = [script, '--repeats', options.repeats, '--threads', options.threads];
  const all = options.tiny ? [...args, '--tiny'] : args;
  const { stdout } = await promisify(execFile)(options.python, all);
  return JSON.parse(stdout);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

console.log(
  '| round | wall, ours | wall, theirs | ratio | processor, ours | processor, theirs | ratio |',
);
console.log('|---|---|---|---|---|---|---|');
let versions: Record<string, string> = {};
for (let round = 1; round <= Number(options.rounds); round++) {
  const before = await ours();
  const other = await theirs();
  const after = await ours();
  versions = other.versions;
  const cells = (['wall', 'cpu'] as const).flatMap((key) => {
    const own = median([...before[key], ...after[key]]);
    const their = median(other[key]);
    return [`${own.toFixed(2)} s`, `${their.toFixed(2)} s`, `${(their / own).toFixed(1)} ×`];
  });
  console.log(`| ${round} | ${cells.join(' | ')} |`);
}
const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
console.log(
  `\n${cpus()[0]?.model.trim()}, ${options.threads} threads, Node ${process.version}, ${list.join(', ')}; ` +
    `load average ${loadavg()[0].toFixed(1)}.`,
);
