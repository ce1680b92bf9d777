import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, glassboxJson, refusal, refusalOf } from '../../test/support/cli.ts';
import { parseGraphFile } from '../microscope/graph/index.ts';

const root = join(import.meta.dirname, '../..');
const graphs = join(root, 'test/fixtures/graphs');
const folder = await mkdtemp(join(tmpdir(), 'glassbox-graph-file-'));
after(() => rm(folder, { recursive: true }));

async function open(path: string, ...more: string[]) {
  const { code, out } = await glassbox('trace', '--open', path, ...more, '--json');
  return { code, json: JSON.parse(out) };
}

async function refused(path: string, code: string, message: RegExp, ...more: string[]) {
  const error = await refusalOf('trace', '--open', path, ...more);
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

test('circuit-tracer’s JSON and its .pt of the same graph say the same', async () => {
  for (const kind of ['per-layer', 'cross-layer']) {
    const of = (name: string) => join(graphs, `circuit-tracer-${kind}`, name);
    const fromJson = await open(of('graph.json'));
    const tokenizer = join(root, 'test/fixtures/tokenizers/byte-level');
    const out = join(folder, `${kind}.json`);
    const fromTorch = await open(of('graph.pt'), '--tokenizer', tokenizer, '--out', out);
    for (const { code } of [fromJson, fromTorch]) assert.equal(code, 0);
    const same = ['prompt', 'tokens', 'scan', 'layers', 'nodes', 'links'];
    for (const field of same) assert.deepEqual(fromTorch.json[field], fromJson.json[field], field);
    assert.ok(
      Math.abs(fromTorch.json.scores.replacement - fromJson.json.scores.replacement) < 1e-5,
    );
    assert.deepEqual(
      fromTorch.json.outputs.map((one: { label: string }) => one.label),
      fromJson.json.outputs.map((one: { label: string }) => one.label),
    );
    const written = parseGraphFile(JSON.parse(await readFile(out, 'utf8')));
    assert.equal(new Set(written.nodes.map(({ node_id }) => node_id)).size, written.nodes.length);
  }
});

test('what a reader added, and what is not known, is told', async () => {
  const source = JSON.parse(
    await readFile(join(graphs, 'circuit-tracer-per-layer', 'graph.json'), 'utf8'),
  );
  const path = join(folder, 'annotated.json');
  source.qParams = { pinnedIds: '1_3_10,gone', supernodes: '[["two","0_5_10","0_6_10"]]' };
  source.nodes.push({ ...source.nodes[1], node_id: 'n', feature_type: 'neuron' });
  await writeFile(path, JSON.stringify(source));
  const out = join(folder, 'again.json');
  const { code, json } = await open(path, '--out', out);
  assert.equal(code, 0);
  assert.deepEqual(json.pins, ['1_3_10']);
  assert.deepEqual(json.supernodes, [{ label: 'two', nodes: ['0_5_10', '0_6_10'] }]);
  assert.match(json.notes.join('\n'), /1 nodes of the unknown type "neuron" are left out/);
  assert.match(json.notes.join('\n'), /1 ids among pins and supernodes are no nodes/);
  const again = await open(out);
  assert.deepEqual({ ...again.json, file: null }, { ...json, file: null });
});

test('files that are no graphs are refused by name, with one error', async () => {
  const source = await readFile(join(graphs, 'circuit-tracer-per-layer', 'graph.json'), 'utf8');
  const changed = async (name: string, change: (file: Record<string, never>) => unknown) => {
    const path = join(folder, name);
    await writeFile(path, JSON.stringify(change(JSON.parse(source))));
    return path;
  };
  type Any = { nodes: { node_id: string }[]; links: { source: string; weight: unknown }[] };
  const dangling = await changed('dangling.json', (file) => {
    (file as unknown as Any).links[3].source = '9_9_9';
    return file;
  });
  await refused(
    dangling,
    'bad-graph-file',
    /dangling.json: link 3 ends at 9_9_9, which is no node/,
  );
  const twice = await changed('twice.json', (file) => {
    const { nodes } = file as unknown as Any;
    return { ...file, nodes: [...nodes, nodes[2]] };
  });
  await refused(twice, 'bad-graph-file', /0_6_10 \(cross layer transcoder\) occurs twice/);
  const weight = await changed('weight.json', (file) => {
    (file as unknown as Any).links[0].weight = null;
    return file;
  });
  await refused(weight, 'bad-graph-file', /links\.0\.weight/);
  const bare = await changed('bare.json', () => ({ nodes: [] }));
  await refused(bare, 'bad-graph-file', /metadata/);
  await writeFile(join(folder, 'text.json'), 'graph');
  await refused(join(folder, 'text.json'), 'bad-graph-file', /not JSON/);
  await refused(join(folder, 'nowhere.json'), 'no-file', /cannot read/);
  const dictionaries = join(root, 'test/fixtures/dictionaries');
  await refused(join(dictionaries, 'unsafe.pt'), 'unsafe-pickle', /system/);
  await refused(join(dictionaries, 'views.pt'), 'bad-graph-file', /active_features is missing/);
  const cut = join(folder, 'cut.pt');
  await copyFile(join(graphs, 'circuit-tracer-per-layer', 'graph.pt'), cut);
  await writeFile(cut, (await readFile(cut)).subarray(0, 9000));
  await refused(cut, 'bad-torch-file', /cut\.pt/);
});

test('a prompt and a file at once, or neither, are refused', async () => {
  await refused(
    join(graphs, 'circuit-tracer-per-layer', 'graph.json'),
    'bad-command-line',
    /prompt too/,
    'a prompt',
  );
  assert.equal(await refusal('trace'), 'bad-command-line');
});

test('a folder for other front ends holds the graph and every feature of it', async () => {
  const site = join(folder, 'site');
  const trace = (prompt: string) =>
    glassboxJson('trace', prompt, '--max-logits', '1', '--front-end', site);
  await trace('3 + 4 =');
  const { frontEnd } = await trace('The river of the state containing Daekwell is');
  const read = async (...name: string[]) => JSON.parse(await readFile(join(site, ...name), 'utf8'));
  const { graphs: listed } = await read('graph-metadata.json');
  assert.deepEqual(
    listed.map(({ prompt }: { prompt: string }) => prompt.replace(/^<[^>]+>/, '')),
    ['3 + 4 =', 'The river of the state containing Daekwell is'],
  );
  const { slug, scan } = listed[1];
  const graph = parseGraphFile(await read(`${slug}.json`));
  assert.equal(scan, graph.metadata.scan);
  const features = graph.nodes.filter((node) => node.feature_type === 'cross layer transcoder');
  const numbers = new Set(features.map(({ feature }) => feature));
  assert.deepEqual([frontEnd.features, frontEnd.without], [numbers.size, 0]);
  for (const number of numbers) {
    const json = await read('features', `${number}.json`);
    assert.ok(json.examples_quantiles[0].examples.length > 0);
    const [{ tokens, tokens_acts_list: acts, train_token_ind: at }] =
      json.examples_quantiles[0].examples;
    assert.equal(tokens.length, acts.length);
    assert.ok(acts[at] > 0 && acts[at] <= json.act_max + 1e-4);
    assert.equal(json.quantile_values.length, 100);
    assert.ok(
      json.quantile_values.every(
        (value: number, i: number) => i === 0 || value >= json.quantile_values[i - 1],
      ),
    );
  }
});
