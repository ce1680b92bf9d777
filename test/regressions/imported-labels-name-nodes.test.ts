import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startLab } from '../../src/lab/server.ts';
import { labClient } from '../../src/lab/testing/client.ts';
import { addImported } from '../../src/microscope/dictionary/imported/store.ts';
import type { ImportedFeature } from '../../src/microscope/dictionary/imported/types.ts';
import { glassboxJson } from '../support/cli.ts';
import { writeModelWithDictionaries } from '../support/dictionary-model.ts';

const PROMPT = 'When Mary and John went to the store, John gave a drink to';
const ASKED = { prompt: PROMPT, target: ' Mary', distractor: ' John', nodeShare: 1 };
const SOURCE = 'gpt2-small/0-mlp';
const TEXT = 'names of people';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-imported-'));
await writeModelWithDictionaries(folder);
after(() => rm(folder, { recursive: true }));

/** Asks a lab of its own: one that answered before remembers what it said. */
async function withLab(ask: (post: ReturnType<typeof labClient>['post']) => Promise<void>) {
  const lab = await startLab({ model: folder, port: 0, warm: false, page: null });
  await ask(labClient(lab.url).post).finally(() => lab.close());
}

let [layer, index] = [0, 0];

const page = (feature: number, text: string): ImportedFeature => ({
  feature,
  labels: [{ text, by: null }],
  density: null,
  max: null,
  top: [],
  bottom: [],
  activations: null,
  groups: [],
});

// What was imported showed on the feature's card alone: graphs and the search had numbers only.
test('an imported description names nodes, is found, and says where it is from', async () => {
  await withLab(async (post) => {
    const { nodes } = (await post('/api/trace', ASKED)).body;
    ({ layer, index } = nodes.find((node) => node.kind === 'feature' && node.layer === 0)!);
  });
  const features = [page(index, TEXT), page(index === 0 ? 1 : 0, 'river')];
  const source = { format: 'neuronpedia', name: SOURCE } as const;
  await addImported(join(folder, 'dictionaries', 'transcoder-0'), { source, features });

  await withLab(async (post) => {
    const named = (await post('/api/trace', ASKED)).body.nodes;
    for (const node of named) {
      const is = node.kind === 'feature' && node.layer === layer && node.index === index;
      if (is) assert.deepEqual([node.label, node.labelFrom], [TEXT, SOURCE]);
      else assert.notEqual(node.label, TEXT);
    }

    const imported = { text: TEXT, by: null, source: SOURCE };
    const { nodeShare: _, ...asked } = ASKED;
    const { features: active } = (await post('/api/features', { ...asked, limit: 5000 })).body;
    const own = active.filter((one) => one.layer === layer && one.index === index);
    assert.ok(own.length > 0);
    // It is never a scored label.
    for (const one of own) assert.deepEqual([one.label, one.imported], [null, imported]);

    const found = (await post('/api/find-features', { query: 'People names' })).body.features;
    assert.deepEqual(
      found.map((one) => [one.layer, one.index, one.label, one.imported]),
      [[layer, index, null, imported]],
    );
    const all = (await post('/api/find-features', { query: '', source: 'imported' })).body;
    assert.equal(all.total, 2);
    // It stands before what has no name at all.
    const list = (await post('/api/find-features', { query: '', limit: 3 })).body.features;
    assert.deepEqual(
      list.map(({ imported: own }) => own !== null),
      [true, true, false],
    );
    const none = (await post('/api/find-features', { query: TEXT, source: 'none' })).body;
    assert.equal(none.total, 0);
  });
});

test('a graph file written by the command line has it with its source', async () => {
  const pair = ['--target', ' Mary', '--distractor', ' John', '--node-share', '1'];
  const { graph } = await glassboxJson('trace', PROMPT, '--model', folder, ...pair);
  const written = graph.nodes.filter(({ clerp }: { clerp: string }) => clerp.includes(SOURCE));
  assert.ok(written.length > 0);
  const labels = new Set(written.map(({ clerp }: { clerp: string }) => clerp));
  assert.ok(labels.has(`${TEXT} (${SOURCE})`));
});
