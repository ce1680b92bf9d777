import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { isGlassboxError } from '../../../base/error.ts';
import { openSafetensors } from '../../../base/safetensors/index.ts';
import { referenceRuntime } from '../../../runtime/index.ts';
import { runDictionary } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { inForm } from './fold.ts';
import { loadAnyDictionary } from './load.ts';
import { parseNpy } from './npz.ts';
import { readPickle } from './pickle.ts';
import { fromSaeLens } from './saelens.ts';
import { saveCircuitTracer, saveDictionaryLearning, saveSaeLens, saveSparsify } from './save.ts';
import { type ForeignTensor, ForeignTensors } from './tensors.ts';
import { readTorchFile } from './torch.ts';

// Written and read by the projects themselves: scripts/reference/make_dictionaries.py.
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

async function check(dictionary: Dictionary, folder: string): Promise<void> {
  const expected = join(folder, 'expected.safetensors');
  const x = await floats(expected, 'x');
  const { acts, outputs } = await runDictionary(referenceRuntime, dictionary, [x]);
  near(acts, await floats(expected, 'acts'), 'acts');
  near(outputs[0], await floats(expected, 'out'), 'out');
}

const RESID = 'blocks.1.hook_resid_post';
const MLP = 'blocks.1.hook_mlp_out';
const PYTHIA = 'blocks.2.hook_resid_post';
const singles: [string, string, string, string][] = [
  ['saelens-standard', 'saelens', 'relu', RESID],
  ['saelens-standard-average', 'saelens', 'relu', RESID],
  ['saelens-standard-layer-norm', 'saelens', 'relu', RESID],
  ['saelens-standard-constant-norm', 'saelens', 'relu', RESID],
  ['saelens-gated', 'saelens', 'gated', RESID],
  ['saelens-topk', 'saelens', 'topk', RESID],
  ['saelens-topk-rescaled', 'saelens', 'topk', RESID],
  ['saelens-jumprelu', 'saelens', 'jumprelu', RESID],
  ['saelens-batchtopk', 'saelens', 'jumprelu', RESID],
  ['saelens-matryoshka', 'saelens', 'jumprelu', RESID],
  ['saelens-v5-jumprelu', 'saelens', 'jumprelu', RESID],
  ['saelens-v3-topk', 'saelens', 'topk', 'blocks.0.hook_resid_pre'],
  ['saelens-transcoder', 'saelens', 'relu', MLP],
  ['saelens-transcoder-layer-norm', 'saelens', 'relu', MLP],
  ['saelens-skip-transcoder', 'saelens', 'relu', MLP],
  ['saelens-jumprelu-transcoder', 'saelens', 'jumprelu', MLP],
  ['saelens-jumprelu-skip-transcoder', 'saelens', 'jumprelu', MLP],
  ['dictionary-learning-standard', 'dictionary_learning', 'relu', PYTHIA],
  ['dictionary-learning-legacy', 'dictionary_learning', 'relu', PYTHIA],
  ['dictionary-learning-new', 'dictionary_learning', 'relu', PYTHIA],
  ['dictionary-learning-gated', 'dictionary_learning', 'gated', PYTHIA],
  ['dictionary-learning-jumprelu', 'dictionary_learning', 'jumprelu', PYTHIA],
  ['dictionary-learning-topk', 'dictionary_learning', 'topk', PYTHIA],
  ['dictionary-learning-batchtopk', 'dictionary_learning', 'batchtopk', PYTHIA],
  ['dictionary-learning-matryoshka', 'dictionary_learning', 'batchtopk', PYTHIA],
  ['sparsify-release/layers.1.mlp', 'sparsify', 'topk', MLP],
  ['sparsify-topk/h.2', 'sparsify', 'topk', PYTHIA],
  ['sparsify-skip/gpt_neox.layers.1.attention', 'sparsify', 'topk', 'blocks.1.hook_attn_out'],
  ['sparsify-groupmax/layers.1', 'sparsify', 'groupmax', RESID],
  ['sparsify-layer/layers.1', 'sparsify', 'topk', RESID],
  ['sparsify-multi-topk/layers.0/seed1', 'sparsify', 'topk', 'blocks.0.hook_resid_post'],
  ['sparsify-half/layers.0.mlp', 'sparsify', 'topk', 'blocks.0.hook_mlp_out'],
  [
    'gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_71',
    'gemma-scope',
    'jumprelu',
    'blocks.3.hook_resid_post',
  ],
  [
    'gemma-scope-2-270m-pt/transcoder/layer_5_width_16k_l0_small_affine',
    'gemma-scope',
    'jumprelu',
    'blocks.5.hook_mlp_out',
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

for (const name of [
  '',
  '-batchtopk-crosscoder',
  '-batchtopk-sae',
  '-batchtopk-mixed',
  '-batchtopk-none',
]) {
  test(`crosscoder${name} computes what crosscoder_learning does`, async () => {
    const folder = join(fixtures, `crosscoder${name}`);
    const { dictionaries, format } = await loadAnyDictionary(folder);
    assert.equal(format, 'dictionary_learning');
    const [{ config }] = dictionaries;
    assert.deepEqual(config.reads, ['blocks.2.hook_resid_post', 'other:blocks.2.hook_resid_post']);
    const expected = join(folder, 'expected.safetensors');
    const inputs = await Promise.all([0, 1].map((i) => floats(expected, `x.${i}`)));
    const { acts, outputs } = await runDictionary(referenceRuntime, dictionaries[0], inputs);
    near(acts, await floats(expected, 'acts'), 'acts');
    assert.ok(acts.some((value) => value > 0) && acts.some((value) => value === 0));
    for (const i of [0, 1]) near(outputs[i], await floats(expected, `out.${i}`), `out ${i}`);
  });
}

/** What all layers together write to each layer, as circuit-tracer sums it. */
async function checkSet(dictionaries: readonly Dictionary[], folder: string): Promise<void> {
  const expected = join(folder, 'expected.safetensors');
  const x = await floats(expected, 'x');
  const totals: Float32Array[] = dictionaries.map(() => new Float32Array(x.length));
  for (const [layer, dictionary] of dictionaries.entries()) {
    assert.deepEqual(dictionary.config.reads, [`blocks.${layer}.mlp.hook_in`]);
    const { acts, outputs } = await runDictionary(referenceRuntime, dictionary, [x]);
    near(acts, await floats(expected, `acts.${layer}`), `acts ${layer}`);
    outputs.forEach((output, j) => {
      const total = totals[layer + j];
      output.forEach((value, i) => {
        total[i] += value;
      });
    });
  }
  const name = folder.endsWith('clt') ? 'total' : 'out';
  for (const [layer, total] of totals.entries()) {
    near(total, await floats(expected, `${name}.${layer}`), `out ${layer}`);
  }
}

for (const kind of ['set', 'clt']) {
  test(`a circuit-tracer ${kind} computes what circuit-tracer does, also written and read again`, async () => {
    const folder = join(fixtures, `circuit-tracer-${kind}`);
    const { set, format } = await loadAnyDictionary(folder);
    assert.equal(format, 'circuit-tracer');
    const out = join(scratch, kind);
    await saveCircuitTracer(out, set!);
    const again = await loadAnyDictionary(out);
    // Skips are written for all layers or none, so a layer without one gets one of zeros.
    if (kind === 'clt') assert.deepEqual(again, { format, dictionaries: set!.dictionaries, set });
    assert.deepEqual(
      again.dictionaries.map(({ config }) => config.skip),
      again.dictionaries.map(() => kind === 'set'),
    );
    await checkSet(set!.dictionaries, folder);
    await checkSet(again.dictionaries, folder);
    const weights = async (path: string) =>
      (await readdir(path)).filter((name) => /^(W_|layer)/.test(name)).sort();
    assert.deepEqual(await weights(out), await weights(folder));
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
  for (const path of ['sparsify-release/layers.1.mlp', 'sparsify-groupmax/layers.1']) {
    const [sparse] = (await loadAnyDictionary(join(fixtures, path))).dictionaries;
    await assert.rejects(saveSaeLens(join(scratch, 'no'), sparse), { code: 'bad-dictionary' });
  }
});

test('what sparsify can express survives being written in its form', async () => {
  for (const [path, format] of singles) {
    if (format !== 'sparsify') continue;
    const folder = join(fixtures, path);
    const { dictionaries } = await loadAnyDictionary(folder);
    const out = join(scratch, `sparsify-${path.replaceAll('/', '-')}`);
    await saveSparsify(out, dictionaries);
    const again = await loadAnyDictionary(out);
    assert.equal(again.format, 'sparsify');
    assert.deepEqual(again.dictionaries, dictionaries);
  }
  const no = join(scratch, 'no-sparsify');
  for (const path of ['saelens-standard', 'saelens-transcoder', 'crosscoder']) {
    const { dictionaries } = await loadAnyDictionary(join(fixtures, path));
    await assert.rejects(saveSparsify(no, dictionaries), { code: 'bad-dictionary' });
  }
  const [layer] = (await loadAnyDictionary(join(fixtures, 'sparsify-layer/layers.1'))).dictionaries;
  await assert.rejects(saveSparsify(no, [layer, layer]), { message: /two of hookpoint layers\.1/ });
  const odd = { ...layer, config: { ...layer.config, writes: ['blocks.1.mlp.hook_post'] } };
  await assert.rejects(saveSparsify(no, [odd]), { message: /no module that sparsify names/ });
  await assert.rejects(readdir(no), { code: 'ENOENT' });
});

test('a release of sparsify is read whole, in order of layers', async () => {
  const folder = join(fixtures, 'sparsify-release');
  const { set, names, format } = await loadAnyDictionary(folder);
  assert.equal(format, 'sparsify');
  assert.deepEqual(names, ['layers.0.mlp', 'layers.1.mlp']);
  assert.equal(set?.kind, 'per-layer');
  for (const [layer, dictionary] of set.dictionaries.entries()) {
    await check(dictionary, join(folder, `layers.${layer}.mlp`));
  }
  const place = { reads: RESID, writes: RESID };
  await assert.rejects(loadAnyDictionary(folder, { place }), { code: 'bad-option' });
  const alone = await loadAnyDictionary(join(fixtures, 'sparsify-multi-topk'));
  assert.deepEqual([alone.names, alone.set], [['layers.0-seed1'], null]);
});

test('what sparsify’s files leave open or we cannot compute is refused', async () => {
  const copy = async (hookpoint: string, change: Record<string, unknown>) => {
    const from = join(fixtures, 'sparsify-groupmax/layers.1');
    const to = join(scratch, `changed-${JSON.stringify(change).length}`, hookpoint);
    await cp(from, to, { recursive: true });
    const cfg = JSON.parse(await readFile(join(from, 'cfg.json'), 'utf8'));
    await writeFile(join(to, 'cfg.json'), JSON.stringify({ ...cfg, ...change }));
    return to;
  };
  for (const [change, message] of [
    [{ k: 3 }, /10 features do not make 3 groups/],
    [{ k: 11 }, /k is 11, with 10 features/],
    [{ signed: true }, /signed/],
    [{ activation: 'softmax' }, /"softmax" is not supported/],
  ] as const) {
    const path = await copy('layers.1', change);
    await assert.rejects(loadAnyDictionary(path), { code: 'bad-dictionary', message });
  }
  for (const [hookpoint, transcode] of [
    ['layers.1.self_attn', true],
    ['layers.1.mlp.act_fn', false],
    ['my-sae', false],
  ] as const) {
    const path = await copy(hookpoint, { transcode });
    await assert.rejects(loadAnyDictionary(path), { code: 'unknown-place' });
    const place = { reads: 'blocks.0.hook_attn_out', writes: 'blocks.0.hook_attn_out' };
    const { dictionaries } = await loadAnyDictionary(path, { place });
    assert.deepEqual(dictionaries[0].config.writes, [place.writes]);
  }
  const [layer] = (await loadAnyDictionary(join(fixtures, 'sparsify-layer/layers.1'))).dictionaries;
  assert.deepEqual(layer.config.reads, ['blocks.1.hook_resid_pre']);
});

test('what dictionary_learning can express survives being written in its form', async () => {
  for (const [path, format] of singles) {
    if (format !== 'dictionary_learning') continue;
    const folder = join(fixtures, path);
    const { dictionaries } = await loadAnyDictionary(folder);
    const out = join(scratch, `again-${path}`);
    await saveDictionaryLearning(out, dictionaries[0]);
    const again = await loadAnyDictionary(out);
    assert.equal(again.format, 'dictionary_learning');
    assert.deepEqual(
      { ...again.dictionaries[0].config, model: 0 },
      { ...dictionaries[0].config, model: 0 },
    );
    assert.deepEqual(again.dictionaries[0].params, dictionaries[0].params);
  }
  const { dictionaries } = await loadAnyDictionary(join(fixtures, 'saelens-skip-transcoder'));
  await assert.rejects(saveDictionaryLearning(join(scratch, 'no'), dictionaries[0]), {
    code: 'bad-dictionary',
  });
});

test('what old versions of SAELens could say and we cannot compute is refused', async () => {
  const from = join(fixtures, 'saelens-v3-topk');
  const cfg = JSON.parse(await readFile(join(from, 'cfg.json'), 'utf8'));
  const source = await openSafetensors(join(from, 'sae_weights.safetensors'));
  const tensors = new Map<string, ForeignTensor>();
  for (const name of source.names) tensors.set(name, await source.readTensor(name));
  await source.close();
  const read = (change: object, more: [string, ForeignTensor][] = []) =>
    fromSaeLens({ ...cfg, ...change }, new ForeignTensors('x', new Map([...tensors, ...more])));
  const factors = (value: number): [string, ForeignTensor][] => [
    ['scaling_factor', { shape: [10], data: new Float32Array(10).fill(value) }],
  ];
  assert.equal(read({}, factors(1)).config.activation.kind, 'topk');
  assert.throws(() => read({}, factors(1.5)), { message: /scaling factors/ });
  assert.throws(() => read({ activation_fn_str: 'tanh-relu' }), { message: /"tanh-relu"/ });
});

test('another form of a dictionary computes the same', async () => {
  for (const kind of ['standard', 'gated', 'batchtopk']) {
    const folder = join(fixtures, `dictionary-learning-${kind}`);
    const [dictionary] = (await loadAnyDictionary(folder)).dictionaries;
    assert.equal(dictionary.config.centreInput, true);
    const moved = inForm(dictionary, { centreInput: false });
    assert.equal(moved.config.centreInput, false);
    await check(moved, folder);
    await check(inForm(moved, { centreInput: true }), folder);
  }
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
  for (const [name, text] of [
    ['broken-yaml', 'model_name: [a'],
    ['aliases', `a: &a [1, 2]\nb: [${'*a, '.repeat(200)}*a]`],
  ]) {
    const folder = join(scratch, name);
    await mkdir(folder);
    await writeFile(join(folder, 'config.yaml'), text);
    await assert.rejects(loadAnyDictionary(folder), { code: 'bad-dictionary', message: /yaml/ });
  }
  const object = new TextEncoder().encode(
    "xNUMPYxx\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
  );
  object[0] = 0x93;
  object[6] = 1;
  assert.throws(() => parseNpy(object, 'x.npy'), { code: 'bad-dictionary', message: /\|O/ });
});
