import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../src/cli/run.ts';

const folder = await mkdtemp(join(tmpdir(), 'places-'));
after(() => rm(folder, { recursive: true }));
const file = join(folder, 'a-file');
await writeFile(file, 'hello\n');
const shipped = join(import.meta.dirname, '../../models/glassbox-atlas/dictionaries/resid-2');

async function refused(code: string, message: RegExp, ...argv: readonly string[]) {
  let out = '';
  const exit = await run([...argv, '--json'], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => {} },
  });
  const { error } = JSON.parse(out);
  assert.equal(error.code, code, `${argv.join(' ')}: ${out}`);
  assert.match(error.message, message, argv.join(' '));
  assert.ok(error.remedy.length > 10);
  assert.equal(exit, 2, argv.join(' '));
}

// Minutes of work ended in an error about a temporary file, or in "internal: this is a bug of Glassbox".
test('a place that cannot be written to is refused before any work, and nothing is left there', async () => {
  const prompt = '37 + 48 =';
  const [below, missing] = [join(file, 'x'), join(folder, 'no', 'such')];
  const isFile = /a-file is a file$/;
  await refused(
    'write-failed',
    /there is no folder .*such$/,
    'trace',
    prompt,
    '--out',
    join(missing, 'g.json'),
  );
  await refused('write-failed', /it is a folder$/, 'trace', prompt, '--out', folder);
  await refused('write-failed', isFile, 'trace', prompt, '--out', below);
  await refused('write-failed', isFile, 'trace', prompt, '--front-end', file);
  await refused('write-failed', isFile, 'circuit', 'find', '--ioi', '2', '--out', below);
  await refused('write-failed', isFile, 'ioi', '--out', below);
  await refused('write-failed', isFile, 'toy', '--out', join(file, 'a.svg'));
  await refused('write-failed', isFile, 'dict', 'eval', '--figure', below);
  await refused('write-failed', isFile, 'dict', 'harvest', 'resid-2', '--out', file);
  await refused('write-failed', isFile, 'dict', 'features', 'resid-2', '1', '--out', below);
  await refused('write-failed', isFile, 'dict', 'import', shipped, '--out', below);
  for (const to of ['saelens', 'circuit-tracer', 'neuronpedia', 'anthropic']) {
    await refused('write-failed', isFile, 'dict', 'export', 'resid-2', '--to', to, '--out', below);
  }
  const config = join(folder, 'train.json');
  const place = { reads: 'blocks.0.mlp.hook_in', writes: 'blocks.0.hook_mlp_out' };
  const rule = { kind: 'topk', k: 4 };
  const dictionary = { name: 'one', kind: 'transcoder', layers: [0], width: 32, rule, ...place };
  const corpus = { world: { seed: 1 } };
  const training = { model: 'glassbox-atlas', corpus, steps: 1, dictionaries: [dictionary] };
  await writeFile(config, JSON.stringify({ ...training, out: below }));
  await refused('write-failed', isFile, 'dict', 'train', config);
  assert.deepEqual((await readdir(folder)).sort(), ['a-file', 'train.json']);
});

// "internal: Unable to open file as blob", and a prompt of nothing that gave an answer.
test('files that are not there and words that are empty are named', async () => {
  await refused('no-file', /no\.pt/, 'trace', '--open', join(folder, 'no.pt'));
  await refused('no-dictionary', /there is no folder/, 'trace', 'x', '-d', join(folder, 'nothing'));
  await refused('empty-prompt', /prompt is empty/, 'trace', '');
  await refused('empty-prompt', /prompt is empty/, 'dict', 'features', 'resid-2', '--text', '');
  await refused('bad-token', /empty/, 'trace', '37 + 48 =', '--target', '');
  await refused('bad-command-line', /too many arguments/, 'trace', '37', '+', '48', '=');
});

// "internal: options.port should be >= 0", a lab without the dictionaries that were named, a half minute of dashes, a
// faithfulness of -1 that was rounding, and options that were ignored.
test('what cannot be answered is refused instead of run', async () => {
  await refused('bad-option', /from 0 to 65535/, 'lab', '--port', '99999');
  await refused('no-dictionary', /no folder/, 'lab', '--dictionaries', join(folder, 'nothing'));
  await refused('no-dictionary', /is a file/, 'lab', '--dictionaries', file);
  const same = ['--target', '8', '--distractor', '8'];
  await refused('same-token', /itself/, 'attribute', '37 + 48 =', ...same);
  const pair = ['--clean', '37 + 48 =', '--corrupted', '37 + 48 =', '--target', '8'];
  await refused('no-difference', /nothing can/, 'circuit', 'find', ...pair, '--distractor', '7');
  const both = ['--edges', '3', '--fraction', '0.1'];
  await refused('bad-option', /both given/, 'circuit', 'find', '--ioi', '2', ...both);
  await refused('bad-option', /without --reference/, 'ioi', '--acdc', '2');
});

// The one was overwritten, the other made a folder of two formats; a wrong key got no suggestion and no file.
test('dictionaries are not written over another, and a wrong key of a training gets the nearest', async () => {
  const own = join(folder, 'other');
  await cp(shipped.replace('resid-2', 'resid-1'), own, { recursive: true });
  await refused('folder-not-empty', /already/, 'dict', 'import', shipped, '--out', own);
  const to = ['dict', 'export', shipped, '--to', 'saelens', '--out'];
  await refused('folder-not-empty', /already/, ...to, own);
  await refused('bad-option', /pages/, ...to, join(folder, 'new'), '--feature', '3');
  const config = join(folder, 'wrong-key.json');
  await writeFile(config, JSON.stringify({ stps: 3 }));
  await refused('bad-train-config', /wrong-key\.json: model/, 'dict', 'train', config);
  const whole = { model: 'glassbox-atlas', corpus: { world: { seed: 1 } }, out: own, steps: 1 };
  const entry = { name: 'a', kind: 'autoencoder', at: 'blocks.0.hook_resid_post', width: 8 };
  const rule = { kind: 'topk', k: 4 };
  await writeFile(
    config,
    JSON.stringify({ ...whole, stpes: 2, dictionaries: [{ ...entry, rule }] }),
  );
  await refused('bad-train-config', /did you mean "steps"\?/, 'dict', 'train', config);
  await refused('bad-option', /whole number/, 'dict', 'synth', '--seeds', '1.5');
  await refused('bad-option', /share from 0 to 1/, 'dict', 'label', own, '--bar', '2');
  const judge = ['--endpoint', 'http://127.0.0.1:9', '--endpoint-model', 'x'];
  await refused('unknown-feature', /99999/, 'dict', 'label', own, '--features', '99999', ...judge);
});

// Text in another encoding was read as replacement characters, `world:abc` as the name of a file.
test('text that is not UTF-8, and seeds that are no numbers, are refused', async () => {
  const other = join(folder, 'utf-16.txt');
  await writeFile(
    other,
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('hello', 'utf16le')]),
  );
  await refused('bad-text', /not UTF-8/, 'dict', 'eval', 'resid-2', '--corpus', other);
  await refused('bad-option', /seed/, 'dict', 'eval', 'resid-2', '--corpus', 'world:abc');
  await refused('bad-option', /seed/, 'dict', 'eval', 'resid-2', '--corpus', 'held-out:-1');
  await refused('no-file', /it is a folder/, 'dict', 'eval', 'resid-2', '--corpus', folder);
});

// Pages of the harvest that was there were shown as if they were of the text that was asked for.
test('a harvest of another text than asked for is not shown', async () => {
  const own = join(folder, 'dictionary');
  await mkdir(own);
  await cp(shipped, own, { recursive: true });
  for (const other of [
    ['--corpus', file],
    ['--batches', '3'],
    ['--exclude', ' the'],
  ]) {
    await refused(
      'harvest-exists',
      /already holds a harvest, of/,
      'dict',
      'features',
      own,
      '1',
      ...other,
    );
  }
});
