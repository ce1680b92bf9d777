import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import * as g from '../../graph/index.ts';
import { nodeRuntime } from '../node/index.ts';
import { canStopBeforeCopies } from '../node/session.ts';
import { STOP_BEFORE_COPIES, wrapSession } from './session.ts';

/** A session that notes what it is asked for and fails with a message. */
function failing(message: string, outputNames: readonly string[]) {
  const asked: string[][] = [];
  const session = {
    outputNames,
    async run(_: unknown, fetches: Record<string, unknown>) {
      asked.push(Object.keys(fetches));
      throw new Error(message);
    },
    release: async () => undefined,
  };
  return { asked, wrapped: wrapSession(session as unknown as InferenceSession, Tensor) };
}

const stopped = 'Non tensor type is temporarily not supported.';
const value = g.tensorData([1], [1]);

test('the run that stops before copies is a good run, any other failure is one', async () => {
  const good = failing(stopped, [STOP_BEFORE_COPIES, 'y']);
  assert.deepEqual(await good.wrapped.run({ x: value }, { y: value }), {});
  assert.deepEqual(good.asked, [['y', STOP_BEFORE_COPIES]]);
  const bad = failing('out of memory', [STOP_BEFORE_COPIES, 'y']);
  await assert.rejects(bad.wrapped.run({ x: value }, { y: value }), /out of memory/);
});

test('a run with fresh results, or without the extra output, is not stopped', async () => {
  const fresh = failing(stopped, [STOP_BEFORE_COPIES, 'y']);
  await assert.rejects(fresh.wrapped.run({ x: value }, { y: null }), /Non tensor/);
  assert.deepEqual(fresh.asked, [['y']]);
  const plain = failing(stopped, ['y']);
  await assert.rejects(plain.wrapped.run({ x: value }, { y: value }), /Non tensor/);
});

test('the installed onnxruntime-node writes in place and makes no copies', async () => {
  assert.equal(await canStopBeforeCopies(), true);
  const size = 1 << 20;
  const runtime = nodeRuntime({ threads: 1 });
  const executable = await runtime.compile(g.createProgram({ y: g.neg(g.input('x', [size])) }));
  const x = { dtype: 'float32', shape: [size], data: new Float32Array(size).fill(2) } as const;
  await executable.run({ x });
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 3; i++) {
    const { y } = await executable.run({ x });
    assert.equal(y.data[size - 1], -2);
  }
  // Copies would be 12 MiB, and a collection in between could only make the figure smaller.
  assert.ok(process.memoryUsage().arrayBuffers - before < size);
  await executable.release();
});
