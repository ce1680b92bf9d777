import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFixture } from '../../model/testing/fixtures.ts';
import {
  acdc,
  attributionMethods,
  circuitRunner,
  edgeAttribution,
  exactEdgeScores,
  pathPatching,
  pruneDeadEnds,
} from './index.ts';

interface Case {
  readonly model: string;
  readonly clean: number;
  readonly corrupted: number;
  readonly attribution: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly exact: Readonly<Record<string, number>>;
  readonly acdc: { readonly threshold: number; readonly kept: readonly string[] };
  readonly paths: readonly {
    readonly sender: string;
    readonly receivers: readonly string[];
    readonly throughMlps: boolean;
    readonly freezeNorms: boolean;
    readonly patched: number;
  }[];
}

// References: scripts/reference/make_edges.py (the families written out in plain PyTorch, float64).
const file = join(import.meta.dirname, '../../../test/fixtures/microscope/edges.json');
const reference = JSON.parse(readFileSync(file, 'utf8'));
const cases: readonly Case[] = reference.cases;
const { clean, corrupted, target, distractor, steps } = reference;
const EXAMPLE = [{ clean, corrupted, target, distractor }];

/** Float32 beside float64: a millionth of the metric's range, and a thousandth of the figure. */
const near = (found: number, expected: number, range: number, what: string) =>
  assert.ok(
    Math.abs(found - expected) < 5e-6 * range + 1e-3 * Math.abs(expected),
    `${what}: ${found} instead of ${expected}`,
  );

for (const one of cases) {
  const range = Math.abs(one.clean - one.corrupted) + Math.abs(one.clean);

  test(`${one.model}: every edge's scores and exact effect are those of plain PyTorch`, async () => {
    const model = await loadFixture(one.model);
    for (const method of attributionMethods) {
      const { graph, scores } = await edgeAttribution(model, EXAMPLE, { method, steps });
      const expected = one.attribution[method];
      assert.equal(graph.edges.length, Object.keys(expected).length);
      for (const { name, index } of graph.edges) {
        near(scores[index], expected[name], range, `${method} ${name}`);
      }
    }
    const runner = await circuitRunner(model, EXAMPLE);
    near(runner.full[0], one.clean, range, 'clean');
    near(runner.empty[0], one.corrupted, range, 'corrupted');
    const exact = await exactEdgeScores(runner);
    for (const { name, index } of runner.graph.edges) {
      near(exact[index], one.exact[name], range, `exact ${name}`);
    }
  });

  test(`${one.model}: paths are those of plain PyTorch`, async () => {
    const model = await loadFixture(one.model);
    for (const { sender, receivers, throughMlps, freezeNorms, patched } of one.paths) {
      const options = { senders: [sender], receivers, throughMlps, freezeNorms };
      const { effects } = await pathPatching(model, EXAMPLE, options);
      const what = `${sender} to ${receivers}, MLPs ${throughMlps}, held ${freezeNorms}`;
      near(effects[0].patched[0], patched, range, what);
    }
  });

  test(`${one.model}: ACDC keeps the edges that plain PyTorch keeps`, async () => {
    const model = await loadFixture(one.model);
    const { threshold, kept } = one.acdc;
    const { graph, mask } = await acdc(model, EXAMPLE, { threshold });
    const expected = new Uint8Array(mask.length);
    for (const { name, index } of graph.edges) expected[index] = kept.includes(name) ? 1 : 0;
    const pruned = pruneDeadEnds(graph, expected);
    const names = (of: Uint8Array) =>
      graph.edges.filter(({ index }) => of[index]).map(({ name }) => name);
    assert.deepEqual(names(mask), names(pruned));
    assert.ok(kept.length > 0 && kept.length < graph.edges.length);
  });
}
