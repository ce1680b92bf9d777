import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, refusal } from '../../test/support/cli.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-circuit-cli-'));
after(() => rm(scratch, { recursive: true }));

const CLEAN = 'When Mary and John were at the park, John gave a ball to';
const CORRUPTED = 'When Mary and John were at the park, Mary gave a ball to';
const LONGER = ['--clean', CLEAN, '--corrupted', `One evening, ${CORRUPTED}`].concat(
  ...['--target', 'Mary', '--distractor', 'John'],
);
const PAIR = [
  '--clean',
  CLEAN,
  '--corrupted',
  CORRUPTED,
  '--target',
  'Mary',
  '--distractor',
  'John',
];

test('circuit find writes a circuit that circuit eval judges', async () => {
  const file = join(scratch, 'circuit.json');
  const found = await glassbox(
    'circuit',
    'find',
    ...PAIR,
    '--edges',
    '40',
    '--out',
    file,
    '--json',
  );
  assert.equal(found.code, 0, found.out + found.err);
  const document = JSON.parse(found.out);
  assert.ok(document.edges <= 40 && document.of === 927 && document.n === 1);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), document.circuit);
  const list = join(scratch, 'examples.json');
  const example = { clean: CLEAN, corrupted: CORRUPTED, target: 'Mary', distractor: 'John' };
  await writeFile(list, JSON.stringify([example]));
  const judged = await glassbox(
    'circuit',
    'eval',
    file,
    '--examples',
    list,
    '--sets',
    '1',
    '--json',
  );
  assert.equal(judged.code, 0, judged.out + judged.err);
  const result = JSON.parse(judged.out);
  assert.ok(Math.abs(result.faithfulness.value - document.faithfulness.value) < 1e-4);
  assert.equal(result.curve.points.length, 10);
  const text = await glassbox('circuit', 'find', ...PAIR, '--edges', '40', '--top', '3');
  assert.match(text.out, /showing 3 of \d+ edges kept/);
});

test('circuit path shows senders by the size of their change', async () => {
  const from = ['--from', 'm0', 'a3.h0', 'a0.h1'];
  const { code, out, err } = await glassbox('circuit', 'path', '--ioi', '4', ...from, '--json');
  assert.equal(code, 0, out + err);
  const found = JSON.parse(out);
  assert.equal(found.n, 4);
  assert.deepEqual(found.receivers, ['logits']);
  assert.deepEqual(
    found.effects.map(({ sender }: { sender: string }) => sender),
    ['m0', 'a3.h0', 'a0.h1'],
  );
  for (const { change, effect, patched } of found.effects) {
    assert.equal(patched.length, 4);
    assert.ok(change.low <= change.value && effect.value * change.value >= 0);
  }
  const single = await glassbox('circuit', 'path', ...PAIR, '--to', 'a3.h0<v>', '--top', '2');
  assert.match(single.out, /showing 2 of 24 senders, into a3\.h0<v>; n = 1/);
  assert.ok(!single.out.includes('Infinity'));
});

test('wrong combinations of options are refused with what to do', async () => {
  for (const [argv, code] of [
    [['circuit', 'find'], 'bad-option'],
    [['circuit', 'find', '--ioi', '2', ...PAIR], 'bad-option'],
    [['circuit', 'find', '--clean', CLEAN], 'bad-option'],
    [['circuit', 'find', ...PAIR, '--method', 'eapp'], 'unknown-method'],
    [['circuit', 'find', ...PAIR, '--ablation', 'zero'], 'bad-option'],
    [['circuit', 'find', ...PAIR, '--metric', 'kl', '--method', 'eap'], 'flat-metric'],
    [['circuit', 'find', ...PAIR, '--by', 'size'], 'unknown-order'],
    // Options that would change nothing.
    [['circuit', 'find', ...PAIR, '--random', '4'], 'bad-option'],
    [['circuit', 'find', ...PAIR, '--method', 'acdc', '--edges', '9'], 'bad-option'],
    [['circuit', 'find', ...PAIR, '--method', 'acdc', '--fraction', '0.1'], 'bad-option'],
    [['ioi', '--acdc', '2'], 'bad-option'],
    [['circuit', 'eval', join(scratch, 'none.json'), '--ioi', '2'], 'no-file'],
    [['circuit', 'path'], 'bad-option'],
    [['circuit', 'path', ...PAIR, '--to', 'a3.h0<z>'], 'unknown-receiver'],
    [['circuit', 'path', ...PAIR, '--from', 'a9.h0'], 'unknown-node'],
    [['circuit', 'path', ...PAIR, '--metric', 'loss'], 'unknown-metric'],
    [['circuit', 'path', ...LONGER], 'prompts-differ-in-length'],
    [['circuit', 'find', ...LONGER], 'prompts-differ-in-length'],
  ] as const) {
    assert.equal(await refusal(...argv), code);
  }
});

test('ioi prints heads with roles, and writes the page', async () => {
  const file = join(scratch, 'ioi.md');
  const { code, out, err } = await glassbox('ioi', '-n', '4', '--out', file, '--json');
  assert.equal(code, 0, out + err);
  const found = JSON.parse(out);
  assert.equal(found.sentences, 'world');
  assert.equal(found.heads.length, 24);
  assert.equal(found.n, 4);
  const page = await readFile(file, 'utf8');
  assert.match(page, /^# Indirect object identification in glassbox-atlas\n/);
  for (const head of found.heads.filter(({ roles }: { roles: string[] }) => roles.length > 0)) {
    assert.ok(page.includes(`| ${head.name} | ${head.roles.join(', ')} |`));
  }
});

test('docs/ioi.md is what the command writes about the shipped model', async () => {
  const file = join(scratch, 'page.md');
  const { code, err } = await glassbox('ioi', '-n', '64', '--out', file);
  assert.equal(code, 0, err);
  const pages = await Promise.all(
    [file, join(import.meta.dirname, '../../docs/ioi.md')].map((path) => readFile(path, 'utf8')),
  );
  const [made, shipped] = pages.map((page) => page.split(/\n(?=This page is generated)/)[0]);
  // Another processor may round the last digit another way.
  const figure = /-?\d+\.\d+/g;
  assert.equal(shipped.replace(figure, '#'), made.replace(figure, '#'));
  const numbers = [made, shipped].map((page) => (page.match(figure) ?? []).map(Number));
  numbers[0].forEach((value, i) => {
    assert.ok(Math.abs(value - numbers[1][i]) < 0.011, `${value} and ${numbers[1][i]}`);
  });
});

test('published figures of another model are refused before anything is run', async () => {
  assert.equal(await refusal('ioi', '--reference'), 'no-reference');
});

test('patch aligns prompts by named places, and estimates', async () => {
  const longer = 'One evening, When Mary and John were at the park, Mary gave a ball to';
  const args = ['patch', '--clean', CLEAN, '--corrupted', longer, '--target', 'Mary'];
  args.push('--distractor', 'John');
  assert.equal(await refusal(...args), 'prompts-differ-in-length');
  const aligned = ['--align', 'END=-1:-1', 'giver=-5:-5'];
  const found = await glassbox(...args, ...aligned, '--json');
  assert.equal(found.code, 0, found.out);
  assert.deepEqual(JSON.parse(found.out).axes.columns.labels, ['END', 'giver']);
  const estimate = await glassbox(...args, ...aligned, '--site', 'q', '--estimate');
  assert.match(estimate.out, /^layer \\ head/);
  assert.equal(await refusal(...args, '--by-position', '--all-positions'), 'bad-option');
  assert.equal(await refusal(...args, '--align', '3=1:2'), 'bad-option');
  assert.equal(await refusal(...args, '--align', 'END=-1:-1', 'END=2:2'), 'bad-option');
});

test('edges cut to zero need no corrupted prompt; others do', async () => {
  const one = ['--clean', CLEAN, '--target', 'Mary', '--distractor', 'John'];
  const search = ['circuit', 'find', ...one, '--method', 'acdc', '--threshold', '8'];
  const { code, out, err } = await glassbox(...search, '--ablation', 'zero', '--json');
  assert.equal(code, 0, out + err);
  assert.equal(JSON.parse(out).n, 1);
  assert.equal(await refusal(...search), 'bad-option');
});
