import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as g from '../graph/index.ts';
import type { TensorData } from '../graph/op.ts';
import { nodeRuntime, workerRuntime } from './index.ts';
import type { Feeds, Runtime } from './runtime.ts';

const f32 = (values: readonly number[], shape: readonly number[]): TensorData =>
  g.tensorData(values, shape);

/** y = x · w with a symbolic number of rows. */
function linear() {
  const x = g.input('x', ['pos', 2]);
  const w = g.input('w', [2, 2]);
  return g.createProgram({ y: g.matmul(x, w), rows: g.dimension('pos') });
}
const w = f32([1, 2, 3, 4], [2, 2]);

const worker = workerRuntime({ threads: 1 });
after(() => worker.close());

const runtimes: readonly Runtime[] = [nodeRuntime({ threads: 1 }), worker];

for (const runtime of runtimes) {
  describe(`the ${runtime.name} runtime`, () => conform(runtime));
}

/** What holds for every runtime on ONNX Runtime. */
function conform(runtime: Runtime): void {
  test('one compile serves every size of a symbolic dimension', async () => {
    const executable = await runtime.compile(linear());
    const one = await executable.run({ x: f32([1, 1], [1, 2]), w });
    assert.deepEqual([...one.y.data], [4, 6]);
    const two = await executable.run({ x: f32([1, 1, 0, 1], [2, 2]), w });
    assert.deepEqual([...two.y.data], [4, 6, 3, 4]);
    assert.deepEqual([...two.rows.data], [2]);
    assert.deepEqual(two.y.shape, [2, 2]);
    await executable.release();
  });

  test('frozen inputs give the same values and cannot be fed', async () => {
    const executable = await runtime.compile(linear(), { frozen: { w } });
    const { y } = await executable.run({ x: f32([1, 1], [1, 2]) });
    assert.deepEqual([...y.data], [4, 6]);
    await assert.rejects(executable.run({ x: f32([1, 1], [1, 2]), w }), { code: 'unknown-input' });
  });

  test('outputs are written in place: into given arrays, else into arrays that are reused', async () => {
    const executable = await runtime.compile(linear());
    const x = f32([1, 1], [1, 2]);
    const first = await executable.run({ x, w });
    const second = await executable.run({ x, w });
    assert.equal(first.y, second.y);
    const y = f32([0, 0], [1, 2]);
    const given = await executable.run({ x, w }, { into: { y } });
    assert.equal(given.y, y);
    assert.deepEqual([...y.data], [4, 6]);
  });

  test('a result can be fed straight back in', async () => {
    const x = g.input('x', ['n']);
    // The reversed cumulative sum reads places after it has written others, if memory were shared.
    const program = g.createProgram({ x: g.cumsum(x, { reverse: true }) });
    const executable = await runtime.compile(program);
    let state: TensorData = f32([1, 0, 1], [3]);
    for (let step = 0; step < 3; step++) ({ x: state } = await executable.run({ x: state }));
    assert.deepEqual([...state.data], [7, 3, 1]);
  });

  test('writing an output into memory that is read is refused', async () => {
    const x = g.input('x', [2]);
    const executable = await runtime.compile(g.createProgram({ y: g.mul(x, 2) }));
    const value = f32([1, 2], [2]);
    await assert.rejects(executable.run({ x: value }, { into: { y: value } }), {
      code: 'aliased-memory',
      message: /output 'y'.*input 'x'/,
    });
  });

  test('only the outputs asked for are returned', async () => {
    const executable = await runtime.compile(linear());
    const result = await executable.run({ x: f32([1, 1], [1, 2]), w }, { outputs: ['rows'] });
    assert.deepEqual(Object.keys(result), ['rows']);
    await assert.rejects(executable.run({ x: f32([1, 1], [1, 2]), w }, { outputs: ['row'] }), {
      code: 'unknown-output',
      remedy: /rows/,
    });
  });

  test('bad feeds are named together with what was expected', async () => {
    const executable = await runtime.compile(linear());
    const x = f32([1, 1], [1, 2]);
    const cases: [Feeds, string, RegExp][] = [
      [{ x }, 'missing-input', /'w'/],
      [{ x, w, v: w }, 'unknown-input', /'v'/],
      [{ x, w: f32([1, 2], [2, 1]) }, 'bad-input', /'w' is float32 \[2, 1\].*\[2, 2\]/],
      [{ x: g.tensorData([1, 1], [1, 2], 'int64'), w }, 'bad-input', /int64.*float32 \[pos, 2\]/],
      [{ x: { ...x, data: new Float32Array(3) }, w }, 'bad-input', /3 elements.*needs 2/],
    ];
    for (const [feeds, code, message] of cases) {
      await assert.rejects(executable.run(feeds), { name: 'GlassboxError', code, message });
    }
  });

  test('two inputs that disagree about a symbol are refused', async () => {
    const a = g.input('a', ['pos']);
    const b = g.input('b', ['pos']);
    const executable = await runtime.compile(g.createProgram({ c: g.add(a, b) }));
    await assert.rejects(executable.run({ a: f32([1], [1]), b: f32([1, 2], [2]) }), {
      code: 'bad-input',
      message: /'b'.*\[2\].*pos = 1 as in 'a'/,
    });
  });

  test('a failure inside ONNX Runtime is one clear error', async () => {
    const table = g.input('table', [3, 1]);
    const index = g.input('index', ['n'], 'int64');
    const executable = await runtime.compile(g.createProgram({ y: g.gather(table, index) }));
    const feeds = { table: f32([1, 2, 3], [3, 1]), index: g.tensorData([9], [1], 'int64') };
    await assert.rejects(executable.run(feeds), { name: 'GlassboxError', code: 'run-failed' });
  });

  test('a released executable refuses to run, and its twin goes on', async () => {
    const program = linear();
    const [a, b] = [await runtime.compile(program), await runtime.compile(program)];
    await a.release();
    await a.release();
    const x = f32([1, 1], [1, 2]);
    await assert.rejects(a.run({ x, w }), { code: 'released' });
    assert.deepEqual([...(await b.run({ x, w })).y.data], [4, 6]);
  });

  test('memory does not grow over 10,000 runs of changing size', async () => {
    const x = g.input('x', ['pos', 32]);
    const program = g.createProgram({
      y: g.gelu(g.matmul(x, x, { transposeB: true })),
      x: g.neg(x),
    });
    const executable = await runtime.compile(program);
    const inputs = Array.from({ length: 8 }, (_, i) =>
      f32(new Array(32 * (i + 1)).fill(i), [i + 1, 32]),
    );
    const runs = async (count: number) => {
      for (let i = 0; i < count; i++) await executable.run({ x: inputs[i % inputs.length] });
    };
    await runs(1000);
    const before = process.memoryUsage();
    await runs(10_000);
    const after = process.memoryUsage();
    assert.ok(after.rss - before.rss < 32 << 20, `RSS grew by ${after.rss - before.rss} bytes`);
    assert.ok(after.arrayBuffers - before.arrayBuffers < 1 << 20);
  });
}
