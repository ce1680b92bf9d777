import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGlassboxError } from '../../base/error.ts';
import * as g from '../../graph/index.ts';
import { nodeRuntime } from './index.ts';

const program = g.createProgram({ y: g.neg(g.input('x', ['n'])) });
const x = g.tensorData([1, 2], [2]);

test('every optimisation level and the arena switch give the same values', async () => {
  for (const optimization of ['disabled', 'basic', 'extended', 'all'] as const) {
    for (const arena of [true, false]) {
      const executable = await nodeRuntime({ optimization, arena, threads: 1 }).compile(program);
      assert.deepEqual([...(await executable.run({ x })).y.data], [-1, -2]);
      await executable.release();
    }
  }
});

test('a provider that is not there is one clear error; where it is there, it computes', async () => {
  const outcome = await nodeRuntime({ providers: ['cuda'] })
    .compile(program)
    .then(
      async (executable) => [...(await executable.run({ x })).y.data],
      (error: unknown) => (isGlassboxError(error) ? [error.code, error.remedy] : error),
    );
  const remedy =
    "Check that the device's driver and libraries are installed, or use the provider 'cpu'.";
  const there = typeof (outcome as unknown[])[0] === 'number';
  assert.deepEqual(outcome, there ? [-1, -2] : ['provider-failed', remedy]);
});

test('threads do not stay busy after a run, when another program may need the processor', async () => {
  const n = 256;
  const square = g.createProgram({
    y: g.matmul(g.input('a', [n, n]), g.input('b', [n, n])),
  });
  const executable = await nodeRuntime({ threads: 2 }).compile(square);
  const a = g.tensorData(new Array<number>(n * n).fill(1), [n, n]);
  const busy: number[] = [];
  for (let i = 0; i < 5; i++) {
    await executable.run({ a, b: a });
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 60));
    const { user, system } = process.cpuUsage(before);
    busy.push((user + system) / 1e3);
  }
  await executable.release();
  // Processor time in ms. Left to itself, ONNX Runtime spends more than 20 every time; anything else is noise.
  assert.ok(Math.min(...busy) < 10, `${busy.join(', ')} ms`);
});
