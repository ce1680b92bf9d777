import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { isGlassboxError } from '../../../base/error.ts';
import { openSafetensors } from '../../../base/safetensors/index.ts';
import { referenceRuntime } from '../../../runtime/index.ts';
import { runDictionary } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { loadAnyDictionary } from './load.ts';
import { parseNpy } from './npz.ts';
import { readPickle } from './pickle.ts';
import { saveCircuitTracer, saveSaeLens } from './save.ts';
import { readTorchFile } from './torch.ts';

// Made by scripts/reference/make_dictionaries.py, with the formulas written out in numpy.
const fixtures = join(import.meta.dirname, '../../../../test/fixtures/dictionaries');
const scratch = await mkdtemp(join(tmpdir(), 'glassbox-formats-'));
after(() => rm(scratch, { recursive: true }));

async function floats(path: string, name: string): Promise<Float32Array> {
  const file = await openSafetensors(path);
  const { data } = await file.readTensor(name);
  await file.close();
  return data as Float32Array;
}

function near(actual: Float32Array, expected: Float32Array, what: string): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) < 1e-5, `${what}[${i}]: ${actual[i]} is not ${value}`);
  });
}

async function check(dictionary: Dictionary, folder: string, suffix = ''): Promise<void> {
  const expected = join(folder, 'expected.safetensors');
  const x = await floats(expected, 'x');
  const { acts, outputs } = await runDictionary(referenceRuntime, dictionary, [x]);
  near(acts, await floats(expected, `acts${suffix}`), 'acts');
  for (const [j, output] of outputs.entries()) {
    near(output, await floats(expected, suffix ? `out${suffix}.${j}` : 'out'), `out ${j}`);
  }
}

const singles: [string, string, string, string][] = [
  ['saelens-standard', 'saelens', 'relu', 'blocks.1.hook_resid_post'],
  ['saelens-topk', 'saelens', 'topk', 'blocks.1.hook_resid_post'],
  ['saelens-gated', 'saelens', 'gated', 'blocks.1.hook_resid_post'],
  ['saelens-v5-jumprelu', 'saelens', 'jumprelu', 'blocks.1.hook_resid_post'],
  ['saelens-v3-topk', 'saelens', 'topk', 'blocks.0.hook_resid_pre'],
  ['saelens-skip-transcoder', 'saelens', 'relu', 'blocks.1.hook_mlp_out'],
  ['dictionary-learning-standard', 'dictionary_learning', 'relu', 'blocks.2.hook_resid_post'],
  ['dictionary-learning-legacy', 'dictionary_learning', 'relu', 'blocks.2.hook_resid_post'],
  ['dictionary-learning-gated', 'dictionary_learning', 'gated', 'blocks.2.hook_resid_post'],
  ['dictionary-learning-topk', 'dictionary_learning', 'topk', 'blocks.2.hook_resid_post'],
  ['dictionary-learning-batchtopk', 'dictionary_learning', 'batchtopk', 'blocks.2.hook_resid_post'],
  ['sparsify/layers.1.mlp', 'sparsify', 'topk', 'blocks.1.hook_mlp_out'],
  [
    'gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_71',
    'gemma-scope',
    'jumprelu',
    'blocks.3.hook_resid_post',
  ],
];
for (const [path, format, kind, address] of singles) {
  test(`${path} is recognised and computes what its project computes`, async () => {
    const folder = join(fixtures, path);
    const found = await loadAnyDictionary(folder);
    assert.equal(found.format, format);
    const [dictionary] = found.dictionaries;
    assert.equal(dictionary.config.activation.kind, kind);
    assert.deepEqual(dictionary.config.writes, [address]);
    await check(dictionary, folder);
  });
}

for (const kind of ['set', 'clt']) {
  test(`a circuit-tracer ${kind} is read, written and read again`, async () => {
    const folder = join(fixtures, `circuit-tracer-${kind}`);
    const { set, format } = await loadAnyDictionary(folder);
    assert.equal(format, 'circuit-tracer');
    const out = join(scratch, kind);
    await saveCircuitTracer(out, set!);
    const again = await loadAnyDictionary(out);
    assert.deepEqual(again, { format, dictionaries: set!.dictionaries, set });
    for (const [layer, dictionary] of again.dictionaries.entries()) {
      assert.deepEqual(dictionary.config.reads, [`blocks.${layer}.mlp.hook_in`]);
      await check(dictionary, folder, `.${layer}`);
    }
    const sources = (await readdir(folder)).filter(
      (name) => name.startsWith('W_') || name.startsWith('layer'),
    );
    assert.deepEqual(
      (await readdir(out)).filter((name) => name !== 'config.yaml'),
      sources.sort(),
    );
  });
}

test('what SAELens can express survives being written in its form', async () => {
  for (const [path] of singles.filter(([, , kind]) => kind !== 'batchtopk')) {
    if (path.startsWith('sparsify')) continue;
    const folder = join(fixtures, path);
    const { dictionaries } = await loadAnyDictionary(folder);
    const out = join(scratch, path.replaceAll('/', '-'));
    await saveSaeLens(out, dictionaries[0]);
    const again = await loadAnyDictionary(out);
    assert.equal(again.format, 'saelens');
    assert.deepEqual(again.dictionaries[0], dictionaries[0]);
  }
  const [sparse] = (await loadAnyDictionary(join(fixtures, 'sparsify/layers.1.mlp'))).dictionaries;
  await assert.rejects(saveSaeLens(join(scratch, 'no'), sparse), { code: 'bad-dictionary' });
});

test('views, half precision and nesting of torch files', async () => {
  const value = (await readTorchFile(join(fixtures, 'views.pt'))) as Map<string, never>;
  const tensor = (name: string) =>
    value.get(name) as unknown as { shape: number[]; data: Float32Array };
  assert.deepEqual(tensor('t').shape, [6, 4]);
  assert.deepEqual([...tensor('t').data.slice(0, 5)], [0, 6, 12, 18, 1]);
  assert.deepEqual([...tensor('part').data], [6, 8, 10, 12, 14, 16]);
  for (const name of ['half', 'b16', 'p']) assert.equal(tensor(name).data[23], 23);
  assert.equal((value.get('nested') as unknown as Map<string, unknown>).get('none'), null);
});

test('a pickle with code in it is refused and never run', async () => {
  for (const name of ['unsafe.pt', 'unsafe-plain.pt']) {
    await assert.rejects(readTorchFile(join(fixtures, name)), (error: unknown) => {
      assert.ok(isGlassboxError(error));
      assert.ok(['unsafe-pickle', 'bad-torch-file'].includes(error.code));
      return true;
    });
  }
});

test('no bytes make the pickle reader do anything but answer or refuse', () => {
  const rules = {
    source: 'x.pt',
    allowed: () => false,
    call: () => undefined,
    persistent: () => null,
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readPickle(bytes, rules);
      } catch (error) {
        assert.ok(isGlassboxError(error), String(error));
      }
    }),
    { numRuns: 5000 },
  );
});

test('damaged and unknown files are named', async () => {
  await assert.rejects(loadAnyDictionary(join(scratch, 'nothing')), { code: 'no-dictionary' });
  await assert.rejects(loadAnyDictionary(fixtures), { code: 'unknown-dictionary-format' });
  await writeFile(join(scratch, 'broken.pt'), Uint8Array.of(0x80, 2, 0x7d));
  await assert.rejects(readTorchFile(join(scratch, 'broken.pt')), { code: 'bad-pickle' });
  await writeFile(join(scratch, 'broken.npz'), 'PK');
  await assert.rejects(loadAnyDictionary(join(scratch, 'broken.npz')), { code: 'bad-dictionary' });
  const object = new TextEncoder().encode(
    "xNUMPYxx\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
  );
  object[0] = 0x93;
  object[6] = 1;
  assert.throws(() => parseNpy(object, 'x.npy'), { code: 'bad-dictionary', message: /\|O/ });
});
