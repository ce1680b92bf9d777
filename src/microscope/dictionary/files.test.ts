import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Rng } from '../../base/rng.ts';
import type { TensorData } from '../../graph/op.ts';
import { findDictionaries, loadDictionary, saveDictionary, storedDictionary } from './files.ts';
import {
  type Dictionary,
  type DictionaryActivation,
  type DictionaryConfig,
  dictionaryShapes,
} from './types.ts';

const folder = await mkdtemp(join(tmpdir(), 'dictionaries-'));
after(() => rm(folder, { recursive: true, force: true }));

function made(
  activation: DictionaryActivation,
  overrides: Partial<DictionaryConfig> = {},
): Dictionary {
  const config: DictionaryConfig = {
    activation,
    reads: ['a'],
    writes: ['b', 'c'],
    dIn: 3,
    dOut: 4,
    dDict: 5,
    centreInput: false,
    skip: false,
    scale: 1,
    model: { name: 'test', hash: null },
    ...overrides,
  };
  const rng = new Rng(1);
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]): [string, TensorData] => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        { dtype: 'float32', shape, data: Float32Array.from({ length: size }, () => rng.normal()) },
      ];
    }),
  );
  return { config, params };
}

test('every kind of dictionary comes back as it was saved', async () => {
  const kinds: DictionaryActivation[] = [
    { kind: 'relu' },
    { kind: 'gated' },
    { kind: 'topk', k: 2 },
    { kind: 'batchtopk', k: 2 },
    { kind: 'jumprelu' },
  ];
  for (const activation of kinds) {
    const dictionary = made(
      activation,
      activation.kind === 'relu' ? { skip: true, writes: ['b'] } : {},
    );
    const path = join(folder, activation.kind);
    await saveDictionary(path, dictionary);
    assert.deepEqual(await loadDictionary(path), dictionary);
  }
  const found = await findDictionaries(folder);
  assert.deepEqual(
    found,
    ['batchtopk', 'gated', 'jumprelu', 'relu', 'topk'].map((name) => join(folder, name)),
  );
});

test('a dictionary as stored is the one that is read again', async () => {
  const dictionary = made({ kind: 'topk', k: 2 });
  for (const floats of ['F32', 'F16', 'BF16'] as const) {
    const stored = await storedDictionary(dictionary, { floats });
    const path = join(folder, 'stored', floats);
    await saveDictionary(path, dictionary, { floats });
    assert.deepEqual(await loadDictionary(path), stored);
    const [was, is] = [dictionary, stored].map(({ params }) => params['W_enc.0'].data);
    assert.equal(was.join() === is.join(), floats === 'F32');
  }
});

test('damage is told by file and field', async () => {
  const path = join(folder, 'damaged');
  await assert.rejects(loadDictionary(path), { code: 'no-dictionary' });
  const dictionary = made({ kind: 'relu' });
  await saveDictionary(path, dictionary);
  const config = await readFile(join(path, 'config.json'), 'utf8');
  await writeFile(join(path, 'config.json'), config.replace('"dDict": 5', '"dDict": 6'));
  await assert.rejects(loadDictionary(path), { code: 'bad-dictionary', message: /W_enc\.0/ });
  await writeFile(join(path, 'config.json'), config.replace('"relu"', '"magic"'));
  await assert.rejects(loadDictionary(path), { code: 'bad-dictionary', message: /activation/ });
  await writeFile(join(path, 'config.json'), '{');
  await assert.rejects(loadDictionary(path), { code: 'bad-dictionary' });
  dictionary.params.b_enc.data[2] = Number.NaN;
  await saveDictionary(path, dictionary);
  await assert.rejects(loadDictionary(path), { code: 'bad-dictionary', message: /NaN/ });
});
