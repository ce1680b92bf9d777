import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  allPairs,
  batchSpec,
  entropyRate,
  loss,
  markovTraining,
  trainMarkov,
} from '../../test/nn/markov.ts';
import type { GlassboxError } from '../base/error.ts';
import type { Progress } from '../base/progress.ts';
import { Rng } from '../base/rng.ts';
import { add, sqrt, square, sum, tensorData } from '../graph/build.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import { workerRuntime } from '../runtime/worker/index.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { listCheckpoints } from './checkpoint-folder.ts';
import { createLossEvaluator } from './evaluate.ts';
import { progressOf, type TrainEvent } from './events.ts';
import type { Params } from './params.ts';
import { constantSchedule } from './schedule.ts';
import { runTraining, train } from './train.ts';
import { createTrainer } from './trainer.ts';

let scratch: string;
let serial = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glassbox-train-'));
});
after(() => rm(scratch, { recursive: true, force: true }));
const newFolder = () => join(scratch, `run-${serial++}`);

const bits = (params: Params) =>
  Object.fromEntries(
    Object.entries(params).map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
    ]),
  );

describe('training', () => {
  it('reaches the entropy rate of a Markov chain', async () => {
    const events: TrainEvent[] = [];
    const progress: Progress[] = [];
    const { params, ema } = await runTraining(
      markovTraining({ steps: 400 }),
      (event) => events.push(event),
      progressOf((item) => progress.push(item)),
    );
    const evaluator = await createLossEvaluator({
      runtime: nodeRuntime(),
      params,
      batch: batchSpec,
      loss,
    });
    const exact = { data: { batch: allPairs }, batches: 1 };
    const { loss: final } = await evaluator.run(params, exact);
    const { loss: averaged } = await evaluator.run(ema!, exact);
    await evaluator.release();
    // 38,400 samples leave about (49 − 7) / (2 · 38,400) = 0.0005 nats to be learnt.
    for (const value of [final, averaged]) {
      assert.ok(value >= entropyRate - 1e-5, `${value} is below the entropy ${entropyRate}`);
      assert.ok(value < entropyRate + 0.01, `${value} is far above the entropy ${entropyRate}`);
    }
    assert.deepEqual(events[0], { type: 'started', step: 0, steps: 400, parameters: 240 });
    assert.equal(events.filter(({ type }) => type === 'step').length, 400);
    assert.equal(events.at(-1)?.type, 'finished');
    assert.deepEqual(progress.at(-1), { label: 'training', done: 400, total: 400, unit: 'steps' });
  });

  it('with micro-batches of unequal weight equals one large batch', async () => {
    const weighted: typeof loss = (p, batch) => {
      const out = loss(p, batch);
      return { loss: 'loss' in out ? out.loss : out, weight: batch.total };
    };
    const part = (rows: readonly number[]) => ({
      tokens: tensorData(rows, [rows.length], 'int64'),
      targets: tensorData(
        rows.map((row) => (row + 1) % 7),
        [rows.length],
        'int64',
      ),
      weights: tensorData(
        rows.map(() => 1),
        [rows.length],
      ),
      total: tensorData([rows.length], []),
    });
    const batch = { ...batchSpec, total: { shape: [], dtype: 'float32' } } as const;
    const common = { ...markovTraining(), batch, loss: weighted };
    const whole = await createTrainer(common);
    const parts = await createTrainer({ ...common, microBatches: 2 });
    for (let i = 0; i < 3; i++) {
      const one = await whole.step([part([0, 1, 2, 3, 4])], 0.01);
      const two = await parts.step([part([0]), part([1, 2, 3, 4])], 0.01);
      assert.ok(Math.abs(one.loss - two.loss) < 1e-5);
      assert.ok(Math.abs(one.gradNorm - two.gradNorm) < 1e-5);
    }
    const [a, b] = [whole.state().params.out.data, parts.state().params.out.data];
    a.forEach((value, i) => {
      assert.ok(Math.abs(Number(value) - Number(b[i])) < 1e-5);
    });
    await whole.release();
    await parts.release();
  });

  it('evaluates on schedule and keeps the last and the best checkpoints', async () => {
    const folder = newFolder();
    const losses = [5, 1, 4, 3, 2];
    const told: TrainEvent[] = [];
    await runTraining(
      markovTraining({
        steps: 10,
        evaluate: { every: 2, run: async ({ step }) => ({ heldOut: losses[step / 2 - 1] }) },
        checkpoints: { folder, every: 2, keep: 2, best: { metric: 'heldOut' } },
      }),
      (event) => told.push(event),
    );
    const evaluations = told.filter((event) => event.type === 'eval');
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [2, 4, 6, 8, 10],
    );
    const saved = told.filter((event) => event.type === 'checkpoint');
    assert.deepEqual(
      saved.map(({ best }) => best),
      [true, true, false, false, false],
    );
    const kept = await listCheckpoints(folder);
    assert.deepEqual(
      kept.map(({ step }) => step),
      [4, 8, 10],
    );
  });

  it('restores generators and the state of the data source', async () => {
    const folder = newFolder();
    const make = () => {
      let cursor = 0;
      return {
        batch: () => markovTraining().data.batch(cursor++),
        state: () => cursor,
        restore: (state: unknown) => {
          cursor = state as number;
        },
      };
    };
    const [first, second] = [new Rng(4), new Rng(99)];
    first.next();
    const saved = first.state;
    const checkpoints = { folder, resume: true };
    const straight = await runTraining(markovTraining({ steps: 6, data: make() }));
    await runTraining(
      markovTraining({ steps: 3, data: make(), rngs: { noise: first }, checkpoints }),
    );
    const resumed = await runTraining(
      markovTraining({ steps: 6, data: make(), rngs: { noise: second }, checkpoints }),
    );
    assert.deepEqual(second.state, saved);
    assert.deepEqual(bits(resumed.params), bits(straight.params));
  });
});

describe('stopping and resuming', () => {
  it('continues bit-equal: 20 steps = 10, a checkpoint, 10 more', async () => {
    const folder = newFolder();
    const straight = await trainMarkov(20);
    await trainMarkov(10, { folder });
    const told: TrainEvent[] = [];
    const resumed = await trainMarkov(20, { folder, resume: true }, (event) => told.push(event));
    assert.equal(told[0].type === 'started' && told[0].step, 10);
    assert.deepEqual(bits(resumed.params), bits(straight.params));
    assert.deepEqual(bits(resumed.ema!), bits(straight.ema!));
  });

  it('finishes the step, checkpoints and stops when the signal aborts', async () => {
    const folder = newFolder();
    const stop = new AbortController();
    const told: TrainEvent[] = [];
    const options = markovTraining({ steps: 20, signal: stop.signal, checkpoints: { folder } });
    const result = await runTraining(options, (event) => {
      told.push(event);
      if (event.type === 'step' && event.step === 6) stop.abort();
    });
    assert.deepEqual([result.interrupted, result.step], [true, 7]);
    assert.deepEqual(
      told.slice(-2).map(({ type }) => type),
      ['checkpoint', 'interrupted'],
    );
    const resumed = await trainMarkov(20, { folder, resume: true });
    assert.deepEqual(bits(resumed.params), bits((await trainMarkov(20)).params));
  });

  it('gives the same bits in a worker thread, on shared memory, with checkpoints', async () => {
    const runtime = workerRuntime();
    const allocate = (bytes: number) => new SharedArrayBuffer(bytes);
    const folder = newFolder();
    const checkpoints = { folder, resume: true };
    await runTraining(markovTraining({ steps: 4, runtime, allocate, checkpoints }));
    const { params } = await runTraining(
      markovTraining({ steps: 8, runtime, allocate, checkpoints }),
    );
    await runtime.close();
    assert.deepEqual(bits(params), bits((await trainMarkov(8)).params));
  });

  it('survives kill -9 at any moment', async () => {
    const folder = newFolder();
    const helper = new URL('../../test/nn/markov.ts', import.meta.url);
    const code = `import(${JSON.stringify(helper.href)}).then((m) => m.trainUntilKilled(${JSON.stringify(folder)}))`;
    let reached = 0;
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.setEncoding('utf8');
      // Killed while it goes on after the third report of this round: between or within writes.
      let reports = 0;
      child.stdout.on('data', (text: string) => {
        reports += text.trim().split('\n').length;
        if (reports >= 3 + round) child.kill('SIGKILL');
      });
      const [, signal] = await once(child, 'exit');
      assert.equal(signal, 'SIGKILL');
      const entries = await listCheckpoints(folder);
      assert.ok(entries.length > 0);
      for (const { path, step } of entries) {
        assert.equal((await loadCheckpoint(path)).state.step, step);
      }
      assert.ok(entries.at(-1)!.step > reached);
      reached = entries.at(-1)!.step;
    }
    const total = reached + 5;
    const resumed = await trainMarkov(total, { folder, resume: true });
    assert.deepEqual(bits(resumed.params), bits((await trainMarkov(total)).params));
    const names = await readdir(folder);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('step-')),
      [],
    );
  });

  it('refuses a folder with checkpoints unless asked to resume', async () => {
    const folder = newFolder();
    await trainMarkov(2, { folder });
    await assert.rejects(trainMarkov(4, { folder }), { code: 'checkpoints-exist' });
  });

  it('refuses to resume with other settings, naming them', async () => {
    const folder = newFolder();
    const checkpoints = { folder, resume: true };
    await trainMarkov(2, checkpoints);
    const other = markovTraining({ checkpoints, clipNorm: 2 });
    await assert.rejects(runTraining(other), { code: 'checkpoint-mismatch', message: /clipNorm/ });
    const corpus = markovTraining({ checkpoints, config: { corpus: 'another' } });
    await assert.rejects(runTraining(corpus), { code: 'checkpoint-mismatch', message: /corpus/ });
    const smaller = markovTraining({ checkpoints });
    const { out, ...rest } = smaller.params;
    const params = { ...rest, out: { ...out, shape: [8, 7], data: new Float32Array(56) } };
    await assert.rejects(runTraining({ ...smaller, params }), (error: Error) => {
      return /'out'|matmul/.test(error.message);
    });
  });

  it('leaves no process-wide trace when the consumer stops listening', async () => {
    const folder = newFolder();
    for await (const event of train(markovTraining({ checkpoints: { folder, every: 2 } }))) {
      if (event.type === 'checkpoint') break;
    }
    assert.deepEqual(
      (await listCheckpoints(folder)).map(({ step }) => step),
      [2],
    );
  });
});

describe('faults', () => {
  it('a full disk is told, and the checkpoint before it is intact', async () => {
    const folder = newFolder();
    await trainMarkov(4, { folder });
    const before = (await listCheckpoints(folder)).map(({ path }) => path);
    const full = async (path: string, content: unknown) => {
      // The weights still fit, half of the optimiser state does not.
      if (path.endsWith('weights.safetensors')) return;
      await writeFile(path, typeof content === 'string' ? content.slice(0, 9) : 'half');
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    await assert.rejects(trainMarkov(8, { folder, resume: true, write: full }), {
      code: 'checkpoint-failed',
      message: /step 8: ENOSPC: no space left/,
    });
    assert.deepEqual(
      (await readdir(folder)).map((name) => join(folder, name)),
      before,
    );
    const resumed = await trainMarkov(8, { folder, resume: true });
    assert.deepEqual(bits(resumed.params), bits((await trainMarkov(8)).params));
  });

  it('NaN in the data is refused with the step and the input named', async () => {
    const options = markovTraining({ schedule: constantSchedule(0.01) });
    const poisoned = {
      batch: async (index: number) => {
        const feeds = await options.data.batch(index);
        const weights = tensorData(new Array(96).fill(index === 3 ? Number.NaN : 1), [96]);
        return { ...feeds, weights };
      },
    };
    await assert.rejects(runTraining({ ...options, data: poisoned }), {
      code: 'not-finite',
      message: /step 3: the loss is NaN; the value of 'weights' is not finite/,
    });
  });

  it('a bad gradient is refused with its parameter named, and the state stays', async () => {
    // The length of a zero vector is 0, but its gradient is 0 / 0.
    const trainer = await createTrainer({
      ...markovTraining(),
      params: { a: tensorData([1, 2], [2]), b: tensorData([0, 0], [2]) },
      batch: {},
      loss: (p) => add(sum(p('a')), sqrt(sum(square(p('b'))))),
    });
    await assert.rejects(trainer.step([{}], 0.1), (error: GlassboxError) => {
      assert.equal(error.code, 'not-finite');
      assert.match(error.message, /step 0: the gradient norm is NaN; the gradient of 'b'/);
      assert.deepEqual(error.details.gradients, ['b']);
      return true;
    });
    const { step, params } = trainer.state();
    assert.deepEqual([step, ...params.a.data], [0, 1, 2]);
    await trainer.release();
  });

  it('a parameter that is already bad is refused by name, and never saved', async () => {
    const options = markovTraining();
    const { out } = options.params;
    const params = { ...options.params, out: { ...out, data: out.data.slice() } };
    params.out.data[3] = Number.POSITIVE_INFINITY;
    const message = /step 0: .*the value of 'out' is not finite/;
    await assert.rejects(runTraining({ ...options, params }), { code: 'not-finite', message });
    const checkpoints = { folder: newFolder() };
    const untrained = runTraining({ ...options, params, steps: 0, checkpoints });
    await assert.rejects(untrained, { code: 'not-finite', message: /'out' holds NaN/ });
  });

  it('a parameter the loss does not use is refused by name', async () => {
    const options = markovTraining();
    const params = { ...options.params, spare: tensorData([1], [1]) };
    await assert.rejects(runTraining({ ...options, params }), {
      code: 'bad-training-setup',
      message: /'spare'/,
    });
  });

  it('a batch without an input is refused by name', async () => {
    const trainer = await createTrainer(markovTraining());
    await assert.rejects(trainer.step([{}], 0.1), { code: 'bad-batch', message: /no '/ });
    await trainer.release();
  });
});
