import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { loadDictionary, saveDictionary } from '../../src/microscope/dictionary/index.ts';

const shipped = join(import.meta.dirname, '../../models/glassbox-atlas/dictionaries/resid-2');

async function glassbox(...argv: readonly string[]) {
  const said = { out: '', err: '' };
  const code = await run([...argv, '--json'], {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
  });
  return { code, err: said.err, json: JSON.parse(said.out) };
}

// What ships had no name: an installed package had to be asked for node_modules/glassbox/models/…
test('the dictionaries of a model are found by name, and a wrong name gets the nearest', async () => {
  const { code, json } = await glassbox('dict', 'features', 'resid-2', '--text', '37 + 48 =');
  assert.equal(code, 0, JSON.stringify(json));
  assert.ok(json.features.length > 0);
  for (const argv of [
    ['dict', 'features', 'resid2', '17'],
    ['dict', 'harvest', 'resid2'],
    ['dict', 'eval', 'resid2'],
    ['dict', 'probe', 'resid2'],
    ['dict', 'label', 'resid2'],
    ['dict', 'export', 'resid2', '--to', 'saelens', '--out', join(tmpdir(), 'never-written')],
  ]) {
    const wrong = await glassbox(...argv);
    assert.equal(wrong.code, 2, argv.join(' '));
    assert.equal(wrong.json.error.code, 'no-dictionary', argv.join(' '));
    assert.match(wrong.json.error.message, /no folder resid2/);
    assert.match(wrong.json.error.remedy, /Nearest: resid-2/);
  }
});

// An edit said that the nested folder holds no config.json; and an ablation of a silent feature said nothing at all.
test('an edit of a feature says when there is no such dictionary, and when nothing changed', async () => {
  const edits = (feature: string) =>
    JSON.stringify([{ at: 'blocks.2.hook_resid_post', op: 'feature', feature, strength: 0 }]);
  const prompt = '37 + 48 =';
  const wrong = await glassbox('edit', prompt, '--edits', edits('resid2:17'));
  assert.equal(wrong.code, 2);
  assert.equal(wrong.json.error.code, 'bad-edit');
  assert.match(wrong.json.error.remedy, /Nearest: resid-2/);
  const { json } = await glassbox('dict', 'features', 'resid-2', '--text', prompt, '--top', '1');
  const firing = await glassbox(
    'edit',
    prompt,
    '--edits',
    edits(`resid-2:${json.features[0].feature}`),
  );
  assert.doesNotMatch(firing.err, /Nothing changed/);
  const silent = new Set(Array.from({ length: 300 }, (_, i) => i));
  const all = await glassbox('dict', 'features', 'resid-2', '--text', prompt, '--top', '300');
  for (const { feature } of all.json.features) silent.delete(feature);
  const [one] = silent;
  const none = await glassbox('edit', prompt, '--edits', edits(`resid-2:${one}`));
  assert.equal(none.code, 0);
  assert.match(none.err, new RegExp(`Nothing changed: does resid-2:${one} fire`));
});

// Pages of the dictionary that lay in the folder before went out as those of the one that lies there now.
test('pages and labels of another dictionary are not exported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dictionary-'));
  try {
    await cp(shipped, folder, { recursive: true });
    const { config, params } = await loadDictionary(folder);
    const [name] = Object.keys(params);
    const data = Float32Array.from(params[name].data as Float32Array, (value) => 2 * value);
    await saveDictionary(folder, {
      config,
      params: { ...params, [name]: { ...params[name], data } },
    });
    const out = join(folder, 'pages.json');
    const to = await glassbox('dict', 'export', folder, '--to', 'neuronpedia', '--out', out);
    assert.equal(to.code, 2);
    assert.equal(to.json.error.code, 'harvest-mismatch');
    await assert.rejects(readFile(out), /ENOENT/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
