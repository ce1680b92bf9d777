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

const modes = ['fed', 'transposed', 'frozen'] as const;

for (const weights of modes) {
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

for (const family of ['gpt2', 'llama-biases', 'gemma2', 'gpt-neox']) {
  test(`${family}: calls of one, few and many positions agree, however weights are held`, async () => {
    const model = await loadFixture(family);
    const prompts = Array.from({ length: 17 }, (_, row) => [row + 1, 2, 30 - row, 4]);
    // 68 positions: past what counts as few.
    const many = await model.runWithCache(prompts, ['blocks.*.hook_resid_post']);
    const width = model.config.dVocab * 4;
    for (const weights of modes) {
      const few = await model.runWithCache(prompts.slice(0, 3), '**', { weights });
      for (const [address, { data }] of Object.entries(many.cache)) {
        const start = few.cache[address];
        const same = (data as Float32Array).subarray(0, start.data.length);
        assert.ok(maxDifference(start, { ...start, data: same }) < 1e-5, `${address} ${weights}`);
      }
      const logits = (many.logits!.data as Float32Array).subarray(0, 3 * width);
      assert.ok(maxDifference(few.logits, { ...few.logits!, data: logits }) < 1e-4, weights);
      const one = await model.forward(prompts[0].slice(0, 1), { weights });
      const first = logits.subarray(0, model.config.dVocab);
      assert.ok(maxDifference(one.logits, { ...one.logits!, data: first }) < 1e-4, weights);
    }
    await model.release();
  });
}
