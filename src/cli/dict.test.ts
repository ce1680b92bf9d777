import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, glassboxJson } from '../../test/support/cli.ts';
import { writeWordsModel } from '../../test/support/words-model.ts';
import { Rng } from '../base/rng.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-dict-'));
after(() => rm(scratch, { recursive: true }));

const folder = join(scratch, 'model');
const source = await writeWordsModel(folder);

const text = join(scratch, 'text.txt');
const rng = new Rng(1);
const lines = Array.from({ length: 150 }, () =>
  Array.from({ length: 8 }, () => `a${rng.int(source.config.dVocab)}`).join(' '),
);
await writeFile(text, lines.join('\n'));

const config = {
  model: folder,
  corpus: { text },
  heldOut: { text },
  heldOutBatches: 1,
  out: join(scratch, 'out'),
  rows: 64,
  steps: 40,
  seeds: [1, 2],
  exclude: ['a0'],
  checkpointEvery: 20,
  floats: 'F16',
  dictionaries: [
    {
      name: 'transcoder-{l}',
      kind: 'transcoder',
      layers: [0, 1],
      reads: 'blocks.{l}.mlp.hook_in',
      writes: 'blocks.{l}.hook_mlp_out',
      width: 32,
      learningRate: 0.01,
      rule: { kind: 'topk', k: 4 },
    },
    {
      name: 'resid',
      kind: 'autoencoder',
      at: 'blocks.0.hook_resid_post',
      width: 32,
      learningRate: 0.01,
      rule: { kind: 'jumprelu', coefficient: 0.1 },
    },
  ],
  sets: { mlps: ['transcoder-0', 'transcoder-1'] },
};

async function write(name: string, content: unknown): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('dict train saves dictionaries with cards, and says how good they are', async () => {
  const path = await write('train.json', config);
  const result = await glassboxJson('dict', 'train', path);
  assert.deepEqual(Object.keys(result.figures), ['transcoder-0', 'transcoder-1', 'resid']);
  assert.equal(result.saved.length, 3);
  assert.ok(result.figures['transcoder-0'].l0 <= 4);
  assert.ok(Number.isFinite(result.sets.mlps.splice.ceRecovered));
  const metrics = JSON.parse(await readFile(join(config.out, 'resid', 'metrics.json'), 'utf8'));
  assert.equal(metrics.seeds, 2);
  assert.equal(metrics.spread.explainedVariance.n, 2);
  const card = await readFile(join(config.out, 'resid', 'README.md'), 'utf8');
  assert.match(card, /explained variance \| .* ± /);
  const events = await readFile(join(config.out, 'run', 'events.jsonl'), 'utf8');
  const last = JSON.parse(events.trim().split('\n').at(-1)!);
  assert.equal(last.type, 'finished');
});

test('dict eval measures what was saved, alone and together', async () => {
  const args = ['-m', folder, '--corpus', text, '--batches', '1', '--exclude', 'a0', '--together'];
  const result = await glassboxJson('dict', 'eval', config.out, ...args);
  assert.equal(result.dictionaries.length, 3);
  assert.ok(Number.isFinite(result.together.ceRecovered));
  const figure = join(scratch, 'compared.svg');
  const { out } = await glassbox('dict', 'eval', config.out, ...args, '--figure', figure);
  assert.match(out, /explained variance/);
  const svg = await readFile(figure, 'utf8');
  assert.match(svg, /^<svg [^>]*xmlns/);
  for (const { folder: at } of result.dictionaries) assert.ok(svg.includes(basename(at)), at);
  assert.doesNotMatch(svg, /NaN|undefined/);
});

test('dict harvest and features show pages, lists and texts', async () => {
  const dictionary = join(config.out, 'transcoder-0');
  const args = ['-m', folder, '--corpus', text, '--batches', '2', '--exclude', 'a0'];
  const info = await glassboxJson('dict', 'harvest', dictionary, ...args);
  assert.equal(info.dDict, 32);
  const { features } = await glassboxJson('dict', 'features', dictionary, ...args);
  const busiest = features.reduce((a: { fired: number }, b: { fired: number }) =>
    b.fired > a.fired ? b : a,
  );
  const page = await glassboxJson('dict', 'features', dictionary, String(busiest.feature), ...args);
  assert.equal(page.fired, busiest.fired);
  const { out } = await glassbox('dict', 'features', dictionary, String(busiest.feature), ...args);
  assert.match(out, /«a\d+»/);
  const fired = await glassboxJson(
    'dict',
    'features',
    dictionary,
    '--text',
    'a3 a1 a4',
    '-k',
    '3',
    '-m',
    folder,
    '--exclude',
    'a0',
  );
  assert.equal(fired.tokens.length, 3);
  assert.ok(fired.features.length <= 3);
  const other = join(config.out, 'transcoder-1');
  const mixed = await glassbox(
    'dict',
    'features',
    other,
    ...args,
    '--out',
    join(dictionary, 'harvest'),
  );
  assert.equal(mixed.code, 2);
  assert.match(mixed.err, /harvest of another dictionary/);
});

test('a crosscoder of two models is trained, and measured in both', async () => {
  const path = await write('cross.json', {
    model: folder,
    other: folder,
    corpus: { text },
    heldOut: { text },
    out: join(scratch, 'cross'),
    rows: 32,
    steps: 3,
    dictionaries: [
      {
        name: 'cross',
        kind: 'crosscoder',
        at: ['blocks.0.hook_resid_post', 'other:blocks.1.hook_resid_post'],
        width: 16,
        rule: { kind: 'batchtopk', k: 2 },
      },
    ],
  });
  const { saved } = await glassboxJson('dict', 'train', path);
  const written = JSON.parse(await readFile(join(saved[0], 'config.json'), 'utf8'));
  assert.deepEqual(written.writes, ['blocks.0.hook_resid_post', 'other:blocks.1.hook_resid_post']);
  const metrics = JSON.parse(await readFile(join(saved[0], 'metrics.json'), 'utf8'));
  assert.equal(metrics.comparison.relativeNorm.length, 16);
  assert.match(await readFile(join(saved[0], 'README.md'), 'utf8'), /## Two models/);
  const argv = ['dict', 'eval', saved[0], '-m', folder, '--corpus', text];
  const { dictionaries } = await glassboxJson(...argv, '--other', folder);
  assert.deepEqual(Object.keys(dictionaries[0].splices), written.writes);
  const { counts } = dictionaries[0].comparison;
  assert.equal(
    Object.values<number>(counts).reduce((a, b) => a + b),
    16,
  );
  const { out } = await glassbox(...argv, '--other', folder);
  assert.match(out, /features shared/);
  const alone = await glassbox(...argv);
  assert.equal(alone.code, 2);
  assert.match(alone.err, /two models/);
  const strangers = await glassbox(...argv, '--other', 'glassbox-atlas');
  assert.equal(strangers.code, 2);
  assert.match(strangers.err, /different tokens/);
});

test('bad input ends with a message that names it', async () => {
  const cases: [string[], RegExp][] = [
    [['dict', 'train', await write('bad1.json', '{')], /not JSON/],
    [['dict', 'train', await write('bad2.json', { ...config, steps: -1 })], /steps/],
    [['dict', 'train', join(scratch, 'nowhere.json')], /cannot read/],
    [['dict', 'eval', folder, '-m', folder], /holds no dictionary/],
    [
      [
        'dict',
        'train',
        await write('bad3.json', { ...config, out: join(scratch, 'o3'), sets: { s: ['x'] } }),
      ],
      /'x'/,
    ],
  ];
  for (const [argv, message] of cases) {
    const { code, err, out } = await glassbox(...argv);
    assert.equal(code, 2, `${argv.join(' ')}: ${out}${err}`);
    assert.match(err, message);
  }
});
