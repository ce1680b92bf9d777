import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../graph/index.ts';
import { workerRuntime } from './index.ts';

const x = g.input('x', ['n']);
const double = g.createProgram({ y: g.mul(x, 2) });
const value = g.tensorData([1, 2], [2]);

test('results lie in shared memory and shared arrays are written in place', async () => {
  const runtime = workerRuntime({ threads: 1 });
  const executable = await runtime.compile(double);
  const { y } = await executable.run({ x: value });
  assert.ok(y.data.buffer instanceof SharedArrayBuffer);
  const { target } = runtime.share({ target: g.tensorData([0, 0], [2]) });
  await executable.run({ x: value }, { into: { y: target } });
  assert.deepEqual([...target.data], [2, 4]);
  await runtime.close();
});

test('a change to a shared array is seen by the next run', async () => {
  const runtime = workerRuntime({ threads: 1 });
  const executable = await runtime.compile(double);
  const feeds = runtime.share({ x: value });
  assert.deepEqual([...(await executable.run(feeds)).y.data], [2, 4]);
  feeds.x.data[0] = 5;
  assert.deepEqual([...(await executable.run(feeds)).y.data], [10, 4]);
  await runtime.close();
});

test('frozen arrays in shared memory load in the thread', async () => {
  const runtime = workerRuntime({ threads: 1 });
  const w = g.input('w', [600]);
  const program = g.createProgram({ y: g.add(g.sum(w), g.sum(x)) });
  const frozen = runtime.share({ w: g.tensorData(new Array(600).fill(1), [600]) });
  const executable = await runtime.compile(program, { frozen });
  assert.deepEqual([...(await executable.run({ x: value })).y.data], [603]);
  await runtime.close();
});

test('the event loop turns while a program runs', async () => {
  const runtime = workerRuntime({ threads: 1 });
  let a = g.input('a', [256, 256]);
  for (let i = 0; i < 64; i++) a = g.tanh(g.matmul(a, a)) as typeof a;
  const executable = await runtime.compile(g.createProgram({ a }));
  const feeds = { a: g.tensorData(new Array(256 * 256).fill(0.01), [256, 256]) };
  let turns = 0;
  let running = true;
  const turn = () => {
    turns++;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await executable.run(feeds);
  running = false;
  // In the calling thread the whole run would be one turn.
  assert.ok(turns > 10, `${turns} turns`);
  await runtime.close();
});

test('closing fails what is under way and everything after', async () => {
  const runtime = workerRuntime({ threads: 1 });
  const executable = await runtime.compile(double);
  const underWay = assert.rejects(executable.run({ x: value }), { code: 'runtime-closed' });
  await runtime.close();
  await underWay;
  await assert.rejects(executable.run({ x: value }), {
    name: 'GlassboxError',
    code: 'runtime-closed',
  });
  await assert.rejects(runtime.compile(double), { code: 'runtime-closed' });
  await executable.release();
});
