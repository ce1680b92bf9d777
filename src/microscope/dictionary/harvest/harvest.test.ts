import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import type { TensorData } from '../../../graph/op.ts';
import { loadModel } from '../../../model/index.ts';
import type { TokenSource } from '../data/source.ts';
import { type Dictionary, type DictionaryConfig, dictionaryShapes } from '../types.ts';
import { harvest } from './harvest.ts';
import { openHarvest } from './store.ts';
import { featureActivations, strongestFeatures } from './text.ts';

const folder = await mkdtemp(join(tmpdir(), 'harvest-'));
after(() => rm(folder, { recursive: true, force: true }));

const model = await loadModel(join(import.meta.dirname, '../../../../test/fixtures/families/gpt2'));
const { dModel, dVocab } = model.config;
const ADDRESS = 'blocks.0.hook_resid_post';

function randomDictionary(dDict: number): Dictionary {
  const config: DictionaryConfig = {
    activation: { kind: 'topk', k: 5 },
    reads: [ADDRESS],
    writes: [ADDRESS],
    dIn: dModel,
    dOut: dModel,
    dDict,
    centreInput: true,
    skip: false,
    scale: 1,
    model: { name: 'test', hash: null },
  };
  const rng = new Rng(3);
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]): [string, TensorData] => {
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: size }, () => rng.normal());
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
  return { config, params };
}

const dictionary = randomDictionary(24);
const tokens: TokenSource = {
  name: 'random tokens',
  batch(index) {
    if (index >= 6) return undefined;
    const rng = new Rng(index);
    return Array.from({ length: 5 }, () => [
      0,
      ...Array.from({ length: 3 + rng.int(6) }, () => 1 + rng.int(dVocab - 1)),
    ]);
  },
};
const options = { tokens, batches: 6, excluded: [0] };

/** Every activation worked out directly, `[features][counted tokens]`. */
async function direct(): Promise<number[][]> {
  const out: number[][] = Array.from({ length: 24 }, () => []);
  for (let index = 0; index < 6; index++) {
    for (const row of tokens.batch(index)!) {
      const features = Array.from({ length: 24 }, (_, f) => f);
      const acts = await featureActivations(model, dictionary, { tokens: row, features });
      acts.forEach((values, f) => {
        out[f].push(...values.slice(1));
      });
    }
  }
  return out;
}

function pearson(a: readonly number[], b: readonly number[]): number {
  const n = a.length;
  const mean = (x: readonly number[]) => x.reduce((sum, value) => sum + value, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0);
  return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
}

test('a feature page agrees with activations worked out directly', async () => {
  const path = join(folder, 'one');
  const info = await harvest(path, model, dictionary, options);
  const store = await openHarvest(path);
  const truth = await direct();
  assert.equal(info?.counted, truth[0].length);
  assert.equal(store.list().length, 24);
  for (let f = 0; f < 24; f++) {
    const page = await store.page(f, { top: 3, before: 2, after: 1 });
    const values = truth[f].filter((value) => value > 0);
    assert.equal(page.fired, values.length);
    assert.ok(Math.abs(page.density - values.length / truth[f].length) < 1e-12);
    assert.equal(
      page.activations.counts.reduce((a, b) => a + b, 0),
      values.length,
    );
    if (values.length === 0) continue;
    const largest = Math.max(...values);
    assert.ok(Math.abs(page.max - largest) < 1e-4 * largest);
    const [top] = page.groups;
    assert.ok(Math.abs(top.examples[0].acts[top.examples[0].at] - largest) < 1e-4 * largest);
    for (const { examples } of page.groups) {
      for (const example of examples) {
        assert.equal(example.acts.length, example.tokens.length);
        assert.ok(example.tokens.length <= 4 && example.acts[example.at] > 0);
        const row = tokens.batch(Math.floor(example.row / 5))![example.row % 5];
        const shown = row.slice(example.start, example.start + example.tokens.length);
        assert.deepEqual(example.tokens, shown);
      }
    }
    for (const { feature, value } of page.correlated) {
      assert.ok(Math.abs(value - pearson(truth[f], truth[feature])) < 1e-3);
    }
    assert.ok(
      page.neighbours.every(({ feature, value }) => feature !== f && Math.abs(value) <= 1.001),
    );
    assert.equal(page.logits.top.length, Math.min(10, dVocab));
    assert.ok(page.logits.top[0].value >= page.logits.bottom[0].value);
    assert.equal(
      page.logits.histogram.counts.reduce((a, b) => a + b, 0),
      dVocab,
    );
  }
  await assert.rejects(store.page(24), { code: 'unknown-feature' });
  await store.close();
  await assert.rejects(harvest(path, model, dictionary, options), { code: 'harvest-exists' });
});

test('the strongest logit of a feature is the one its decoder points to', async () => {
  const store = await openHarvest(join(folder, 'one'));
  const page = await store.page(7);
  await store.close();
  const decoder = (dictionary.params['W_dec.0'].data as Float32Array).subarray(
    7 * dModel,
    8 * dModel,
  );
  const scale = model.params['ln_final.weight'].data as Float32Array;
  const embed = model.params['embed.weight'].data as Float32Array;
  // Layer norm takes the mean away.
  const own = decoder.reduce((a, b) => a + b, 0) / dModel;
  const logits = Array.from({ length: dVocab }, (_, id) =>
    decoder.reduce((sum, value, d) => sum + (value - own) * scale[d] * embed[id * dModel + d], 0),
  );
  const mean = logits.reduce((a, b) => a + b, 0) / dVocab;
  const best = logits.indexOf(Math.max(...logits));
  assert.equal(page.logits.top[0].id, best);
  assert.ok(Math.abs(page.logits.top[0].value - (logits[best] - mean)) < 1e-4);
});

test('an interrupted harvest goes on and ends the same', async () => {
  const path = join(folder, 'two');
  const stop = new AbortController();
  const stopped = await harvest(path, model, dictionary, {
    ...options,
    signal: stop.signal,
    progress: ({ done }) => {
      if (done === 2) stop.abort();
    },
  });
  assert.equal(stopped, null);
  assert.ok(!existsSync(path));
  const other = { ...options, excluded: [1] };
  await assert.rejects(harvest(path, model, dictionary, other), { code: 'harvest-mismatch' });
  await harvest(path, model, dictionary, options);
  for (const name of ['events.bin', 'tokens.bin', 'features.safetensors', 'index.json']) {
    assert.deepEqual(await readFile(join(path, name)), await readFile(join(folder, 'one', name)));
  }
  assert.ok(!existsSync(`${path}.partial`));
});

test('the strongest features of a text are told once each, by their largest activation', async () => {
  const row = [0, 5, 6, 7, 5];
  const found = await strongestFeatures(model, dictionary, { tokens: row, count: 4, ignored: [0] });
  assert.equal(found.length, 4);
  for (const { feature, position, value } of found) {
    const [acts] = await featureActivations(model, dictionary, {
      tokens: row,
      features: [feature],
    });
    assert.ok(position > 0 && Math.abs(acts[position] - value) < 1e-5);
    assert.ok(Math.abs(Math.max(...acts.slice(1)) - value) < 1e-5);
  }
  await assert.rejects(openHarvest(join(folder, 'nowhere')), { code: 'no-harvest' });
});
