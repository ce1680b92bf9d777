import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { edgeValues } from '../../../src/microscope/circuits/graph.ts';
import {
  circuitFromJson,
  circuitGraph,
  circuitToJson,
  pruneDeadEnds,
  receiverName,
  topEdges,
} from '../../../src/microscope/circuits/index.ts';
import { ioiCorruptions } from '../../../src/microscope/ioi/index.ts';
import { CIRCUIT_DEFAULTS, CORRUPTIONS, isCircuit } from '../../state/circuits.ts';
import { isTwoPeople, swapNames } from '../two-people.ts';
import { readCircuitFile, writeCircuitFile } from './file.ts';
import {
  type CircuitView,
  countAt,
  edgeFits,
  positionOf,
  SLIDER,
  selectEdges,
  statusOf,
  viewOfCircuit,
} from './view.ts';

const SHAPE = { nLayers: 2, nHeads: 2, dModel: 8, parallel: false };
const graph = circuitGraph(SHAPE);

/** A circuit of the library and the page's view of it, with the same scores. */
function both(scores: readonly number[]): {
  readonly values: ReturnType<typeof edgeValues>;
  readonly view: CircuitView;
} {
  const values = edgeValues(graph);
  graph.edges.forEach(({ index }, i) => {
    values[index] = scores[i];
  });
  const view = viewOfCircuit({
    shape: SHAPE,
    nodes: graph.nodes,
    receivers: graph.receivers.map(receiverName),
    sender: graph.edges.map(({ sender }) => sender),
    receiver: graph.edges.map(({ receiver }) => receiver),
    scores,
    kept: [],
  } as unknown as Parameters<typeof viewOfCircuit>[0]);
  return { values, view };
}

const someScores = fc.array(fc.integer({ min: -20, max: 20 }), {
  minLength: graph.edges.length,
  maxLength: graph.edges.length,
});

test('the page keeps the edges that the library keeps, at every size', () => {
  fc.assert(
    fc.property(someScores, fc.nat(graph.edges.length), (scores, count) => {
      const { values, view } = both(scores);
      const chosen = topEdges(graph, values, { count });
      const circuit = pruneDeadEnds(graph, chosen);
      const own = selectEdges(view, count);
      graph.edges.forEach(({ index, name }, i) => {
        assert.equal(view.edges[i].name, name);
        const expected = circuit[index] ? 'circuit' : chosen[index] ? 'dead' : 'cut';
        assert.equal(statusOf(own, i), expected, name);
      });
      assert.ok(own.share >= 0 && own.share <= 1 + 1e-12);
    }),
    { numRuns: 60 },
  );
});

test('files go to the library and come back', () => {
  fc.assert(
    fc.property(someScores, fc.nat(graph.edges.length), (scores, count) => {
      const { values, view } = both(scores);
      const mask = pruneDeadEnds(graph, topEdges(graph, values, { count }));
      const document = circuitToJson({ graph, scores: values, mask });
      assert.deepEqual(writeCircuitFile(view, selectEdges(view, count).kept), document);
      const read = readCircuitFile(JSON.stringify(document), 'a.json');
      assert.ok('view' in read);
      assert.deepEqual(
        new Map(read.view.edges.map(({ name, score }) => [name, score])),
        new Map(view.edges.map(({ name, score }) => [name, score])),
      );
      const again = circuitFromJson(writeCircuitFile(read.view, selectEdges(read.view, null).kept));
      assert.deepEqual([...again.mask], [...mask]);
    }),
    { numRuns: 30 },
  );
});

test('a file in another order, or with some edges only, is put in order of computation', () => {
  const { view } = both(graph.edges.map((_, i) => i + 1));
  const file = writeCircuitFile(view, view.ranked);
  const reversed = { ...file, edges: Object.fromEntries(Object.entries(file.edges).toReversed()) };
  const read = readCircuitFile(JSON.stringify(reversed), 'b.json');
  assert.ok('view' in read);
  assert.equal(selectEdges(read.view, null).circuit.size, graph.edges.length);
});

test('what is wrong with a file is named', () => {
  const { view } = both(graph.edges.map(() => 1));
  const file = writeCircuitFile(view, []);
  const edge = { score: 1, in_graph: true };
  const wrong: [unknown, object][] = [
    [[], { kind: 'shape', what: 'the file' }],
    [
      { ...file, cfg: { ...file.cfg, n_heads: 0 } },
      { kind: 'shape', what: 'cfg.n_heads' },
    ],
    [
      { ...file, edges: {} },
      { kind: 'shape', what: 'edges' },
    ],
    [
      { ...file, edges: { 'm1->m0': edge } },
      { kind: 'edge', what: 'm1->m0' },
    ],
    [
      { ...file, edges: { 'input->m7': edge } },
      { kind: 'edge', what: 'input->m7' },
    ],
    [
      { ...file, edges: { 'input->a0.h0': edge } },
      { kind: 'edge', what: 'input->a0.h0' },
    ],
    [
      { ...file, edges: { 'input->m0': { score: null, in_graph: true } } },
      { kind: 'edge', what: 'input->m0' },
    ],
    [
      {
        ...file,
        cfg: { ...file.cfg, parallel_attn_mlp: true },
        edges: { 'a0.h0->m0': edge },
      },
      { kind: 'edge', what: 'a0.h0->m0' },
    ],
  ];
  for (const [document, fault] of wrong) {
    assert.deepEqual(readCircuitFile(JSON.stringify(document), 'c.json'), { fault });
  }
  assert.deepEqual(readCircuitFile('{', 'c.json'), { fault: { kind: 'json' } });
});

test('the slider reaches one edge and all of them, and every step is kept', () => {
  assert.equal(countAt(0, 927), 1);
  assert.equal(countAt(SLIDER, 927), 927);
  for (const count of [1, 9, 46, 200, 927]) {
    const near = countAt(positionOf(count, 927), 927);
    assert.ok(Math.abs(near - count) <= Math.max(1, count * 0.02), `${near} for ${count}`);
  }
});

test('edges are found by parts of their names', () => {
  const { view } = both(graph.edges.map(() => 1));
  const named = (text: string) =>
    view.edges.filter((edge) => edgeFits(edge, text)).map(({ name }) => name);
  assert.equal(named('').length, graph.edges.length);
  assert.deepEqual(named('m1 logits'), ['m1->logits']);
  assert.ok(named('<V>').every((name) => name.endsWith('<v>')));
});

test('sentences with two people are known by their tokens', () => {
  const ids = { target: 1, distractor: 2 };
  assert.ok(isTwoPeople([0, 1, 5, 2, 7, 2, 8], ids));
  assert.ok(isTwoPeople([0, 2, 5, 1, 7, 2, 8], ids));
  assert.ok(!isTwoPeople([0, 1, 5, 2, 7, 1, 8], ids));
  assert.ok(!isTwoPeople([0, 2, 5, 2, 7, 1, 8], ids));
  assert.ok(!isTwoPeople([0, 1, 2], ids));
  const names = { target: ' Mary', distractor: ' John' };
  assert.equal(
    swapNames('When Mary and John went, John gave a ring to', names),
    'When John and Mary went, John gave a ring to',
  );
  assert.equal(swapNames('When Mary went', names), null);
});

test('an edge that is on no path is no part of the circuit', () => {
  const { view } = both(graph.edges.map((_, i) => (i === 0 ? 5 : 0)));
  const own = selectEdges(view, 1);
  assert.equal(own.kept.size, 1);
  assert.equal(own.circuit.size, 0);
});

test('the page offers every corruption of the library, each in its own words', async () => {
  assert.deepEqual([...CORRUPTIONS].sort(), [...ioiCorruptions].sort());
  for (const language of ['en', 'zh-Hant', 'zh-Hans']) {
    const { circuits } = await import(`../../../src/i18n/circuits/${language}.ts`);
    const said = CORRUPTIONS.map((name) => circuits.corruptions[name]);
    assert.equal(new Set(said).size, CORRUPTIONS.length, language);
    assert.ok(said.every((text) => typeof text === 'string' && text.length > 0));
  }
  for (const corruption of CORRUPTIONS) {
    assert.ok(isCircuit({ ...CIRCUIT_DEFAULTS, from: 'ioi', corruption }));
  }
});
