import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, glassboxJson } from '../../test/support/cli.ts';
import { randomSet } from '../../test/support/dictionaries.ts';
import {
  dictionaryHash,
  findDictionaries,
  loadDictionary,
  readLabels,
  saveDictionary,
} from '../microscope/dictionary/index.ts';
import { DEFAULT_MODEL, findModel, openModel } from '../model/index.ts';
import { EXIT } from './command.ts';
import { run } from './run.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-label-'));
after(() => rm(scratch, { recursive: true }));

const model = await openModel(DEFAULT_MODEL);
const set = join(scratch, 'set');
const { dictionaries } = randomSet(model, { width: 24, activation: { kind: 'topk', k: 4 } });
for (const [layer, dictionary] of dictionaries.entries()) {
  await saveDictionary(join(set, `transcoder-${layer}`), dictionary);
}
const small = ['--rows', '24', '--held-out-rows', '16'];

test('dict label compares with planted concepts and with random directions, and writes labels', async () => {
  const result = await glassboxJson('dict', 'label', set, ...small, '--baseline');
  assert.equal(result.dictionaries.length, 4);
  assert.ok(result.concepts > 100, String(result.concepts));
  for (const { folder, summary, random } of result.dictionaries) {
    const { concept, tokens, weak, rare } = summary;
    assert.equal(concept.n, summary.fired);
    assert.equal(concept.correct + tokens.correct + weak.correct + rare.correct, summary.fired);
    assert.equal(
      summary.histogram.reduce((a: number, b: number) => a + b),
      summary.fired,
    );
    assert.ok(random.fired > 0);
    assert.ok(existsSync(join(folder, 'labels.json')));
  }
  const { out } = await glassbox('dict', 'label', set, ...small, '--baseline', '--dry-run');
  assert.match(out, /random directions/);
  assert.match(
    out,
    /bars: F1 0\.5, and 0\.8 of the largest activations, on \d+ held-out documents/,
  );
});

test('labelling that was interrupted goes on where it stopped, with the same result', async () => {
  const place = join(scratch, 'interrupted');
  for (const [layer, dictionary] of dictionaries.entries()) {
    await saveDictionary(join(place, `transcoder-${layer}`), dictionary);
  }
  const read = (root: string, layer: number) =>
    readFile(join(root, `transcoder-${layer}`, 'labels.json'), 'utf8').catch(() => null);
  const args = ['dict', 'label', place, ...small, '--baseline', '--json'];
  const quiet = { stdout: { write: () => true }, stderr: { write: () => true } };
  const first = join(place, 'transcoder-0', 'labels.json');
  const watching = setInterval(() => {
    if (!existsSync(first)) return;
    clearInterval(watching);
    process.emit('SIGINT');
  }, 2);
  assert.equal(await run(args, quiet), EXIT.interrupted);
  clearInterval(watching);
  assert.ok(existsSync(first));
  assert.ok((await read(place, 3)) === null, 'it was stopped before the end');
  const before = await stat(first);
  const { dictionaries: found } = JSON.parse((await glassbox(...args)).out);
  assert.equal(found[0].kept, true);
  assert.equal(found[3].kept, false);
  assert.equal((await stat(first)).ino, before.ino);
  for (const layer of dictionaries.keys()) {
    assert.ok((await read(place, layer)) === (await read(set, layer)), `layer ${layer}`);
  }
  const other = await glassboxJson(...args.slice(0, 3), ...small, '--seed', '7', '--dry-run');
  assert.equal(other.dictionaries[0].kept, false, 'other text, other labels');
  const again = await glassboxJson(...args.slice(0, -1), '--again', '--dry-run');
  assert.equal(again.dictionaries[0].kept, false);
});

test('labels are shown by dict features and stand in graphs', async () => {
  const path = join(set, 'transcoder-1');
  const { labelled } = JSON.parse(await readFile(join(path, 'labels.json'), 'utf8'));
  const text = ['--text', '37 + 48 ='];
  const { features } = await glassboxJson('dict', 'features', path, ...text);
  assert.ok(features.length > 0);
  for (const { feature, label } of features) {
    const known = labelled.some(([number]: number[]) => number === feature);
    assert.equal(label !== null, known);
    if (label) assert.ok(label.low <= label.score && label.score <= label.high, label.label);
  }
  const { graph } = await glassboxJson('trace', '37 + 48 =', '--dictionaries', set);
  const clerps = graph.nodes
    .filter(({ feature_type }: { feature_type: string }) => feature_type.includes('transcoder'))
    .map(({ clerp }: { clerp: string }) => clerp);
  assert.ok(
    clerps.some((clerp: string) => clerp !== ''),
    clerps.join(),
  );
});

test('shipped labels belong to the shipped dictionaries', async () => {
  const { folder } = await findModel(DEFAULT_MODEL);
  const folders = await findDictionaries(join(folder, 'dictionaries'));
  assert.ok(folders.length > 0);
  for (const path of folders) {
    const labels = await readLabels(path);
    const dictionary = await loadDictionary(path);
    assert.equal(labels?.dictionary, dictionaryHash(dictionary), path);
    assert.ok(labels.labelled.some(({ source }) => source === 'concept'));
  }
});

test('dict probe asks few features what a text is about', async () => {
  const path = join(set, 'transcoder-1');
  const { results } = await glassboxJson(
    'dict',
    'probe',
    path,
    '--task',
    'mechanism',
    '--count',
    '8',
  );
  const [{ task, rows, f1, absorption, concepts }] = results;
  assert.equal(task, 'mechanism');
  assert.equal(concepts.length, 16);
  assert.equal(rows, 16 * 8);
  for (const { value, low, high, n } of [f1[1], f1[2], f1[5], f1.model]) {
    assert.ok(low <= value && value <= high && n === 16);
  }
  assert.ok(absorption.fraction.n <= 16);
  const { code, err } = await glassbox('dict', 'probe', path, '--task', 'letters');
  assert.equal(code, 2);
  assert.match(err, /mechanism, word, state/);
});

test('text of one’s own gives labels of tokens', async () => {
  const text = join(scratch, 'text.txt');
  const lines = Array.from({ length: 40 }, (_, i) => `${10 + i} + ${90 - i} = 100`);
  await writeFile(text, lines.join('\n'));
  const path = join(set, 'transcoder-2');
  const result = await glassboxJson('dict', 'label', path, '--corpus', text);
  assert.equal(result.concepts, 0);
  assert.equal(result.dictionaries[0].summary.concept.correct, 0);
  const one = join(scratch, 'one.txt');
  await writeFile(one, '1 + 1');
  const { code, err } = await glassbox('dict', 'label', path, '--corpus', one);
  assert.equal(code, 2);
  assert.match(err, /one row only/);
});

test('another model explains features on request, and is not asked twice', async () => {
  let asked = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => {
      asked++;
      const [system, user] = JSON.parse(body).messages;
      const texts = user.content.split(/\n\nText \d+: /).length - 1;
      const content = system.content.includes('EXPLANATION')
        ? 'EXPLANATION: everything'
        : user.content.includes('Tokens: ')
          ? 'I would rather not.'
          : `[${new Array(texts).fill(1).join(',')}]`;
      response.end(JSON.stringify({ choices: [{ message: { content } }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const path = join(set, 'transcoder-3');
  const args = ['--endpoint', `http://127.0.0.1:${port}/v1`, '--endpoint-model', 'judge'];
  try {
    const result = await glassboxJson('dict', 'label', path, ...small, ...args, '--sample', '2');
    const { explained } = result.dictionaries[0];
    assert.equal(explained.length, 2);
    for (const { explanation } of explained) {
      assert.equal(explanation.text, 'everything');
      assert.notEqual(explanation.detection.outcome, 'supported');
      assert.equal(explanation.simulation.outcome, 'notAssessed');
    }
    const saved = JSON.parse(await readFile(join(path, 'labels.json'), 'utf8'));
    assert.equal(saved.explanations.length, 2);
    const before = asked;
    const again = await glassboxJson('dict', 'label', path, ...small, ...args, '--sample', '2');
    assert.equal(asked, before);
    assert.deepEqual(again.dictionaries[0].explained, []);
    const kept = JSON.parse(await readFile(join(path, 'labels.json'), 'utf8'));
    assert.equal(kept.explanations.length, 2);
    const { out } = await glassbox('dict', 'label', path, ...small, ...args, '--features', '0');
    assert.match(out, /explanation of random texts/);
  } finally {
    server.close();
  }
  const nameless = await glassbox('dict', 'label', path, ...args.slice(0, 2));
  assert.equal(nameless.code, 2);
  assert.match(nameless.err, /name of a model/);
});
