import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as g from '../../graph/index.ts';
import { createOnnxRuntime, type SessionCacheOptions } from './runtime.ts';

/** A backend that computes nothing and counts its sessions. */
function countingRuntime(options: SessionCacheOptions) {
  const counts = { created: 0, released: 0, fail: false };
  const runtime = createOnnxRuntime(
    {
      name: 'counting',
      memory: { canWrite: () => true, allocate: (bytes) => new ArrayBuffer(bytes) },
      async createSession() {
        if (counts.fail) throw new Error('no room');
        counts.created++;
        return {
          run: async () => ({}),
          release: async () => {
            counts.released++;
          },
        };
      },
    },
    options,
  );
  return { runtime, counts };
}

const weight = () => g.tensorData([1, 2, 3, 4], [2, 2]);
const program = g.createProgram({ y: g.sum(g.input('w', [2, 2])) });
const others = [1, 2, 3].map((i) => g.createProgram({ y: g.add(g.sum(g.input('w', [2, 2])), i) }));

test('the same program with the same frozen arrays is compiled once', async () => {
  const { runtime, counts } = countingRuntime({});
  const w = weight();
  const executables = await Promise.all([
    runtime.compile(program, { frozen: { w } }),
    runtime.compile(program, { frozen: { w } }),
  ]);
  assert.equal(counts.created, 1);
  await runtime.compile(program, { frozen: { w: weight() } });
  await runtime.compile(program);
  assert.equal(counts.created, 3);
  for (const executable of executables) await executable.release();
  assert.equal(counts.released, 0);
  await runtime.compile(program, { frozen: { w } });
  assert.equal(counts.created, 3);
});

test('idle sessions beyond the limit are freed, the longest idle first', async () => {
  const { runtime, counts } = countingRuntime({ idleSessions: 2 });
  const executables = [];
  for (const other of others) executables.push(await runtime.compile(other));
  for (const executable of executables) await executable.release();
  assert.equal(counts.released, 1);
  await runtime.compile(others[2]);
  await runtime.compile(others[1]);
  assert.equal(counts.created, 3);
  await runtime.compile(others[0]);
  assert.equal(counts.created, 4);
});

test('idle sessions with many frozen bytes are freed', async () => {
  const { runtime, counts } = countingRuntime({ idleBytes: 20 });
  const frozen = { w: weight() };
  const [a, b] = [
    await runtime.compile(others[0], { frozen }),
    await runtime.compile(others[1], { frozen }),
  ];
  await a.release();
  assert.equal(counts.released, 0);
  await b.release();
  assert.equal(counts.released, 1);
});

test('with no idle sessions allowed a release frees at once', async () => {
  const { runtime, counts } = countingRuntime({ idleSessions: 0 });
  const twins = [await runtime.compile(program), await runtime.compile(program)];
  await twins[0].release();
  await twins[0].release();
  assert.equal(counts.released, 0);
  await twins[1].release();
  assert.equal(counts.released, 1);
});

test('a failed load is one clear error and is tried again', async () => {
  const { runtime, counts } = countingRuntime({});
  counts.fail = true;
  await assert.rejects(runtime.compile(program), {
    name: 'GlassboxError',
    code: 'compile-failed',
    message: /no room/,
  });
  counts.fail = false;
  await runtime.compile(program);
  assert.equal(counts.created, 1);
});
