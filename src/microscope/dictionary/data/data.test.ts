import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { loadModel } from '../../../model/index.ts';
import { type BatchSource, shufflingBuffer } from './buffer.ts';
import { diskSource, storeActivations } from './disk.ts';
import { readActivations, type TokenSource } from './source.ts';

const folder = await mkdtemp(join(tmpdir(), 'activations-'));
after(() => rm(folder, { recursive: true, force: true }));

const model = await loadModel(join(import.meta.dirname, '../../../../test/fixtures/families/gpt2'));
const { dModel, dVocab } = model.config;
const ADDRESS = 'blocks.1.hook_resid_post';
const sources = [{ model, addresses: [ADDRESS] }];
const corpus = (batches: number): TokenSource => ({
  name: `random ${batches}`,
  batch(index) {
    if (index >= batches) return undefined;
    const rng = new Rng(index);
    return Array.from({ length: 4 }, () => [
      0,
      ...Array.from({ length: 6 }, () => 1 + rng.int(dVocab - 1)),
    ]);
  },
});

async function take(source: BatchSource, count: number): Promise<number[][]> {
  const out: number[][] = [];
  for (let i = 0; i < count; i++) out.push(Array.from((await source.next())[ADDRESS]));
  return out;
}

/** Sums of rows, sorted: what a set of rows has in common however it is ordered. */
const keys = (batches: readonly number[][]) =>
  batches
    .flat()
    .reduce<number[]>((rows, value, i) => {
      if (i % dModel === 0) rows.push(0);
      rows[rows.length - 1] += value * (1 + (i % dModel));
      return rows;
    }, [])
    .map((value) => value.toFixed(3))
    .sort();

test('a buffer gives every token of a block once, in another order', async () => {
  const options = { sources, tokens: corpus(50), filter: { excluded: [0] }, rows: 8, seed: 1 };
  const buffer = shufflingBuffer({ ...options, capacity: 72 });
  const rows = await take(buffer, 9);
  const straight: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { values } = await readActivations(sources, corpus(50).batch(i)!, { excluded: [0] });
    straight.push(...values[ADDRESS]);
  }
  assert.deepEqual(keys(rows), keys([straight]));
  assert.notDeepEqual(rows.flat(), straight);
});

test('a buffer that is restored goes on with the same batches, over block borders and the end of the corpus', async () => {
  const make = () =>
    shufflingBuffer({
      sources,
      tokens: corpus(3),
      filter: { excluded: [0] },
      rows: 10,
      capacity: 30,
      seed: 2,
    });
  const first = make();
  const all = await take(first, 20);
  const again = make();
  await take(again, 7);
  const resumed = make();
  resumed.restore(JSON.parse(JSON.stringify(again.state())));
  assert.deepEqual(await take(resumed, 13), all.slice(7));
  assert.deepEqual(await resumed.statistics(), await first.statistics());
});

test('tokens with outlying norms are left out when asked', async () => {
  const batch = corpus(1).batch(0)!;
  const all = await readActivations(sources, batch);
  const norms = (data: Float32Array) =>
    Array.from({ length: data.length / dModel }, (_, r) =>
      Math.hypot(...data.subarray(r * dModel, (r + 1) * dModel)),
    );
  const sorted = norms(all.values[ADDRESS]).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const ratio = (sorted[sorted.length - 3] / median) * 1.0001;
  const kept = await readActivations(sources, batch, { maxNormRatio: ratio });
  assert.equal(kept.rows, all.rows - 2);
  assert.ok(Math.max(...norms(kept.values[ADDRESS])) <= ratio * median * 1.0001);
});

test('activations on disk hold the same rows, are continued, and give equal batches for equal seeds', async () => {
  const path = join(folder, 'store');
  const options = { sources, tokens: corpus(8), filter: { excluded: [0] }, blockRows: 48 };
  assert.equal(await storeActivations(path, { ...options, rows: 90 }), 96);
  assert.equal(await storeActivations(path, { ...options, rows: 150 }), 192);
  const source = await diskSource(path, { rows: 16, seed: 3 });
  const rows = await take(source, 12);
  const straight: number[] = [];
  for (let i = 0; i < 8; i++) {
    const { values } = await readActivations(sources, corpus(8).batch(i)!, { excluded: [0] });
    straight.push(...values[ADDRESS]);
  }
  assert.deepEqual(keys(rows), keys([straight]));
  assert.deepEqual(await take(await diskSource(path, { rows: 16, seed: 3 }), 12), rows);
  const other = { ...options, tokens: corpus(9), rows: 10 };
  await assert.rejects(storeActivations(path, other), { code: 'store-mismatch' });
  await assert.rejects(diskSource(folder, { rows: 1, seed: 0 }), { code: 'no-store' });
  await writeFile(join(path, 'index.json'), '{');
  await assert.rejects(diskSource(path, { rows: 1, seed: 0 }), { code: 'bad-store' });
});

test('a corpus that is too short for one batch is refused', async () => {
  const buffer = shufflingBuffer({ sources, tokens: corpus(1), rows: 1000, seed: 0 });
  await assert.rejects(buffer.next(), { code: 'too-few-activations' });
});
