import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../../base/rng.ts';
import { nodeRuntime } from '../../../runtime/index.ts';
import { runDictionary } from '../run.ts';
import { type Dictionary, type DictionaryActivation, dictionaryShapes } from '../types.ts';
import { pruneDictionary } from './prune.ts';

const runtime = nodeRuntime({ threads: 1 });

/** Random weights, square, so that no axis can be told from another by its length alone. */
function made(activation: DictionaryActivation, prefixes?: readonly number[]): Dictionary {
  const config: Dictionary['config'] = {
    activation,
    reads: ['a'],
    writes: ['b', 'c'],
    ...{ dIn: 6, dOut: 6, dDict: 6 },
    centreInput: false,
    skip: false,
    scale: 1,
    ...(prefixes && { prefixes }),
    model: { name: 'test', hash: null },
  };
  const rng = new Rng(3);
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: size }, () => rng.normal());
      return [name, { dtype: 'float32' as const, shape, data }];
    }),
  );
  return { config, params };
}

test('without features that never fire a dictionary computes the same', async () => {
  const kinds: DictionaryActivation[] = [
    { kind: 'relu' },
    { kind: 'topk', k: 2 },
    { kind: 'batchtopk', k: 2 },
    { kind: 'jumprelu' },
  ];
  const x = Float32Array.from({ length: 6 * 40 }, (_, i) => Math.sin(i * i));
  for (const activation of kinds) {
    const dictionary = made(activation, [2, 4, 6]);
    for (const dead of [1, 4]) (dictionary.params.b_enc.data as Float32Array)[dead] = -1e6;
    const kept = [0, 2, 3, 5];
    const pruned = pruneDictionary(dictionary, kept);
    assert.equal(pruned.config.dDict, 4);
    assert.deepEqual(pruned.config.prefixes, [1, 3, 4]);
    for (const [name, shape] of Object.entries(dictionaryShapes(pruned.config))) {
      assert.deepEqual(pruned.params[name].shape, shape, `${activation.kind} ${name}`);
    }
    const [was, is] = [
      await runDictionary(runtime, dictionary, [x]),
      await runDictionary(runtime, pruned, [x]),
    ];
    for (let row = 0; row < 40; row++) {
      kept.forEach((feature, i) => {
        assert.equal(is.acts[row * 4 + i], was.acts[row * 6 + feature], activation.kind);
      });
    }
    was.outputs.forEach((output, j) => {
      output.forEach((value, i) => {
        assert.ok(Math.abs(value - is.outputs[j][i]) < 1e-4, activation.kind);
      });
    });
  }
});
