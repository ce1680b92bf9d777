import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadDictionary, RunFollower } from '../../src/microscope/dictionary/index.ts';
import { glassbox, glassboxJson } from '../support/cli.ts';
import { writeWordsModel } from '../support/words-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-logs-'));
after(() => rm(folder, { recursive: true }));
const words = join(folder, 'words');
await writeWordsModel(words);
const text = join(folder, 'text.txt');
await writeFile(text, 'a3 a4 a5 a6 a7 a8\r\n'.repeat(40));

async function writeConfig(name: string, more: object): Promise<string> {
  const config = {
    model: words,
    corpus: { text },
    out: join(folder, name),
    rows: 16,
    steps: 4,
    dictionaries: [
      {
        name: 'sae',
        kind: 'autoencoder',
        at: 'blocks.0.hook_resid_post',
        width: 8,
        rule: { kind: 'topk', k: 2 },
      },
    ],
    ...more,
  };
  const path = join(folder, `${name}.json`);
  await writeFile(path, JSON.stringify(config));
  return path;
}

// The page asks for the list of runs and for one of them at a time: every step was counted twice.
test('a log that is asked for twice at a time is read once', async () => {
  const run = join(folder, 'twice', 'run');
  await mkdir(run, { recursive: true });
  const report = { loss: 1, mse: 1, explainedVariance: 0, l0: 2, dead: 0, gradNorm: 1 };
  const events = [
    { time: 1, type: 'started', step: 0, steps: 3, tasks: ['a'] },
    ...[0, 1, 2].map((step) => ({
      time: 2,
      type: 'step',
      step,
      rowsPerSecond: 1,
      lr: 1,
      tasks: { a: report },
    })),
  ];
  await writeFile(
    join(run, 'events.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  );
  const follower = new RunFollower([join(folder, 'twice')]);
  const [[one]] = await Promise.all([follower.list(), follower.list()]);
  assert.deepEqual(one.course.at, [1, 2, 3]);
});

// What a killed process had begun to write took the first event of the next one with it.
test('the log of a training that was killed in the middle of a line goes on with a whole one', async () => {
  const config = await writeConfig('killed', {});
  const run = join(folder, 'killed', 'run');
  await mkdir(run, { recursive: true });
  const cut = '{"time":1,"type":"st';
  await writeFile(join(run, 'events.jsonl'), cut);
  await glassboxJson('dict', 'train', config);
  const [first, second] = (await readFile(join(run, 'events.jsonl'), 'utf8')).split('\n');
  assert.equal(first, cut);
  assert.equal(JSON.parse(second).type, 'started');
});

// A full disk ended the process with an unhandled rejection, whatever had been trained.
test('a log that cannot be written stops no training', async () => {
  const config = await writeConfig('unwritable', {});
  await mkdir(join(folder, 'unwritable', 'run', 'events.jsonl'), { recursive: true });
  const { code, err } = await glassbox('dict', 'train', config, '--json');
  assert.equal(code, 0, err);
  assert.equal(err.match(/The log cannot be written/g)?.length, 1);
});

// What failed while figures were taken lost the dictionaries, again at every later attempt.
test('dictionaries are saved before they are measured, without figures of former ones', async () => {
  const empty = join(folder, 'empty.txt');
  await writeFile(empty, '\n');
  const config = await writeConfig('unmeasured', { heldOut: { text: empty } });
  const out = join(folder, 'unmeasured', 'sae');
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'metrics.json'), '{}');
  const { code } = await glassbox('dict', 'train', config, '--json');
  assert.equal(code, 2);
  assert.equal((await loadDictionary(out)).config.dDict, 8);
  await assert.rejects(readFile(join(out, 'metrics.json')), { code: 'ENOENT' });
});
