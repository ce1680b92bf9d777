import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rng } from '../../src/base/rng.ts';
import { dictionaryShapes } from '../../src/microscope/dictionary/index.ts';
import { probeConcepts } from '../../src/microscope/dictionary/metrics/concepts.ts';
import type { Dictionary } from '../../src/microscope/dictionary/types.ts';
import { loadModel } from '../../src/model/index.ts';

const AT = 'blocks.0.hook_resid_post';

// Probing ran the model over all rows at once: 1,200 rows of the built-in world took more than 7 GB.
test('probes run the model over a few rows at a time, and tell the same of every row', async () => {
  const model = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
  const { dModel, dVocab } = model.config;
  const config: Dictionary['config'] = {
    activation: { kind: 'relu' },
    reads: [AT],
    writes: [AT],
    dIn: dModel,
    dOut: dModel,
    dDict: 8,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: model.name, hash: null },
  };
  const rng = new Rng(3);
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]) => [
      name,
      {
        dtype: 'float32' as const,
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
      },
    ]),
  );
  // The first token tells the label; rows of different lengths are padded within their part only.
  const rows = Array.from({ length: 150 }, (_, i) => [
    i % 2,
    ...Array.from({ length: 2 + (i % 3) }, () => rng.int(dVocab)),
  ]);
  const text = {
    rows,
    labels: rows.map(([first]) => (first === 0 ? 'even' : 'odd')),
    positions: rows.map(() => 0),
  };
  const sizes: number[] = [];
  const seen = new Proxy(model, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (key !== 'runWithCache') return typeof value === 'function' ? value.bind(target) : value;
      return (tokens: readonly (readonly number[])[], ...rest: never[]) => {
        sizes.push(tokens.length);
        return (value as (...args: unknown[]) => unknown).call(target, tokens, ...rest);
      };
    },
  });
  const reports = await probeConcepts(seen, { config, params }, text);
  assert.ok(Math.max(...sizes) <= 64, `${sizes}`);
  assert.equal(
    sizes.reduce((a, b) => a + b, 0),
    150,
  );
  for (const { model: probe } of reports) assert.equal(probe.f1, 1);
});
