import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeModelWithDictionaries } from '../../test/support/dictionary-model.ts';
import { loadDictionary, saveDictionary } from '../microscope/dictionary/files.ts';
import { dictionaryHash, harvest } from '../microscope/dictionary/harvest/harvest.ts';
import { addImported } from '../microscope/dictionary/imported/store.ts';
import { writeLabels } from '../microscope/dictionary/labels/store.ts';
import type { FeatureLabels } from '../microscope/dictionary/labels/types.ts';
import { encodePrompt } from '../microscope/prompt.ts';
import { openModel } from '../model/index.ts';
import type { LabPosts, Sourced, TraceResponse } from './api.ts';
import { startLab } from './server.ts';
import { labClient } from './testing/client.ts';
import { startTinyLab, type TinyLab } from './testing/tiny-lab.ts';
import { writeTinyModel } from './testing/tiny-model.ts';

const PROMPT = 'When Mary and John went to the store, John gave a drink to';
const ASKED = { prompt: PROMPT, target: ' Mary', distractor: ' John' };
let folder: string;
let tiny: TinyLab;
let client: ReturnType<typeof labClient>;

before(async () => {
  tiny = await startTinyLab(writeModelWithDictionaries);
  ({ client, folder } = tiny);
});

after(() => tiny.close());

async function ask<P extends keyof LabPosts>(path: P, body: LabPosts[P]['request']) {
  const answer = await client.post(path, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body.error));
  return answer.body;
}

/** Runs the code of an answer against the sources of this checkout. */
let snippets = 0;
// biome-ignore lint/suspicious/noExplicitAny: each snippet has a result of its own kind.
async function runCode({ provenance }: Sourced): Promise<any> {
  const src = join(import.meta.dirname, '..');
  const code = provenance.code!.replace(/'glassbox\/(\w+)'/g, (_, name) =>
    JSON.stringify(pathToFileURL(join(src, name, 'index.ts')).href),
  );
  const path = join(folder, `snippet-${snippets++}.mts`);
  await writeFile(path, code.replace('console.log(result);', 'export { result };'));
  return (await import(pathToFileURL(path).href)).result;
}

const near = (a: number, b: number) =>
  assert.ok(Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b)), `${a} and ${b}`);

const feature = ({ nodes }: TraceResponse) => nodes.find(({ kind }) => kind === 'feature')!;

test('what dictionaries a model has', async () => {
  const { set, dictionaries } = await ask('/api/dictionaries', {});
  const names = [0, 1, 2, 3].map((layer) => `transcoder-${layer}`);
  assert.deepEqual(set, { kind: 'per-layer', features: 4 * 64, names });
  assert.deepEqual(
    dictionaries.map(({ name, layer, activation }) => [name, layer, activation]),
    [0, 1, 2, 3].map((layer) => [`transcoder-${layer}`, layer, 'topk 6']),
  );
});

test('a graph says what it shows and what it hides, and its code gives it again', async () => {
  const graph = await ask('/api/trace', ASKED);
  const { nodes, links, shown, total, hidden } = graph;
  assert.equal(nodes.length, shown.nodes);
  assert.equal(links.weight.length, shown.links);
  const missing = (what: string) =>
    hidden.reduce((sum, one) => (one.what === what ? sum + one.count : sum), 0);
  assert.equal(shown.nodes + missing('nodes'), total.nodes);
  assert.equal(shown.links + missing('links'), total.links);
  assert.equal(new Set(nodes.map(({ key }) => key)).size, nodes.length);
  assert.equal(graph.targets.length, 1);
  for (const value of Object.values(graph.scores)) assert.ok(value >= 0 && value <= 1);
  assert.match(
    graph.provenance.command!,
    /^glassbox trace .*--target ' Mary' --distractor ' John'/,
  );
  const file = await runCode(graph);
  assert.equal(file.nodes.length, nodes.length);
  assert.equal(file.links.length, links.weight.length);

  const less = await ask('/api/trace', { ...ASKED, nodeShare: 0.4 });
  assert.ok(less.shown.nodes < shown.nodes);
  assert.deepEqual(less.scores, graph.scores);
});

test('the most influential hidden nodes are named, and features say how often they fire', async () => {
  const graph = await ask('/api/trace', { ...ASKED, nodeShare: 0.4 });
  const whole = await ask('/api/trace', { ...ASKED, nodeShare: 1, edgeShare: 1 });
  const shown = new Set(graph.nodes.map(({ key }) => key));
  const expected = whole.nodes
    .filter(({ key }) => !shown.has(key))
    .sort((a, b) => b.influence - a.influence);
  const { largestHidden } = graph;
  assert.deepEqual(
    largestHidden.map(({ influence }) => influence),
    expected.slice(0, largestHidden.length).map(({ influence }) => influence),
  );
  assert.ok(largestHidden.every(({ key, why }) => !shown.has(key) && why === 'pruned'));
  for (const { kind, presence, layer, index } of whole.nodes) {
    const places = whole.nodes.filter(
      (one) => one.kind === 'feature' && one.layer === layer && one.index === index,
    );
    if (kind !== 'feature') assert.equal(presence, null);
    // Those that lead nowhere are pruned even at 100 %.
    else assert.ok(presence! >= places.length / whole.tokens.length && presence! <= 1);
  }
});

test('scores of a subgraph: those of the graph with all features, lower with fewer', async () => {
  const { nodes, scores } = await ask('/api/trace', ASKED);
  const { features } = await ask('/api/features', { ...ASKED, limit: 5000 });
  const every = features.map(({ key }) => key!);
  const all = await ask('/api/subgraph-scores', { ...ASKED, nodes: every });
  near(all.replacement, scores.replacement);
  near(all.completeness, scores.completeness);
  const some = nodes.filter(({ kind }) => kind === 'feature').map(({ key }) => key);
  const few = await ask('/api/subgraph-scores', { ...ASKED, nodes: some });
  assert.ok(few.replacement < all.replacement);
  near((await runCode(few)).replacement, few.replacement);
  const none = await ask('/api/subgraph-scores', { ...ASKED, nodes: [] });
  assert.ok(none.replacement < few.replacement);
});

test('a change is predicted and measured; without attention and MLPs answering they agree', async () => {
  const graph = await ask('/api/trace', ASKED);
  const changes = [{ node: feature(graph).key, factor: 0 }];
  const direct = await ask('/api/graph-intervention', { ...ASKED, changes, mode: 'direct' });
  const [{ label, measured }] = direct.targets;
  assert.match(label, /Mary.*John/);
  const row = await ask('/api/features', { ...ASKED, limit: 5000 });
  const effect = row.features.find(({ key }) => key === changes[0].node)!.effect!;
  near(measured, -effect);
  const again = await runCode(direct);
  near(again.predicted[0], direct.targets[0].predicted);
  near(again.measured[0], measured);

  const validity = await ask('/api/graph-validity', { ...ASKED, features: 4 });
  assert.equal(validity.n, 4);
  assert.equal(validity.points.length, 4);
  assert.equal(validity.provenance.seed, 0);
});

test('an edge splits over heads, a score over pairs, and features group', async () => {
  const graph = await ask('/api/trace', ASKED);
  const { nodes, links } = graph;
  const at = links.target.findIndex(
    (target, i) =>
      nodes[target].kind === 'feature' && nodes[links.source[i]].position < nodes[target].position,
  );
  const [source, target] = [nodes[links.source[at]], nodes[links.target[at]]];
  const split = await ask('/api/head-loadings', {
    ...ASKED,
    edge: { source: source.key, target: target.key },
  });
  near(split.edge, links.weight[at]);
  for (const { heads, bypass } of split.layers) {
    assert.ok(Math.abs(heads.reduce((a, b) => a + b, bypass) - split.edge) < 1e-4);
  }
  near((await runCode(split)).edge, split.edge);

  const place = { layer: 1, head: 0, query: target.position, key: source.position };
  const scored = await ask('/api/qk', { ...ASKED, ...place, limit: 5 });
  assert.equal(scored.pairs.length, 5);
  near((await runCode(scored)).score, scored.score);

  const { groups } = await ask('/api/groups', { ...ASKED, threshold: -1 });
  assert.ok(groups.every((group) => group.nodes.length > 1));
  const own = new Set((await ask('/api/features', { ...ASKED })).features.map(({ key }) => key));
  for (const { nodes: members } of groups) for (const key of members) assert.ok(own.has(key), key);
});

test('a feature is described without any harvest', async () => {
  const { features } = await ask('/api/features', { ...ASKED, position: 5 });
  assert.ok(features.every(({ position }) => position === 5));
  const [{ layer, index, activation }] = features;
  const found = await ask('/api/feature', { layer, index, prompt: PROMPT });
  near(found.on!.activations[5], activation);
  const named = await ask('/api/feature', {
    dictionary: `transcoder-${layer}`,
    index,
    prompt: PROMPT,
  });
  assert.match(named.provenance.command!, new RegExp(`dict features transcoder-${layer} ${index}`));
  const [activations] = await runCode(named);
  near(activations[5], activation);
  assert.equal(found.top.length, 10);
  assert.ok(found.top[0].value > 0 && found.bottom[0].value < 0);
  assert.equal(found.neighbours.length, 10);
  assert.ok(found.neighbours.every(({ value }) => Math.abs(value) <= 1 + 1e-6));
  assert.equal(
    found.logits.counts.reduce((a, b) => a + b),
    JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')).vocab_size,
  );
});

test('labels and a harvest beside a dictionary are shown, those of another one are not', async () => {
  const own = join(folder, 'dictionaries', 'transcoder-0');
  const dictionary = await loadDictionary(own);
  const model = await openModel(folder);
  const { nodes } = await ask('/api/trace', { ...ASKED, nodeShare: 1 });
  const index = nodes.find(({ kind, layer }) => kind === 'feature' && layer === 0)!.index;
  const score = {
    f1: 0.8,
    low: 0.7,
    high: 0.9,
    precision: 0.8,
    recall: 0.8,
    auc: 0.9,
    largest: 0.9,
  };
  const labels: FeatureLabels = {
    model: 'x',
    dictionary: dictionaryHash(dictionary),
    request: '',
    reads: dictionary.config.reads,
    writes: dictionary.config.writes,
    features: dictionary.config.dDict,
    bar: 0.5,
    largestBar: 0.8,
    l0: 2,
    train: { name: 'a', tokens: 10 },
    heldOut: { name: 'b', tokens: 12, documents: 3 },
    concepts: 1,
    labelled: [
      {
        feature: index,
        source: 'concept',
        fires: 30,
        concept: {
          concept: { id: 'n', label: 'a name' },
          ...score,
          positives: 4,
          threshold: 1,
        },
        tokens: null,
        promotes: [],
      },
    ],
  };
  await writeLabels(own, labels);
  await writeLabels(join(folder, 'dictionaries', 'transcoder-1'), {
    ...labels,
    reads: ['blocks.1.mlp.hook_in'],
  });
  const rows = [encodePrompt(model, PROMPT), encodePrompt(model, `${PROMPT} Mary.`)];
  await harvest(join(own, 'harvest'), model, dictionary, {
    tokens: { name: 'two rows', batch: (i) => (i === 0 ? rows : undefined) },
    batches: 1,
  });
  await model.release();

  const foreign = {
    feature: index,
    labels: [{ text: 'names of people', by: 'somebody' }],
    density: 0.01,
    max: 3,
    top: [{ text: ' Ann', value: null }],
    bottom: [],
    activations: null,
    groups: [
      {
        name: 'top',
        low: 2,
        high: 3,
        share: null,
        examples: [{ tokens: [' Ann'], acts: [3], at: 0 }],
      },
    ],
  };
  const source = { format: 'neuronpedia', name: 'gpt2-small/0-mlp' } as const;
  await addImported(own, { source, features: [foreign] });

  // The lab reads labels and what was imported once: a model that is opened anew has them.
  const fresh = await startLab({ model: folder, port: 0, warm: false, page: null });
  const other = labClient(fresh.url);
  const feature = (await other.post('/api/feature', { layer: 0, index })).body;
  assert.deepEqual(
    [feature.label?.text, feature.label?.score, feature.label?.n, feature.label?.source],
    ['a name', 0.8, 12, 'concept'],
  );
  const counted = rows.reduce((sum, row) => sum + row.length, 0);
  assert.equal(feature.harvest?.tokens, counted);
  const fired = feature.harvest!.histogram!.counts.reduce((a, b) => a + b);
  near(feature.harvest!.density, fired / counted);
  assert.equal(feature.harvest!.groups[0].name, 'top');
  const { imported } = feature;
  assert.equal(imported[0].source, 'gpt2-small/0-mlp');
  assert.deepEqual(imported[0].labels, foreign.labels);
  assert.deepEqual(imported[0].groups[0].examples[0].activations, [3]);
  const all = (await other.post('/api/features', { ...ASKED, limit: 5000 })).body.features;
  assert.ok(all.filter(({ layer }) => layer === 0).every(({ density }) => density !== null));
  assert.ok(all.filter(({ layer }) => layer !== 0).every(({ density }) => density === null));
  assert.ok(all.some(({ label }) => label?.text === 'a name'));
  assert.ok(all.every(({ layer, label }) => layer === 0 || label === null));
  await fresh.close();
});

test('what cannot be answered says why', async () => {
  const code = async (path: keyof LabPosts, body: object) => {
    const { status, body: answer } = await client.post(path, body as never);
    return [status, answer.error.code];
  };
  const changes = [{ node: '9_9_9', factor: 0 }];
  assert.deepEqual(await code('/api/graph-intervention', { ...ASKED, changes }), [400, 'bad-node']);
  assert.deepEqual(await code('/api/feature', { layer: 0, index: 64 }), [400, 'bad-feature']);
  assert.deepEqual(await code('/api/feature', { layer: 9, index: 0 }), [400, 'bad-feature']);
  assert.deepEqual(await code('/api/trace', { prompt: '' }), [400, 'empty-prompt']);
  assert.deepEqual(await code('/api/trace', { prompt: 'a', nodeShare: 2 }), [400, 'bad-request']);

  const bare = await mkdtemp(join(tmpdir(), 'lab-bare-'));
  await writeTinyModel(bare);
  const none = await ask('/api/dictionaries', { model: bare });
  assert.deepEqual([none.set, none.dictionaries], [null, []]);
  assert.deepEqual(await code('/api/trace', { model: bare, prompt: 'Tom' }), [
    400,
    'no-dictionary',
  ]);
  await rm(bare, { recursive: true });
});

test('tracing tells how far it is', async () => {
  const lines = await client.lines('/api/trace', { prompt: 'Alice went to the park' });
  assert.equal(lines.at(-1)!.type, 'result');
  assert.ok(lines.some(({ type, label }) => type === 'progress' && label === 'tracing'));
});

test('the code of an answer about autoencoders gives the same features and effects', async () => {
  const { config, params } = await loadDictionary(join(folder, 'dictionaries', 'transcoder-2'));
  const at = 'blocks.2.hook_resid_post';
  const autoencoder = { params, config: { ...config, reads: [at], writes: [at] } };
  await saveDictionary(join(folder, 'dictionaries', 'resid-2'), autoencoder);
  const asked = { ...ASKED, of: 'autoencoders' as const, position: 5 };
  const answer = await ask('/api/features', asked);
  const again = await runCode(answer);
  assert.ok(answer.features.length > 0);
  assert.equal(again.length, answer.features.length);
  for (const { index, activation, effect } of answer.features) {
    const same = again.find((one: { index: number }) => one.index === index);
    near(same.activation, activation);
    near(same.effect, effect!);
  }
  const feature = `resid-2:${answer.features[0].index}`;
  const edits = [{ at, op: 'feature' as const, feature, strength: 0 }];
  const changed = await ask('/api/interventions', { ...ASKED, edits });
  near((await runCode(changed)).answers.after.metric, changed.after.answer!.metric);
  const dose = { ...ASKED, edits, edit: 0, strengths: [0, 1], baselines: 2 };
  const swept = await ask('/api/dose', dose);
  near(swept.points[1].metric, swept.clean);
  near((await runCode(swept)).points[0].metric, swept.points[0].metric);

  const compared = await ask('/api/compare-dictionaries', {});
  assert.equal((await runCode(compared)).length, compared.dictionaries.length);
});
