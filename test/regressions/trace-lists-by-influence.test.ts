import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../src/cli/run.ts';

// The listed features were those with the largest activations, which need not lead to the answer: the first nine of
// this prompt were about words that the pruned graph does not hold.
// Ablations were given by an index into the graph before pruning, which no file holds.
test('the features that trace lists are those of the graph, the most influential first, with what their ablation did', async () => {
  let out = '';
  const prompt = 'The river of the state containing Daekwell is';
  const code = await run(['trace', prompt, '--validity', '--json'], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => {} },
  });
  assert.equal(code, 0, out);
  const { features, graph, validity } = JSON.parse(out);
  assert.equal(features.length, 12);
  const influences = features.map((one: { influence: number }) => one.influence);
  assert.deepEqual(
    influences,
    [...influences].sort((a, b) => b - a),
  );
  assert.ok(influences[0] > 0 && influences[0] < 1);
  const kept = new Set(graph.nodes.map(({ node_id }: { node_id: string }) => node_id));
  const ids = features.map(
    ({ layer, feature, position }: { layer: number; feature: number; position: number }) =>
      `${layer}_${feature}_${position}`,
  );
  assert.deepEqual(
    ids.filter((id: string) => !kept.has(id)),
    [],
  );
  assert.equal(validity.points.length, validity.n);
  features.forEach((one: Record<string, number>, i: number) => {
    const { layer, feature, position, predicted, measured } = one;
    assert.deepEqual(validity.points[i], { layer, feature, position, predicted, measured });
  });
});
