import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeRuntime } from '../../runtime/node/index.ts';
import type { Executable, Runtime } from '../../runtime/runtime.ts';
import { loadFixture, maxDifference } from '../testing/fixtures.ts';

/** A runtime that knows which executables are alive and refuses to run released ones twice. */
function watchedRuntime(): { runtime: Runtime; alive: () => number; most: () => number } {
  const inner = nodeRuntime();
  const alive = new Set<Executable>();
  let most = 0;
  return {
    alive: () => alive.size,
    most: () => most,
    runtime: {
      name: 'watched',
      async compile(program, options) {
        const executable = await inner.compile(program, options);
        alive.add(executable);
        most = Math.max(most, alive.size);
        return {
          ...executable,
          async release() {
            assert.ok(alive.delete(executable), 'released once');
            await executable.release();
          },
        };
      },
    },
  };
}

for (const weights of ['fed', 'frozen'] as const) {
  test(`${weights}: many programs at once run to the end and are released`, async () => {
    const { runtime, alive, most } = watchedRuntime();
    const model = await loadFixture('gpt2', runtime);
    const expected = await model.forward([1, 2, 3]);
    const all = model.addresses.map(({ address }) => address);
    const names = all.slice(0, 40);
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all(
        names.map((name) => model.runWithCache([1, 2, 3], name, { weights })),
      );
      for (const { logits } of results) assert.ok(maxDifference(logits, expected.logits) < 1e-5);
    }
    assert.ok(most() >= names.length);
    assert.ok(alive() <= 33, `${alive()} programs are kept`);
    const running = model.runWithCache([1, 2, 3], all[0], { weights });
    await model.release();
    await running;
    assert.equal(alive(), 0);
  });
}
