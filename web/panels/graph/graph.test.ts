import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseGraphFile } from '../../../src/microscope/graph/file.ts';
import { graphScores, influence, normaliseRows } from '../../../src/microscope/graph/influence.ts';
import { pruneGraph } from '../../../src/microscope/graph/prune.ts';
import { LAYERS, randomView } from '../../../test/support/random-view.ts';
import { readGraphFile, writeGraphFile } from './file.ts';
import { pruneView } from './prune.ts';
import { connections, type GraphView, groupLinks, groupsOf, weightsTo } from './view.ts';

/** The same as the library has it: a dense matrix. */
function dense({ nodes, links }: GraphView) {
  const n = nodes.length;
  const adjacency = new Float32Array(n * n);
  links.weight.forEach((weight, i) => {
    adjacency[links.target[i] * n + links.source[i]] = weight;
  });
  const weights = nodes.map(({ probability }) => probability ?? 0);
  return { kinds: nodes.map(({ kind }) => kind), adjacency, weights };
}

const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-5, `${a} and ${b}`);

test('influence, scores and pruning are those of the library', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0.3, max: 0.999, noNaN: true }), (seed, share) => {
      const view = randomView(seed);
      const { kinds, adjacency, weights } = dense(view);
      const expected = influence(normaliseRows(adjacency, kinds.length), weights);
      view.nodes.forEach((node, i) => {
        near(node.influence, expected[i]);
      });
      const scores = graphScores(kinds, adjacency, weights);
      near(view.scores.replacement, scores.replacement);
      near(view.scores.completeness, scores.completeness);
      const kept = pruneGraph(kinds, adjacency, weights, { nodeShare: share, edgeShare: 1 });
      const pruned = pruneView(view, { nodes: share, links: 1 });
      assert.deepEqual(
        pruned.nodes.map(({ key }) => key),
        view.nodes.filter((_, i) => kept.keepNodes[i]).map(({ key }) => key),
      );
      const missing = (what: string) =>
        pruned.hidden.reduce((sum, one) => (one.what === what ? sum + one.count : sum), 0);
      assert.equal(pruned.shown.nodes + missing('nodes'), view.shown.nodes);
      assert.equal(pruned.shown.links + missing('links'), view.shown.links);
    }),
    { numRuns: 30 },
  );
});

const context = { model: 'tiny', version: '0.1.0', nodeShare: 0.8, edgeShare: 0.98 };

test('a written file is what the library reads, and reads back as the same graph', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const view = randomView(seed);
      const annotations = {
        pins: ['2_10_1', 'err_1_0'],
        supernodes: [['both', '0_10_0', '0_11_0']],
        labels: new Map([['2_10_1', 'renamed']]),
        chosen: '4_7_2',
        places: new Map([
          ['2_10_1', { x: 100, y: 20 }],
          ['err_1_0', { x: 500, y: 600 }],
          ['super:0', { x: 900, y: 1000 }],
        ]),
      };
      const text = JSON.stringify(writeGraphFile(view, annotations, context));
      const file = parseGraphFile(JSON.parse(text));
      assert.equal(file.nodes.length, view.nodes.length);
      const read = readGraphFile(text, 'graph.json');
      assert.ok('view' in read);
      assert.deepEqual(
        read.view.nodes.map(({ key, kind, layer, position, index }) => {
          return { key, kind, layer, position, index };
        }),
        view.nodes.map(({ key, kind, layer, position, index }) => {
          return { key, kind, layer, position, index };
        }),
      );
      assert.deepEqual(read.view.links, view.links);
      assert.deepEqual(read.annotations.pins, annotations.pins);
      assert.deepEqual(read.annotations.supernodes, annotations.supernodes);
      assert.deepEqual(read.annotations.places, annotations.places);
      assert.equal(read.annotations.chosen, '4_7_2');
      const renamed = read.view.nodes.find(({ key }) => key === '2_10_1');
      assert.equal(renamed?.label, 'renamed');
      assert.equal(read.view.layers, LAYERS);
    }),
    { numRuns: 10 },
  );
});

test('a file that cannot be shown says where it is wrong', () => {
  const good = () =>
    JSON.parse(
      JSON.stringify(
        writeGraphFile(
          randomView(1),
          { pins: [], supernodes: [], labels: new Map(), chosen: '', places: new Map() },
          context,
        ),
      ),
    );
  const fault = (change: (file: ReturnType<typeof good>) => void) => {
    const file = good();
    change(file);
    const read = readGraphFile(JSON.stringify(file), 'x');
    return 'fault' in read ? read.fault : undefined;
  };
  assert.equal(
    fault(() => {}),
    undefined,
  );
  assert.deepEqual(readGraphFile('{', 'x'), { fault: { kind: 'json' } });
  assert.deepEqual(readGraphFile('[]', 'x'), { fault: { kind: 'shape', what: 'the file' } });
  assert.deepEqual(fault((file) => file.nodes.push(file.nodes[0]))?.kind, 'twice');
  assert.deepEqual(
    fault((file) => {
      file.links[0].target = 'nowhere';
    }),
    { kind: 'dangling', what: 'nowhere' },
  );
  assert.equal(
    fault((file) => {
      file.links[0].weight = null;
    })?.kind,
    'weight',
  );
  assert.deepEqual(
    fault((file) => {
      delete file.nodes[2].ctx_idx;
    }),
    { kind: 'shape', what: 'nodes.2.ctx_idx' },
  );
});

test('nodes of kinds that are not drawn are counted, not lost', () => {
  const file = writeGraphFile(
    randomView(2),
    { pins: [], supernodes: [], labels: new Map(), chosen: '', places: new Map() },
    context,
  );
  const odd = { ...file.nodes[0], node_id: 'bias_0', feature_type: 'bias' };
  const read = readGraphFile(JSON.stringify({ ...file, nodes: [...file.nodes, odd] }), 'x');
  assert.ok('view' in read);
  assert.equal(read.view.total.nodes, file.nodes.length + 1);
  assert.deepEqual(read.view.hidden, [{ what: 'nodes', why: 'untraced', count: 1 }]);
});

test('connections are sorted, signed shares of the receiving node’s input', () => {
  const view = randomView(3);
  view.nodes.forEach((node, i) => {
    const list = connections(view, i, 'inputs');
    if (list.length > 0)
      near(
        list.reduce((sum, { share }) => sum + Math.abs(share), 0),
        1,
      );
    list.slice(1).forEach(({ share }, at) => {
      assert.ok(Math.abs(share) <= Math.abs(list[at].share) + 1e-12, node.key);
    });
    const weights = weightsTo(view, i);
    assert.equal(weights[i], 1);
    for (const { node: other, share } of list) {
      assert.equal(Math.sign(weights[other]), Math.sign(share));
    }
  });
});

test('groups take their members’ links, and what is not in the graph is counted', () => {
  const view = randomView(4);
  const { groups, missing } = groupsOf(view, {
    pins: ['4_7_2', '0_10_0', '9_9_9'],
    supernodes: [['low', '0_10_0', '0_11_0']],
  });
  assert.equal(missing, 1);
  assert.deepEqual(
    groups.map(({ id }) => id),
    ['super:0', '4_7_2'],
  );
  const [link] = groupLinks(view, groups);
  const expected = ['0_10_0', '0_11_0'].reduce((sum, key) => {
    const source = view.indexOf.get(key)!;
    const target = view.indexOf.get('4_7_2')!;
    const at = view.from[source].find((i) => view.links.target[i] === target);
    return sum + (at === undefined ? 0 : view.links.weight[at]);
  }, 0);
  if (link) near(link.share, expected / view.nodes[view.indexOf.get('4_7_2')!].inputs);
  else assert.equal(expected, 0);
});

// Written by circuit-tracer itself: scripts/reference/make_graphs.py.
const fixtures = join(import.meta.dirname, '../../../test/fixtures/graphs');

test('a file of circuit-tracer is shown whole, and saved with what it held', () => {
  for (const kind of ['per-layer', 'cross-layer']) {
    const text = readFileSync(join(fixtures, `circuit-tracer-${kind}`, 'graph.json'), 'utf8');
    const source = JSON.parse(text);
    source.qParams = {
      pinnedIds: '0_1_10,E_2_0',
      supernodes: '[["both","0_5_10","0_6_10"]]',
      clerps: '[["20","about foxes"]]',
      clickedId: '3_234_10',
      sg_pos: '10 20',
      linkType: 'both',
    };
    source.nodes[0].vis_link = 'https://example.org/feature';
    source.extra = { kept: true };
    const read = readGraphFile(JSON.stringify(source), 'graph.json');
    assert.ok('view' in read, JSON.stringify(read));
    const { view, annotations } = read;
    assert.deepEqual(view.shown, view.total);
    assert.deepEqual(view.hidden, []);
    assert.equal(new Set(view.nodes.map(({ key }) => key)).size, source.nodes.length);
    assert.equal(view.nodes.find(({ key }) => key === '0_5_10')!.label, 'about foxes');
    assert.deepEqual(annotations.pins, ['0_1_10', 'E_2_0']);
    assert.deepEqual(annotations.supernodes, [['both', '0_5_10', '0_6_10']]);
    assert.equal(annotations.chosen, '3_234_10');
    const file = writeGraphFile(
      view,
      {
        ...annotations,
        labels: new Map([
          ['0_6_10', 'mine'],
          ['3_234_10', 'renamed'],
        ]),
      },
      { model: '', version: '0', nodeShare: 1, edgeShare: 1 },
    );
    const saved = parseGraphFile(JSON.parse(JSON.stringify(file)));
    assert.deepEqual(saved.metadata, source.metadata);
    assert.equal(saved.qParams!.sg_pos, '10 20');
    assert.equal(saved.nodes[0].vis_link, 'https://example.org/feature');
    assert.deepEqual(saved.extra, { kept: true });
    assert.equal(saved.nodes.find(({ node_id }) => node_id === '0_6_10')!.clerp, 'mine');
    assert.match(
      saved.nodes.find(({ node_id }) => node_id === '3_234_10')!.clerp,
      /^renamed \(p=0\.\d{3}\)$/,
    );
    assert.equal(new Set(saved.nodes.map(({ node_id }) => node_id)).size, saved.nodes.length);
    const again = readGraphFile(JSON.stringify(saved), 'graph.json');
    assert.ok('view' in again);
    assert.deepEqual(again.view.links, view.links);
  }
});

test('a page and a command take the same files for wrong', () => {
  const text = readFileSync(join(fixtures, 'circuit-tracer-per-layer', 'graph.json'), 'utf8');
  const change = (edit: (file: Record<string, never[]>) => unknown) => {
    const file = JSON.parse(text);
    edit(file);
    return file;
  };
  const wrong = [
    change((file) => file.nodes.push(file.nodes[1])),
    change((file) => file.links.push({ source: 'x', target: '1_3_10', weight: 1 } as never)),
    change((file) => file.links.push({ source: 'E_2_0', target: '1_3_10', weight: null } as never)),
    change((file) => delete (file as Record<string, unknown>).nodes),
  ];
  for (const file of wrong) {
    assert.throws(() => parseGraphFile(file), { code: 'bad-graph-file' });
    assert.ok('fault' in readGraphFile(JSON.stringify(file), 'x.json'));
  }
});
