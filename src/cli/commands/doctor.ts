import { access, constants, mkdir } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { createProgram, input, matmul } from '../../graph/index.ts';
import { DEFAULT_MODEL, findModel } from '../../model/catalogue.ts';
import { hubSettings } from '../../model/hub.ts';
import { loadModel } from '../../model/index.ts';
import { nodeRuntime } from '../../runtime/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import { table } from '../table.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do when it is not ok. */
  readonly remedy: string | null;
}

async function check(name: string, remedy: string, run: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, found: await run(), remedy: null };
  } catch (error) {
    return {
      name,
      ok: false,
      found: error instanceof Error ? error.message : String(error),
      remedy,
    };
  }
}

function nodeVersion(): Promise<string> {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return Promise.resolve(process.version);
  return Promise.reject(new Error(`${process.version}, needed is 20.19 or later`));
}

/** Two by two times two by two, so that a runtime that loads but computes wrongly is noticed. */
async function runtimeWorks(): Promise<string> {
  const a = input('a', [2, 2]);
  const executable = await nodeRuntime().compile(createProgram({ y: matmul(a, a) }));
  const data = Float32Array.of(1, 2, 3, 4);
  const { y } = await executable.run({ a: { dtype: 'float32', shape: [2, 2], data } });
  await executable.release();
  if (String([...y.data]) !== '7,10,15,22') throw new Error(`a product came out as ${[...y.data]}`);
  return 'onnxruntime-node, CPU';
}

async function builtInModel(): Promise<string> {
  const { folder } = await findModel(DEFAULT_MODEL);
  const model = await loadModel(folder);
  const { logits } = await model.forward([0], { logits: 'last' });
  await model.release();
  if (!(logits!.data as Float32Array).every(Number.isFinite))
    throw new Error('logits are not finite');
  return `${DEFAULT_MODEL} runs`;
}

async function cacheFolder(): Promise<string> {
  const { cacheDir } = await hubSettings();
  await mkdir(cacheDir, { recursive: true });
  await access(cacheDir, constants.W_OK);
  return cacheDir;
}

export const doctor: CommandSpec = {
  name: 'doctor',
  summary: 'check this machine: Node, native runtime, built-in model, cache folder',
  examples: [
    { line: 'doctor --json', does: 'the same for scripts; exit code 1 when something fails' },
  ],
  define: (command) => command,
  async action(context) {
    const checks = [
      await check('node', 'Install Node 20.19 or later.', nodeVersion),
      await check(
        'runtime',
        'Run npm ci again; the native library comes inside a package.',
        runtimeWorks,
      ),
      await check(
        'model',
        'Run npm ci in a complete clone, or reinstall the package.',
        builtInModel,
      ),
      await check('cache', 'Set HF_HOME to a folder you can write to.', cacheFolder),
    ];
    const machine = {
      platform: `${process.platform}-${process.arch}`,
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    };
    const ok = checks.every((entry) => entry.ok);
    context.result({ ok, machine, checks }, () => {
      const rows = checks.map(({ name, ok: fine, found, remedy }) => [
        fine ? 'ok' : 'FAILED',
        name,
        remedy ? `${found}. ${remedy}` : found,
      ]);
      const { platform, cores, memoryGiB } = machine;
      return `${table(['', 'check', 'found'], rows)}\n${platform}, ${cores} cores, ${memoryGiB} GiB`;
    });
    return ok ? EXIT.ok : EXIT.failed;
  },
};
