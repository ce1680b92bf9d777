import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { tensorData } from '../graph/build.ts';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import {
  bestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  removeLeftovers,
} from './checkpoint-folder.ts';

let scratch: string;
let serial = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glassbox-checkpoint-'));
});
after(() => rm(scratch, { recursive: true, force: true }));
const newFolder = () => join(scratch, `${serial++}`);

const checkpoint = (step: number, metrics = {}): Checkpoint => ({
  state: {
    step,
    params: { w: tensorData([1, 2, 3, step], [2, 2]), b: tensorData([0.5], [1]) },
    optimiser: { 'sum1/w': tensorData([5, 6, 7, 8], [2, 2]) },
    ema: { w: tensorData([9, 9, 9, 9], [2, 2]), b: tensorData([1], [1]) },
  },
  meta: { config: { seed: 1 }, rng: { noise: [1, 2, 3, 4] }, data: { at: step }, metrics },
});

describe('a checkpoint', () => {
  it('comes back as it was saved', async () => {
    const path = await saveCheckpoint(newFolder(), checkpoint(7, { loss: 2 }));
    const saved = checkpoint(7, { loss: 2 });
    const loaded = await loadCheckpoint(path);
    // The order of names is the file's; everything else is equal.
    assert.deepEqual(loaded, saved);
    assert.match(path, /step-00000007$/);
  });

  it('replaces one of the same step', async () => {
    const folder = newFolder();
    await saveCheckpoint(folder, checkpoint(3, { loss: 1 }));
    const path = await saveCheckpoint(folder, checkpoint(3, { loss: 2 }));
    assert.deepEqual((await loadCheckpoint(path)).meta.metrics, { loss: 2 });
    assert.deepEqual(await readdir(folder), ['step-00000003']);
  });

  it('with any byte changed or cut off is refused, never loaded', async () => {
    const path = await saveCheckpoint(newFolder(), checkpoint(1));
    const files = ['weights.safetensors', 'optimiser.safetensors', 'ema.safetensors'];
    const damage = fc.record({
      file: fc.constantFrom(...files),
      at: fc.nat(1000),
      flip: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, at, flip, cut }) => {
        const whole = await readFile(join(path, file));
        const bytes = Buffer.from(whole);
        bytes[at % bytes.length] ^= flip;
        const broken = cut ? whole.subarray(0, at % whole.length) : bytes;
        await writeFile(join(path, file), broken);
        await assert.rejects(loadCheckpoint(path), { code: 'bad-checkpoint' });
        await writeFile(join(path, file), whole);
      }),
      { numRuns: 60 },
    );
    assert.equal((await loadCheckpoint(path)).state.step, 1);
  });

  it('with a broken or missing state.json or tensor file is refused by name', async () => {
    const path = await saveCheckpoint(newFolder(), checkpoint(1));
    const state = join(path, 'state.json');
    const text = await readFile(state, 'utf8');
    const json = JSON.parse(text);
    const cases = [
      '',
      '[]',
      text.slice(0, 50),
      JSON.stringify({ ...json, version: 99 }),
      JSON.stringify({ ...json, step: -1 }),
      JSON.stringify({ ...json, files: 3 }),
      JSON.stringify({ ...json, files: {} }),
      JSON.stringify({ ...json, rng: null }),
    ];
    for (const broken of cases) {
      await writeFile(state, broken);
      await assert.rejects(loadCheckpoint(path), { code: 'bad-checkpoint' }, broken);
    }
    await writeFile(state, text);
    await rm(join(path, 'weights.safetensors'));
    await assert.rejects(loadCheckpoint(path), {
      code: 'bad-checkpoint',
      message: /weights\.safetensors cannot be read/,
    });
  });
});

describe('a folder of checkpoints', () => {
  it('that does not exist is empty, and other names in it are passed over', async () => {
    assert.deepEqual(await listCheckpoints(newFolder()), []);
    const folder = newFolder();
    await mkdir(join(folder, 'step-12'), { recursive: true });
    await writeFile(join(folder, 'notes.txt'), 'x');
    assert.deepEqual(await listCheckpoints(folder), []);
  });

  it('keeps the last ones and the best one', async () => {
    const folder = newFolder();
    for (const [i, accuracy] of [0.2, 0.9, 0.9, 0.3, 0.4].entries()) {
      await saveCheckpoint(folder, checkpoint(i + 1, { accuracy }));
    }
    const best = { metric: 'accuracy', mode: 'max' } as const;
    assert.equal((await bestCheckpoint(folder, best))?.step, 2);
    assert.equal((await bestCheckpoint(folder, { metric: 'accuracy' }))?.step, 1);
    assert.equal(await bestCheckpoint(folder, { metric: 'unknown' }), undefined);
    await pruneCheckpoints(folder, { keep: 2, best });
    assert.deepEqual(
      (await listCheckpoints(folder)).map(({ step }) => step),
      [2, 4, 5],
    );
    await pruneCheckpoints(folder, { keep: 1 });
    assert.deepEqual(
      (await listCheckpoints(folder)).map(({ step }) => step),
      [5],
    );
  });

  it('loses what dead processes left half-made, not what live ones are making', async () => {
    const folder = newFolder();
    const names = [`.new-${process.pid}-aa`, '.new-99999999-bb', '.old-99999999-cc'];
    for (const name of names) await mkdir(join(folder, name), { recursive: true });
    await removeLeftovers(folder);
    assert.deepEqual(await readdir(folder), [names[0]]);
  });
});
