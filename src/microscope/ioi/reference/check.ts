import { GlassboxError } from '../../../base/error.ts';
import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import type { Edit } from '../../../model/run/edit-types.ts';
import { directLogitAttribution } from '../../attribution.ts';
import { edgeAttribution } from '../../circuits/index.ts';
import { tokenMeasures } from '../../loss.ts';
import { averagePatching, type PatchPair } from '../../patching/index.ts';
import { resolveToken } from '../../prompt.ts';
import { ioiTokens } from '../dataset.ts';
import { foldValueBiases } from './fold.ts';
import type { IoiReference, Published, PublishedFigures, ReferenceFigure } from './types.ts';

/** Refuses a model that the figures are not about. */
function requireShape(model: Model, reference: IoiReference): void {
  const { nLayers, nHeads, dModel } = model.config;
  const { shape } = reference;
  if (shape.nLayers === nLayers && shape.nHeads === nHeads && shape.dModel === dModel) return;
  throw new GlassboxError(
    `the published figures are of ${reference.model} (${shape.nLayers} layers, ${shape.nHeads} heads, width ${shape.dModel}); ${model.name} has ${nLayers} layers, ${nHeads} heads, width ${dModel}`,
    { code: 'no-reference', remedy: `Give that model, e.g. --model openai-community/gpt2.` },
  );
}

type Means = ReadonlyMap<string, number>;

/** Collects figures of one reference. */
function figureList(tolerance: number) {
  const figures: ReferenceFigure[] = [];
  const add = (what: string, published: Published, found: number): void => {
    const expected = typeof published === 'number' ? published : published.about;
    const within = typeof published === 'number' ? tolerance : published.within;
    figures.push({ what, expected, found, ok: Math.abs(found - expected) <= within });
  };
  const addAll = (prefix: string, published: PublishedFigures, found: Means): void => {
    for (const [name, value] of Object.entries(published)) {
      add(`${prefix} ${name}`, value, found.get(name) ?? Number.NaN);
    }
  };
  return { figures, add, addAll };
}

type Figures = ReturnType<typeof figureList>;

function pairsOf(model: Model, reference: IoiReference): PatchPair[] {
  return reference.prompts.map(({ clean, corrupted, target, distractor }) => ({
    clean: ioiTokens(model, clean),
    corrupted: ioiTokens(model, corrupted),
    target: resolveToken(model, ` ${target}`),
    distractor: resolveToken(model, ` ${distractor}`),
    positions: { s2: [reference.s2, reference.s2], end: [-1, -1] },
  }));
}

/** Layer and head of a name such as `9.9`. */
function headOf(name: string): { layer: number; head: number } {
  const [layer, head] = name.split('.').map(Number);
  return { layer, head };
}

/** Mean direct effects: heads `9.9`, layers `attn 9`, `mlp 9`, and running sums `9_mid`. */
async function directEffects(
  model: Model,
  pairs: readonly PatchPair[],
  edits: readonly Edit[] = [],
): Promise<Means> {
  const sums = new Map<string, number>();
  const put = (name: string, effect: number) =>
    sums.set(name, (sums.get(name) ?? 0) + effect / pairs.length);
  for (const { clean, target, distractor } of pairs) {
    const { components } = await directLogitAttribution(model, clean, {
      target,
      distractor,
      edits,
    });
    let running = 0;
    for (const { kind, layer, head, effect } of components) {
      if (kind === 'mlp') put(`${layer}_mid`, running);
      running += effect;
      if (kind === 'head') put(`${layer}.${head}`, effect);
      if (kind === 'head' || kind === 'attn_bias') put(`attn ${layer}`, effect);
      if (kind !== 'mlp') continue;
      put(`mlp ${layer}`, effect);
      put(`${layer! + 1}_pre`, running);
    }
  }
  return sums;
}

/** Direct effects, also with a head knocked out, and the loss without one: on folded value biases. */
async function checkFolded(
  model: Model,
  reference: IoiReference,
  given: { readonly pairs: readonly PatchPair[]; readonly into: Figures },
): Promise<void> {
  const { pairs, into } = given;
  const { lens, layers, heads, knockOut, loss } = reference;
  if (pairs.length > 0) {
    const direct = await directEffects(model, pairs);
    for (const published of [lens, layers, heads]) into.addAll('direct', published, direct);
  }
  if (knockOut && pairs.length > 0) {
    const { layer, head } = headOf(knockOut.head);
    const at = `blocks.${layer}.attn.hook_z`;
    const edit: Edit = { op: 'zero', at, heads: [head], positions: [-1] };
    const without = await directEffects(model, pairs, [edit]);
    into.addAll(`direct without ${knockOut.head}`, knockOut.heads, without);
  }
  if (loss) {
    const { layer, head } = headOf(loss.head);
    const tokens = ioiTokens(model, loss.text);
    const edit: Edit = { op: 'zero', at: `blocks.${layer}.attn.hook_v`, heads: [head] };
    const [plain, ablated] = [
      await tokenMeasures(model, tokens, { topK: 1 }),
      await tokenMeasures(model, tokens, { topK: 1, edits: [edit] }),
    ];
    into.add('loss', loss.plain, plain.meanLoss);
    into.add(`loss without ${loss.head}`, loss.ablated, ablated.meanLoss);
  }
}

async function checkPatching(
  model: Model,
  reference: IoiReference,
  given: { readonly pairs: readonly PatchPair[]; readonly into: Figures },
): Promise<void> {
  const { pairs, into } = given;
  for (const { site, at, effects } of reference.patching) {
    const whole = pairs.map(({ positions: _, ...pair }) => pair);
    const found = await averagePatching(model, at === 'all' ? whole : pairs, { site });
    const column = found.axes.columns.labels.indexOf(at);
    for (const [name, expected] of Object.entries(effects)) {
      const [layer, head = column] = name.split('.').map(Number);
      const value = found.effect[layer]?.[head]?.value ?? Number.NaN;
      into.add(`patching ${site} ${name}${at === 'all' ? '' : ` at ${at}`}`, expected, value);
    }
  }
}

/** Logits at the last position. */
async function lastLogits(model: Model, text: string): Promise<Float32Array> {
  const { logits } = await model.forward(ioiTokens(model, text), { logits: 'last' });
  return logits!.data as Float32Array;
}

async function checkAnswers(model: Model, reference: IoiReference, into: Figures): Promise<void> {
  for (const { prompt, token, logit, probability } of reference.answers ?? []) {
    const row = await lastLogits(model, prompt);
    const id = resolveToken(model, ` ${token}`);
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    into.add(`logit of '${token}'`, logit, row[id] - mean);
    if (probability === undefined) continue;
    const total = row.reduce((sum, x) => sum + Math.exp(x - row[id]), 0);
    into.add(`probability of '${token}'`, probability, 1 / total);
  }
  for (const [i, one] of (reference.differences ?? []).entries()) {
    const row = await lastLogits(model, one.prompt);
    const [a, b] = [one.target, one.distractor].map((name) => row[resolveToken(model, ` ${name}`)]);
    into.add(`logit difference of single prompt ${i}`, one.logitDiff, a - b);
  }
}

/** Mean attention of every head, `9.9`, along a diagonal so many tokens back. */
async function diagonals(
  model: Model,
  prompts: readonly (readonly number[])[],
  back: readonly number[],
): Promise<Means[]> {
  const { nLayers, nHeads } = model.config;
  const out = back.map(() => new Map<string, number>());
  for (const prompt of prompts) {
    const { cache } = await model.runWithCache(prompt, 'blocks.*.attn.hook_pattern', {
      logits: 'none',
      reuseOutputs: true,
    });
    const pos = prompt.length;
    for (let layer = 0; layer < nLayers; layer++) {
      const pattern = cache[`blocks.${layer}.attn.hook_pattern`].data as Float32Array;
      for (let head = 0; head < nHeads; head++) {
        back.forEach((distance, i) => {
          let total = 0;
          for (let query = distance; query < pos; query++) {
            total += pattern[(head * pos + query) * pos + query - distance];
          }
          const mean = total / (pos - distance) / prompts.length;
          const name = `${layer}.${head}`;
          out[i].set(name, (out[i].get(name) ?? 0) + mean);
        });
      }
    }
  }
  return out;
}

async function checkHeadScores(
  model: Model,
  scores: NonNullable<IoiReference['headScores']>,
  into: Figures,
): Promise<void> {
  const { halves, previousToken = {}, duplicateToken = {}, induction = {} } = scores;
  const length = halves[0].length;
  const prompts = halves.map((half) => [...half, ...half]);
  const [before, same, next] = await diagonals(model, prompts, [1, length, length - 1]);
  into.addAll('previous token', previousToken, before);
  into.addAll('duplicate token', duplicateToken, same);
  into.addAll('induction', induction, next);
}

/** Edge scores on the reference's prompts beside published ones on others: shown, not judged. */
async function showEdges(
  model: Model,
  edges: NonNullable<IoiReference['edges']>,
  given: { readonly pairs: readonly PatchPair[]; readonly into: Figures },
): Promise<void> {
  const { graph, scores } = await edgeAttribution(model, given.pairs, { batch: 2 });
  for (const [name, expected] of Object.entries(edges.scores)) {
    const edge = graph.edges.find((one) => one.name === name);
    const found = edge ? scores[edge.index] : Number.NaN;
    given.into.figures.push({ what: `EAP-IG ${name}`, expected, found, ok: null });
  }
}

/**
 * Measures everything a reference lists on a model and compares, but for ACDC, which takes hours on GPT-2 small: see
 * {@link compareAcdc}. A few thousand short runs.
 *
 * @throws GlassboxError as patching does; `no-reference` when the figures are of a model of another shape;
 *   `not-one-token` when a name is several tokens
 */
export async function checkIoiReference(
  model: Model,
  reference: IoiReference,
  options: { readonly progress?: ProgressListener; readonly signal?: AbortSignal } = {},
): Promise<ReferenceFigure[]> {
  requireShape(model, reference);
  const into = figureList(reference.tolerance);
  const pairs = pairsOf(model, reference);
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['logit differences', () => checkDifferences(model, reference, { pairs, into })],
    ['answers', () => checkAnswers(model, reference, into)],
    [
      'direct effects',
      async () => {
        const folded = foldValueBiases(model);
        await checkFolded(folded, reference, { pairs, into });
        if (folded !== model) await folded.release();
      },
    ],
    ['patching', () => checkPatching(model, reference, { pairs, into })],
    [
      'head scores',
      async () => {
        if (reference.headScores) await checkHeadScores(model, reference.headScores, into);
      },
    ],
    [
      'edges',
      async () => {
        if (reference.edges) await showEdges(model, reference.edges, { pairs, into });
      },
    ],
  ];
  for (const [i, [label, step]] of steps.entries()) {
    options.signal?.throwIfAborted();
    await step();
    options.progress?.({ label, done: i + 1, total: steps.length, unit: 'steps' });
  }
  return into.figures;
}

async function checkDifferences(
  model: Model,
  reference: IoiReference,
  given: { readonly pairs: readonly PatchPair[]; readonly into: Figures },
): Promise<void> {
  const { pairs, into } = given;
  const sums = { clean: 0, corrupted: 0 };
  for (const [i, pair] of pairs.entries()) {
    const clean = await directLogitAttribution(model, pair.clean, pair);
    const corrupted = await directLogitAttribution(model, pair.corrupted, pair);
    into.add(`logit difference of prompt ${i}`, reference.logitDiffs[i], clean.logitDiff);
    sums.clean += clean.logitDiff / pairs.length;
    sums.corrupted += corrupted.logitDiff / pairs.length;
  }
  if (!reference.mean) return;
  into.add('mean logit difference, clean', reference.mean.clean, sums.clean);
  into.add('mean logit difference, corrupted', reference.mean.corrupted, sums.corrupted);
}
