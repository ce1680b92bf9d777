import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeWordsModel } from '../../../../test/support/words-model.ts';
import type { Progress } from '../../../base/progress.ts';
import { loadModel, openModel } from '../../../model/index.ts';
import { loadFixture, maxDifference } from '../../../model/testing/fixtures.ts';
import { circuitGraph, countEdges, edgeMask, findEdge } from '../../circuits/index.ts';
import { EXAMPLES } from '../../circuits/testing.ts';
import {
  checkIoiReference,
  circuitRates,
  compareAcdc,
  distilGpt2Reference,
  foldValueBiases,
  gpt2SmallReference,
  type IoiReference,
  ioiReferenceOf,
  type Published,
  publishedCircuit,
  type ReferenceFigure,
} from './index.ts';

const model = await openModel();
const GPT2_SMALL = circuitGraph({ nLayers: 12, nHeads: 12, dModel: 768, parallel: false });

test('value biases can be moved without changing what the model says', async () => {
  for (const name of ['gpt2', 'gpt-neox', 'llama-biases']) {
    const original = await loadFixture(name);
    const folded = foldValueBiases(original);
    const [a, b] = await Promise.all([original, folded].map((one) => one.forward([3, 7, 9, 1])));
    assert.ok(maxDifference(a.logits, b.logits) < 1e-4, name);
  }
});

const CLEAN = 'When Mary and John were at the park, John gave a ball to';
const CORRUPTED = 'When Mary and John were at the park, Mary gave a ball to';
const { nLayers, nHeads, dModel } = model.config;

/** A reference of every kind of figure for the built-in model; zeros where nothing is known before. */
const blank: IoiReference = {
  model: model.name,
  shape: { nLayers, nHeads, dModel },
  tolerance: 0.01,
  prompts: [
    { clean: CLEAN, corrupted: CORRUPTED, target: 'Mary', distractor: 'John' },
    { clean: CORRUPTED, corrupted: CLEAN, target: 'John', distractor: 'Mary' },
  ],
  logitDiffs: [0, 0],
  mean: { clean: 0, corrupted: 0 },
  lens: { '1_mid': 0, '3_pre': { about: 0, within: 100 }, '4_pre': 0 },
  layers: { 'attn 3': 0, 'mlp 0': 0 },
  heads: { '3.1': 0 },
  patching: [
    { site: 'resid_pre', at: 10, effects: { 0: 0 } },
    { site: 'resid_pre', at: 14, effects: { 0: 0, 3: 0 } },
    { site: 'z', at: 'all', effects: { '3.1': 0 } },
  ],
  knockOut: { head: '2.4', heads: { '2.4': 0, '2.3': 0, '3.0': 0 }, mean: 0 },
  answers: [{ prompt: CLEAN, token: 'Mary', logit: 0, probability: 0 }],
  differences: [{ prompt: CORRUPTED, target: 'Mary', distractor: 'John', logitDiff: 0 }],
  loss: { text: CLEAN, head: '0.1', plain: 0, ablated: 0, ablatedUnfolded: 0 },
  headScores: {
    halves: [
      [301, 402, 503, 604],
      [305, 406, 507, 608],
    ],
    previousToken: { '0.4': 0 },
    duplicateToken: { '0.4': 0 },
    induction: { '2.1': 0 },
  },
  edges: { scores: { 'm3->logits': 0 }, kept: 1 },
  roles: {},
};

/** The same reference with every figure as it was found. */
function asFound(figures: readonly ReferenceFigure[]): IoiReference {
  const of = (what: string) => figures.find((figure) => figure.what === what)!.found;
  const fill = (prefix: string, published: Readonly<Record<string, Published>>) =>
    Object.fromEntries(Object.keys(published).map((name) => [name, of(`${prefix} ${name}`)]));
  const patched = (at: number, layers: readonly string[]) =>
    Object.fromEntries(layers.map((l) => [l, of(`patching resid_pre ${l} at ${at}`)]));
  return {
    ...blank,
    logitDiffs: [0, 1].map((i) => of(`logit difference of prompt ${i}`)),
    mean: {
      clean: of('mean logit difference, clean'),
      corrupted: of('mean logit difference, corrupted'),
    },
    lens: fill('direct', blank.lens),
    layers: fill('direct', blank.layers),
    heads: fill('direct', blank.heads),
    patching: [
      { site: 'resid_pre', at: 10, effects: patched(10, ['0']) },
      { site: 'resid_pre', at: 14, effects: patched(14, ['0', '3']) },
      { site: 'z', at: 'all', effects: { '3.1': of('patching z 3.1') } },
    ],
    knockOut: {
      head: '2.4',
      heads: fill('direct without 2.4', blank.knockOut!.heads),
      mean: of('mean logit difference without 2.4'),
    },
    answers: [
      {
        ...blank.answers![0],
        logit: of("logit of 'Mary'"),
        probability: of("probability of 'Mary'"),
      },
    ],
    differences: [
      { ...blank.differences![0], logitDiff: of('logit difference of single prompt 0') },
    ],
    loss: {
      ...blank.loss!,
      plain: of('loss'),
      ablated: of('loss without 0.1'),
      ablatedUnfolded: of('loss without 0.1, value biases included'),
    },
    headScores: {
      ...blank.headScores!,
      previousToken: { '0.4': of('previous token 0.4') },
      duplicateToken: { '0.4': of('duplicate token 0.4') },
      induction: { '2.1': of('induction 2.1') },
    },
  };
}

test('a reference passes on the model it was measured on, and fails when any figure is off', async () => {
  const measured = await checkIoiReference(model, blank);
  const of = (what: string) => measured.find((figure) => figure.what === what)!.found;
  assert.ok(measured.every(({ found }) => Number.isFinite(found)));
  // Figures that must be what they are on any model.
  assert.ok(Math.abs(of('patching resid_pre 0 at 10') - 1) < 1e-3);
  assert.ok(Math.abs(of('direct without 2.4 2.4')) < 1e-9, 'a silent head has no direct effect');
  assert.ok(Math.abs(of('direct 4_pre') - of('mean logit difference, clean')) < 1e-3);
  assert.ok(
    Math.abs(of('logit difference of single prompt 0') + of('logit difference of prompt 1')) < 1e-3,
  );
  assert.ok(of("probability of 'Mary'") > 0 && of("probability of 'Mary'") <= 1);
  const reference = asFound(measured);
  const passing = await checkIoiReference(model, reference);
  assert.deepEqual(
    passing.filter(({ ok }) => ok === false),
    [],
  );
  assert.deepEqual(
    passing.filter(({ ok }) => ok === null).map(({ what }) => what),
    ['EAP-IG m3->logits'],
  );
  const off = await checkIoiReference(model, {
    ...reference,
    layers: { ...reference.layers, 'mlp 0': of('direct mlp 0') + 0.1 },
    loss: { ...reference.loss!, ablated: of('loss without 0.1') + 0.011 },
  });
  assert.deepEqual(
    off.filter(({ ok }) => ok === false).map(({ what }) => what),
    ['direct mlp 0', 'loss without 0.1'],
  );
});

// References: scripts/reference/make_ioi.py (TransformerLens's demonstrations on the same weights).
test('figures are those that TransformerLens measures, kind by kind', async () => {
  const file = join(import.meta.dirname, '../../../../test/fixtures/microscope/ioi.json');
  const reference: IoiReference = JSON.parse(await readFile(file, 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'glassbox-ioi-'));
  after(() => rm(folder, { recursive: true }));
  await writeWordsModel(folder);
  const figures = await checkIoiReference(await loadModel(folder), reference);
  assert.equal(figures.length, 70);
  assert.deepEqual(
    figures.filter(({ ok }) => ok !== true),
    [],
  );
  // A figure that is off in the third decimal would be noticed.
  const sized = figures.filter(({ expected }) => Math.abs(expected) > 0.01);
  assert.ok(sized.length > 50, `${sized.length}`);
});

test('head scores are means along diagonals of repeated tokens', async () => {
  const measured = await checkIoiReference(model, blank);
  const { halves } = blank.headScores!;
  let total = 0;
  for (const half of halves) {
    const address = 'blocks.2.attn.hook_pattern';
    const { cache } = await model.runWithCache([...half, ...half], address);
    const pattern = cache[address].data as Float32Array;
    // One repetition of 4 less one token back: queries 3 to 7.
    for (let query = 3; query < 8; query++) total += pattern[(1 * 8 + query) * 8 + query - 3] / 10;
  }
  const { found } = measured.find(({ what }) => what === 'induction 2.1')!;
  assert.ok(Math.abs(found - total) < 1e-6);
});

test('figures of another model are refused', async () => {
  await assert.rejects(checkIoiReference(model, gpt2SmallReference), { code: 'no-reference' });
  const shaped = (shape: IoiReference['shape']) =>
    ioiReferenceOf({ config: { ...model.config, ...shape } });
  assert.equal(shaped(distilGpt2Reference.shape), distilGpt2Reference);
  assert.equal(shaped(gpt2SmallReference.shape), gpt2SmallReference);
});

test('the published reference has the figures of eight prompts and the heads of seven roles', () => {
  const { prompts, logitDiffs, roles, headScores } = gpt2SmallReference;
  assert.equal(prompts.length, logitDiffs.length);
  const mean = logitDiffs.reduce((a, b) => a + b) / 8;
  assert.ok(Math.abs(mean - gpt2SmallReference.mean!.clean) < 1e-3);
  for (const { clean, corrupted, target, distractor } of prompts) {
    assert.equal(clean.split(distractor).length, 3);
    assert.equal(corrupted.split(target).length, 3);
  }
  const heads = Object.values(roles).flat();
  assert.ok(heads.length === 26 && new Set(heads).size === 26);
  for (const half of headScores!.halves) assert.equal(half.length, 100);
});

test('the published tables of GPT-2 small agree with each other', () => {
  const { lens, layers, heads, patching, headScores, knockOut } = gpt2SmallReference;
  const at = (published: Readonly<Record<string, Published>>, name: string) => {
    const found = published[name];
    assert.ok(typeof found === 'number' && Number.isFinite(found), name);
    return found;
  };
  assert.equal(Object.keys(lens).length, 24);
  for (const [name, found] of Object.entries({
    ...{ heads, knocked: knockOut!.heads },
    ...{ previous: headScores!.previousToken!, duplicate: headScores!.duplicateToken! },
    ...{ induction: headScores!.induction! },
  })) {
    assert.equal(Object.keys(found).length, 144, name);
  }
  // What attention and MLP add is what the running sum grows by.
  for (let layer = 0; layer < 12; layer++) {
    const mid = at(lens, `${layer}_mid`);
    const added = at(lens, `${layer + 1}_pre`) - mid;
    assert.ok(Math.abs(added - at(layers, `mlp ${layer}`)) < 2e-4, `mlp ${layer}`);
    if (layer === 0) continue;
    const grown = mid - at(lens, `${layer}_pre`);
    assert.ok(Math.abs(grown - at(layers, `attn ${layer}`)) < 2e-4, `attn ${layer}`);
  }
  assert.ok(Math.abs(at(lens, '12_pre') - gpt2SmallReference.mean!.clean) < 5e-4);
  assert.equal(at(knockOut!.heads, '9.9'), 0);
  const sites = patching.map(({ site, at }) => `${site} ${at}`);
  assert.equal(new Set(sites).size, 3 * 5 + 5);
  // The stream before the first block is the clean one once the second subject is.
  assert.equal(at(patching.find((one) => one.at === 10)!.effects, '0'), 1);
});

test('progress is one bar over all steps, with what is left of the whole', async () => {
  const told: Progress[] = [];
  await checkIoiReference(model, blank, { progress: (one) => told.push(one) });
  const [{ label, total, unit }] = told;
  assert.ok(told.every((one) => one.label === label && one.total === total && one.unit === unit));
  for (let i = 1; i < told.length; i++) assert.ok(told[i].done >= told[i - 1].done);
  assert.equal(told.at(-1)!.done, total);
  assert.ok(new Set(told.map(({ done }) => done)).size > 10);
});

test('the published circuit of GPT-2 small has the edges that its published rates need', () => {
  const truth = publishedCircuit(GPT2_SMALL, gpt2SmallReference.roles);
  assert.equal(countEdges(truth), 963);
  const kept = (name: string) => truth[findEdge(GPT2_SMALL, name).index];
  assert.deepEqual(
    ['a2.h2->a5.h5<k>', 'a5.h5->a8.h6<v>', 'a8.h6->a9.h9<q>', 'a9.h9->logits', 'm0->a9.h9<q>'].map(
      kept,
    ),
    [1, 1, 1, 1, 1],
  );
  assert.deepEqual(
    ['a2.h2->a5.h5<q>', 'a8.h6->a9.h9<k>', 'a5.h5->logits', 'input->a9.h9<q>', 'm0->a9.h8<q>'].map(
      kept,
    ),
    [0, 0, 0, 0, 0],
  );
  const { edges, precision, truePositiveRate } = circuitRates(GPT2_SMALL, truth, truth);
  assert.deepEqual([edges, precision, truePositiveRate], [1041, 1, 1]);
  // 380 edges with precision .666 are a share .243 of 1,041, and the others .0040 of 32,923 − 1,041.
  const [published] = gpt2SmallReference.acdc!;
  const both = published.edges * published.precision!;
  assert.ok(Math.abs(both / 1041 - published.truePositiveRate!) < 5e-4);
  assert.ok(
    Math.abs((published.edges - both) / (32_923 - 1041) - published.falsePositiveRate!) < 5e-5,
  );
});

test('rates of a circuit by hand', () => {
  const graph = circuitGraph({ nLayers: 1, nHeads: 2, dModel: 4, parallel: false });
  const mask = (...names: string[]) => {
    const out = edgeMask(graph, 'none');
    for (const name of names) out[findEdge(graph, name).index] = 1;
    return out;
  };
  const truth = mask('input->a0.h0<v>', 'a0.h0->logits', 'input->m0');
  const found = mask('input->a0.h0<v>', 'input->a0.h1<q>', 'a0.h0->logits');
  const rates = circuitRates(graph, found, truth);
  // 6 inputs of heads, the MLP's 3 edges, the logits' 4, and 6 inputs into their heads: 19 edges.
  assert.equal(rates.edges, 5);
  assert.ok(Math.abs(rates.truePositiveRate - 3 / 4) < 1e-12);
  assert.ok(Math.abs(rates.falsePositiveRate - 2 / 15) < 1e-12);
  assert.ok(Math.abs(rates.precision - 3 / 5) < 1e-12);
  assert.ok(Math.abs(rates.nodeTruePositiveRate - 1 / 2) < 1e-12);
  assert.equal(rates.nodeFalsePositiveRate, 1);
});

test('ACDC is run at the published thresholds and shown beside them', async () => {
  const small = await loadFixture('gpt2');
  const figures = await compareAcdc(
    small,
    {
      roles: { 'name mover': ['1.0'], 'previous token': ['0.1'] },
      acdc: [
        { metric: 'kl', threshold: 1e9, edges: 3, truePositiveRate: 0.5, divergence: 0.1 },
        { metric: 'logit-diff', threshold: 0, edges: 7, precision: 0.5 },
      ],
    },
    { examples: EXAMPLES },
  );
  assert.ok(figures.every(({ ok }) => ok === null));
  const of = (what: string) => figures.find((figure) => figure.what === what)!.found;
  assert.equal(of('ACDC kl 1000000000: edges'), 0);
  assert.equal(of('ACDC kl 1000000000: true positive rate'), 0);
  assert.ok(of('ACDC kl 1000000000: divergence') > 0);
  assert.ok(of('ACDC logit-diff 0: edges') > 0);
});
