import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import type { TensorData } from '../../../graph/op.ts';
import { loadModel } from '../../../model/index.ts';
import { type Dictionary, dictionaryShapes } from '../types.ts';
import { probeConcepts } from './concepts.ts';

const model = await loadModel(join(import.meta.dirname, '../../../../test/fixtures/families/gpt2'));
const { dModel, dVocab } = model.config;

test('concepts that tokens give away are found, those that nothing tells are not', async () => {
  const config: Dictionary['config'] = {
    activation: { kind: 'relu' },
    reads: ['hook_embed'],
    writes: ['hook_embed'],
    dIn: dModel,
    dOut: dModel,
    dDict: 2 * dModel,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: 'test', hash: null },
  };
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]): [string, TensorData] => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let d = 0; d < dModel && name.startsWith('W_'); d++) {
        const at = (row: number, column: number) =>
          name === 'W_enc.0' ? row * 2 * dModel + column : column * dModel + row;
        data[at(d, 2 * d)] = 1;
        data[at(d, 2 * d + 1)] = -1;
      }
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
  const rng = new Rng(2);
  const rows: number[][] = [];
  const labels: string[] = [];
  for (let i = 0; i < 240; i++) {
    const kind = i % 3;
    labels.push(['low', 'high', rng.next() < 0.5 ? 'x' : 'y'][kind]);
    // Rows of 'low' and 'high' consist of one token each; 'x' and 'y' of anything.
    const token = () => (kind === 2 ? 3 + rng.int(dVocab - 3) : 1 + kind);
    rows.push([0, token(), token(), token()]);
  }
  const found = await probeConcepts(
    model,
    { config, params },
    { rows, labels },
    {
      filter: { excluded: [0] },
    },
  );
  assert.deepEqual(
    found.map(({ concept }) => concept),
    ['high', 'low', 'x', 'y'],
  );
  const of = (concept: string) => found.find((report) => report.concept === concept)!;
  assert.ok(of('low').sparse[2].accuracy > 0.9 && of('low').model.accuracy > 0.95);
  assert.equal(of('low').sparse[2].features.length, 5);
  assert.ok(of('x').model.f1 < 0.7);
});
