import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, glassboxJson } from '../../test/support/cli.ts';
import { writeWordsModel } from '../../test/support/words-model.ts';
import { openSafetensors } from '../base/safetensors/index.ts';
import { loadModel } from '../model/index.ts';
import { commands } from './commands/index.ts';
import { formatDuration, formatProgress } from './context.ts';
import { fixed, table } from './table.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-cli-'));
after(() => rm(scratch, { recursive: true }));

const families = join(import.meta.dirname, '../../test/fixtures/families');
const folder = join(scratch, 'model');
await writeWordsModel(folder);
assert.deepEqual((await loadModel(folder)).tokenizer!.encode('a3 a1'), [3, 1]);

const PROMPT = 'a3 a1 a4 a1 a5';

test('every command has a summary, help with examples, and --json', async () => {
  const walk = async (path: string[], specs: typeof commands): Promise<void> => {
    for (const spec of specs) {
      const { code, out } = await glassbox(...path, spec.name, '--help');
      assert.equal(code, 0);
      assert.match(out, new RegExp(spec.summary.slice(0, 20).replace(/[^\w ]/g, '.')));
      if (spec.subcommands) await walk([...path, spec.name], spec.subcommands);
      else {
        assert.match(out, /--json/);
        assert.match(out, /Examples:/);
      }
    }
  };
  await walk([], commands);
});

test('tokens: ids, texts, loss', async () => {
  const { count, tokens, meanLoss } = await glassboxJson('tokens', PROMPT, '-m', folder);
  assert.equal(count, 5);
  assert.deepEqual(tokens[0], { id: 3, text: 'a3', loss: null, prob: null, rank: null });
  const losses = tokens.slice(1).map((token: { loss: number }) => token.loss);
  assert.ok(Math.abs(losses.reduce((a: number, b: number) => a + b) / 4 - meanLoss) < 1e-9);
});

test('lens: the fixed fields, and attributions that sum', async () => {
  const args = [
    PROMPT,
    '-m',
    folder,
    '--top',
    '3',
    '--dla',
    '--target',
    'a5',
    '--distractor',
    '#7',
  ];
  const { tokens, layers, top, dla } = await glassboxJson('lens', ...args);
  assert.equal(tokens.length, 5);
  assert.deepEqual([layers.length, top.length, top[0].length, top[0][0].length], [3, 3, 5, 3]);
  assert.deepEqual(Object.keys(top[0][0][0]), ['id', 'text', 'prob']);
  const sum = dla.components.reduce(
    (s: number, c: { effect: number }) => s + c.effect,
    dla.constant,
  );
  assert.ok(Math.abs(sum - dla.logitDiff) < 1e-9);
});

test('cache: a file of the chosen addresses', async () => {
  const out = join(scratch, 'cache.safetensors');
  await glassboxJson(
    'cache',
    PROMPT,
    '-m',
    folder,
    '--at',
    'blocks.*.attn.hook_pattern',
    'logits',
    '-o',
    out,
  );
  const file = await openSafetensors(out);
  assert.deepEqual(file.info('blocks.1.attn.hook_pattern').shape, [1, 2, 5, 5]);
  assert.ok(file.has('tokens') && file.has('logits'));
  await file.close();
});

test('edit: before and after, and a sweep with its baseline', async () => {
  const edits = '[{"at": "blocks.1.hook_mlp_out", "op": "zero"}]';
  const { before, after, kl, sweep } = await glassboxJson(
    ...['edit', PROMPT, '-m', folder, '-e', edits, '--target', 'a5', '--distractor', 'a7'],
    ...['--sweep', '0,1', '--baselines', '3'],
  );
  assert.equal(kl.length, 5);
  assert.notEqual(before.metric, after.metric);
  assert.ok(Math.abs(sweep.points[1].metric - after.metric) < 1e-4);
  assert.equal(sweep.points[1].baseline.n, 3);
});

test('patch and heads: the fixed fields', async () => {
  const patched = await glassboxJson(
    ...['patch', '-m', folder, '--clean', PROMPT, '--corrupted', 'a3 a1 a9 a1 a5'],
    ...['--target', 'a5', '--distractor', 'a7', '--site', 'z'],
  );
  assert.deepEqual(Object.keys(patched.metric), ['clean', 'corrupted']);
  assert.equal(patched.site, 'z');
  assert.deepEqual([patched.effect.length, patched.effect[0].length], [2, 2]);
  const { scores } = await glassboxJson('heads', '-m', folder, '--sequences', '3', '--length', '4');
  assert.equal(scores.length, 4);
  for (const key of ['layer', 'head', 'previousToken', 'duplicateToken', 'induction']) {
    assert.equal(typeof scores[0][key], 'number');
  }
});

test('generate: same seed, same text; the text streams without --json', async () => {
  const args = ['generate', PROMPT, '-m', folder, '-n', '4', '--temperature', '1', '--seed', '3'];
  const first = await glassboxJson(...args);
  const second = await glassboxJson(...args);
  assert.deepEqual(first.tokens, second.tokens);
  assert.equal(first.logprobs.length, first.tokens.length);
  const { out } = await glassbox(...args);
  assert.equal(out.trim(), first.text.trim());
});

test('models: inspect and verify', async () => {
  const { parameters, tensors } = await glassboxJson('models', 'inspect', folder);
  assert.ok(parameters > 0 && tensors.length > 0);
  const reference = join(families, 'gpt2/reference.safetensors');
  const {
    ok,
    maxAbs,
    tensors: compared,
  } = await glassboxJson(...['models', 'verify', join(families, 'gpt2'), '--reference', reference]);
  assert.ok(ok && maxAbs <= 1e-4);
  assert.deepEqual(Object.keys(compared[0]), ['name', 'maxAbs', 'maxRel']);
  const strict = ['models', 'verify', join(families, 'gpt2'), '--reference', reference];
  const { code } = await glassbox(...strict, '--tolerance', '0', '--json');
  assert.equal(code, 1);
});

test('export: an ONNX file', async () => {
  const out = join(scratch, 'model.onnx');
  const edits = '{"at": "blocks.0.hook_mlp_out", "op": "zero"}';
  const { outputs } = await glassboxJson(
    'export',
    out,
    '-m',
    folder,
    '-e',
    edits,
    '--record',
    'hook_embed',
  );
  assert.deepEqual(outputs.sort(), ['hook_embed', 'logits']);
  assert.ok((await stat(out)).size > 1000);
});

test('what is wrong is said once, as JSON on stdout or text on stderr, with exit code 2', async () => {
  const cases: [string[], string][] = [
    [['nonsense'], 'bad-command-line'],
    [['lens'], 'bad-command-line'],
    [['lens', 'a1', '--nope'], 'bad-command-line'],
    [['lens', 'a1', '-m', '/no/such/folder'], 'unknown-model'],
    [['lens', 'a1', '-m', 'owner/never-pulled'], 'unknown-model'],
    [['lens', '', '-m', folder], 'empty-prompt'],
    [['lens', 'a1', '-m', folder, '--top', 'x'], 'bad-option'],
    [['lens', 'a1', '-m', folder, '--dla'], 'bad-option'],
    [['lens', 'a1', '-m', folder, '--dla', '--target', '#99999'], 'bad-token'],
    [['tokens', 'a1 '.repeat(500), '-m', folder], 'prompt-too-long'],
    [['edit', 'a1', '-m', folder, '-e', '{'], 'bad-json'],
    [['edit', 'a1', '-m', folder, '-e', '@/no/file'], 'no-file'],
    [['edit', 'a1', '-m', folder, '-e', '[{"at": "x", "op": "zero"}]'], 'unknown-address'],
    [['cache', 'a1', '-m', folder], 'bad-option'],
    [['organisms', 'eval', '--only', 'nothing', '-m', folder], 'unknown-evaluation'],
  ];
  for (const [argv, code] of cases) {
    const asJson = await glassbox(...argv, '--json');
    assert.equal(asJson.code, 2, `${argv.join(' ')}: ${asJson.out}${asJson.err}`);
    const { error } = JSON.parse(asJson.out);
    assert.equal(error.code, code, argv.join(' '));
    assert.ok(error.message && error.remedy);
    const asText = await glassbox(...argv);
    assert.equal(asText.code, 2);
    assert.equal(asText.out, '');
    assert.match(asText.err, /^error: /);
  }
});

test('progress shows share and time left; durations read naturally', () => {
  const text = formatProgress({ label: 'training', done: 25, total: 100, unit: 'steps' }, 10);
  assert.match(text, /training .* 25 % {2}25\/100 steps {2}ETA 30 s/);
  // Half was done before the clock started: ten seconds for 25 steps, so 25 more take ten.
  const resumed = formatProgress({ label: 'x', done: 75, total: 100, unit: 'steps' }, 10, 50);
  assert.match(resumed, /ETA 10 s/);
  assert.equal(formatProgress({ label: 'x', done: 12_345, unit: 'tokens' }, 1), 'x  12.3k tokens');
  assert.deepEqual([59, 61, 3600].map(formatDuration), ['59 s', '1 min 01 s', '1 h 00 min']);
});

test('tables pad wide characters, and there is no negative zero', () => {
  assert.equal(
    table(
      ['t', 'n'],
      [
        ['詞元', 5],
        ['ab', 10],
      ],
    ),
    't      n\n詞元   5\nab    10',
  );
  assert.deepEqual([fixed(-0.0001, 2), fixed(Number.NaN), fixed(-1.5, 1)], ['0.00', '–', '-1.5']);
});
