import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, glassboxJson, refusalOf } from '../../test/support/cli.ts';
import { openSafetensors, writeSafetensors } from '../base/safetensors/index.ts';

const root = join(import.meta.dirname, '../..');
const fixtures = join(root, 'test/fixtures/dictionaries');
const shipped = join(root, 'models/glassbox-atlas/dictionaries/resid-2');
const folder = await mkdtemp(join(tmpdir(), 'glassbox-dict-formats-'));
after(() => rm(folder, { recursive: true }));

async function refused(code: string, message: RegExp, ...argv: string[]) {
  const error = await refusalOf(...argv);
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

const imported = (path: string, name: string, ...more: string[]) =>
  glassboxJson('dict', 'import', join(fixtures, path), '--out', join(folder, name), ...more);

test('dictionaries go from one project’s form to another’s', async () => {
  const ways = [
    ['saelens-gated', 'saelens', 'dictionary_learning'],
    ['dictionary-learning-matryoshka', 'dictionary_learning', 'saelens'],
    ['circuit-tracer-clt', 'circuit-tracer', 'circuit-tracer'],
    ['sparsify-release', 'sparsify', 'sparsify'],
    ['sparsify-release', 'sparsify', 'circuit-tracer'],
  ];
  for (const [path, from, to] of ways) {
    const { format, dictionaries } = await imported(path, path);
    assert.equal(format, from);
    const out = join(folder, `${path}-${to}`);
    const sources = dictionaries.map((one: { folder: string }) => one.folder);
    const written = await glassboxJson('dict', 'export', ...sources, '--to', to, '--out', out);
    assert.equal(written.dictionaries, sources.length);
    const again = await glassboxJson(
      'dict',
      'import',
      out,
      '--out',
      join(folder, `${path}-${to}-again`),
    );
    assert.equal(again.format, to);
  }
});

test('help lists every format', async () => {
  for (const [command, names] of [
    [
      'import',
      [
        'saelens',
        'dictionary_learning',
        'sparsify',
        'gemma-scope',
        'circuit-tracer',
        'Neuronpedia',
        'Anthropic',
      ],
    ],
    [
      'export',
      ['saelens', 'dictionary_learning', 'sparsify', 'circuit-tracer', 'neuronpedia', 'anthropic'],
    ],
  ] as const) {
    const { out } = await glassbox('dict', command, '--help');
    const text = out.replace(/\s+/g, ' ');
    for (const name of names) assert.ok(text.includes(name), `${command}: ${name}`);
  }
});

test('feature pages of the shipped dictionary leave in three forms and come back', async () => {
  const own = join(folder, 'own');
  for (const name of ['config.json', 'weights.safetensors']) {
    await cp(join(shipped, name), join(own, name));
  }
  const list = await glassboxJson('dict', 'features', shipped);
  const { feature } = list.features.reduce((a: { fired: number }, b: { fired: number }) =>
    b.fired > a.fired ? b : a,
  );
  const [one, batch, site] = ['one.json', 'batch.json', 'site'].map((name) => join(folder, name));
  const number = String(feature);
  await glassboxJson(
    'dict',
    'export',
    shipped,
    '--to',
    'neuronpedia',
    '--feature',
    number,
    '--out',
    one,
  );
  await glassboxJson('dict', 'export', shipped, '--to', 'neuronpedia', '--out', batch);
  await glassboxJson(
    'dict',
    'export',
    shipped,
    '--to',
    'anthropic',
    '--feature',
    number,
    '--out',
    site,
  );
  assert.deepEqual(await readdir(site), [`${number}.json`]);
  for (const [path, format] of [
    [one, 'neuronpedia'],
    [batch, 'neuronpedia-batch'],
    [site, 'anthropic'],
  ]) {
    const { sources } = await glassboxJson('dict', 'import', path, '--out', own);
    assert.equal(sources[0].format, format);
    assert.ok(sources[0].features >= 1);
  }
  // No harvest lies beside the copy, so what is shown is what was imported, without a model.
  const { imported: pages } = await glassboxJson('dict', 'features', own, number);
  assert.deepEqual(
    pages.map(({ source }: { source: { format: string } }) => source.format),
    ['neuronpedia', 'neuronpedia-batch', 'anthropic'],
  );
  const page = await glassboxJson('dict', 'features', shipped, number);
  for (const { page: other } of pages) {
    assert.ok(Math.abs(other.density - page.density) < 1e-9);
    assert.deepEqual(other.groups[0].examples[0].acts, page.groups[0].examples[0].acts);
  }
  assert.ok(page.label === null || pages[0].page.labels[0].text === page.label.label);
  const table = await glassboxJson('dict', 'features', own);
  assert.equal(table.imported.length, 3);
});

test('feature pages of another dictionary are refused', async () => {
  await imported('saelens-standard', 'small');
  const small = join(folder, 'small');
  const page = {
    modelId: 'gpt2-small',
    layer: '1-res-jb',
    index: '3',
    explanations: [{ description: 'cats', typeName: 'x' }],
  };
  const give = async (name: string, json: unknown) => {
    const path = join(folder, name);
    await writeFile(path, typeof json === 'string' ? json : JSON.stringify(json));
    return ['dict', 'import', path, '--out', small];
  };
  await glassboxJson(...(await give('fits.json', page)));
  const { imported: pages } = await glassboxJson('dict', 'features', small, '3');
  assert.deepEqual(pages[0].source, { format: 'neuronpedia', name: 'gpt2-small/1-res-jb' });
  assert.deepEqual(pages[0].page.labels, [{ text: 'cats', by: 'x' }]);
  await refused(
    'dictionary-mismatch',
    /feature 10 is past the dictionary's 10/,
    ...(await give('past.json', { ...page, index: '10' })),
  );
  await refused(
    'dictionary-mismatch',
    /of layer 6 \(gpt2-small\/6-res-jb\)/,
    ...(await give('layer.json', { ...page, layer: '6-res-jb' })),
  );
  await refused(
    'dictionary-mismatch',
    /vectors are 2 wide, the dictionary writes 6/,
    ...(await give('width.json', { ...page, vector: [1, 2] })),
  );
  await refused('bad-feature-file', /not JSON/, ...(await give('text.json', 'x')));
  await refused('bad-feature-file', /holds no features/, ...(await give('none.json', { x: 1 })));
  await refused(
    'no-dictionary',
    /holds no dictionary/,
    'dict',
    'import',
    join(folder, 'fits.json'),
    '--out',
    join(folder, 'nowhere'),
  );
  await refused('no-feature', /no page of feature 5/, 'dict', 'features', small, '5');
});

test('unknown formats, code in a .pt, NaN and missing parts are refused by name', async () => {
  const to = join(folder, 'refused');
  const importing = (path: string) => ['dict', 'import', path, '--out', to];
  await refused('no-dictionary', /there is nothing at/, ...importing(join(folder, 'no-such')));
  await refused(
    'unknown-dictionary-format',
    /holds no dictionary of a known format/,
    ...importing(root),
  );
  const unsafe = join(folder, 'unsafe');
  await cp(join(fixtures, 'dictionary-learning-topk'), unsafe, { recursive: true });
  await cp(join(fixtures, 'unsafe.pt'), join(unsafe, 'ae.pt'));
  await refused('unsafe-pickle', /posix\.system|os\.system|nt\.system/, ...importing(unsafe));

  const nan = join(folder, 'nan');
  await cp(join(fixtures, 'saelens-standard'), nan, { recursive: true });
  const weights = join(nan, 'sae_weights.safetensors');
  const file = await openSafetensors(weights);
  const tensors = Object.fromEntries(
    await Promise.all(file.names.map(async (name) => [name, await file.readTensor(name)] as const)),
  );
  await file.close();
  (tensors.W_enc.data as Float32Array)[7] = Number.NaN;
  await writeSafetensors(weights, tensors);
  await refused('bad-dictionary', /"W_enc" holds NaN at place 7/, ...importing(nan));
  const { W_dec: _, ...rest } = tensors;
  (tensors.W_enc.data as Float32Array)[7] = 0;
  await writeSafetensors(weights, rest);
  await refused('bad-dictionary', /there is no tensor "W_dec"/, ...importing(nan));

  const changed = async (name: string, change: object) => {
    const copy = join(folder, name);
    await mkdir(copy, { recursive: true });
    await cp(join(fixtures, 'saelens-standard'), copy, { recursive: true });
    const path = join(copy, 'cfg.json');
    const cfg = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...cfg, ...change }));
    return importing(copy);
  };
  await refused(
    'bad-dictionary',
    /architecture "temporal" is not supported/,
    ...(await changed('temporal', { architecture: 'temporal' })),
  );
  await refused(
    'bad-dictionary',
    /"W_enc" has shape \[6,10\], expected \[7,10\]/,
    ...(await changed('wide', { d_in: 7 })),
  );
  await refused(
    'bad-dictionary',
    /normalize_activations "other"/,
    ...(await changed('norm', { normalize_activations: 'other' })),
  );
  await refused('bad-dictionary', /names no hook/, ...(await changed('hook', { metadata: {} })));
});

test('a dictionary of another model is refused: width, layer, address', async () => {
  const evaluating = (path: string) => ['dict', 'eval', path, '--batches', '1'];
  await imported('saelens-standard', 'narrow');
  await refused('dictionary-mismatch', /6.*192|192.*6/, ...evaluating(join(folder, 'narrow')));
  const config = JSON.parse(await readFile(join(shipped, 'config.json'), 'utf8'));
  const at = async (name: string, address: string) => {
    const copy = join(folder, name);
    await cp(join(shipped, 'weights.safetensors'), join(copy, 'weights.safetensors'));
    await writeFile(
      join(copy, 'config.json'),
      JSON.stringify({ ...config, reads: [address], writes: [address] }),
    );
    return evaluating(copy);
  };
  await refused(
    'unknown-address',
    /blocks\.40\.hook_resid_post/,
    ...(await at('deep', 'blocks.40.hook_resid_post')),
  );
  await refused(
    'unknown-address',
    /blocks\.1\.hook_nothing/,
    ...(await at('odd', 'blocks.1.hook_nothing')),
  );
  const other = join(folder, 'other-hook');
  await cp(join(fixtures, 'circuit-tracer-set'), other, { recursive: true });
  const yaml = join(other, 'config.yaml');
  const text = await readFile(yaml, 'utf8');
  await writeFile(yaml, text.replace('mlp.hook_in', 'hook_resid_post'));
  const read = join(folder, 'other-read');
  await glassboxJson('dict', 'import', other, '--out', read);
  await refused(
    'dictionary-mismatch',
    /read blocks\.0\.hook_resid_post, which does not come before the MLP of its layer/,
    ...['trace', '3 + 4 =', '--dictionaries', read],
  );
  const sets = ['dict', 'export', shipped, '--to', 'circuit-tracer', '--out', join(folder, 'set')];
  await refused('bad-dictionary-set', /no transcoder of layer 0/, ...sets);
  await refused(
    'no-dictionary',
    /holds no transcoders/,
    'trace',
    '3 + 4 =',
    '--dictionaries',
    shipped,
  );
});
