import { GlassboxError } from '../../../base/error.ts';
import { type ProgressListener, wholeProgress } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { edgeAttribution } from '../../circuits/index.ts';
import { averagePatching, type PatchPair, type PatchSite } from '../../patching/index.ts';
import { resolveToken } from '../../prompt.ts';
import { ioiTokens } from '../dataset.ts';
import { figureList, type Given, type Listened, type Means } from './figures.ts';
import { foldValueBiases } from './fold.ts';
import { checkAnswers, checkDifferences, checkDirect, checkLoss } from './measure-answers.ts';
import type { IoiReference, ReferenceFigure } from './types.ts';

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

function pairsOf(model: Model, reference: IoiReference): PatchPair[] {
  return reference.prompts.map(({ clean, corrupted, target, distractor }) => ({
    clean: ioiTokens(model, clean),
    corrupted: ioiTokens(model, corrupted),
    target: resolveToken(model, ` ${target}`),
    distractor: resolveToken(model, ` ${distractor}`),
  }));
}

/** One sweep: a site at all positions, or at every position that a table is published for. */
interface Sweep {
  readonly site: PatchSite;
  /** Empty for all positions together. */
  readonly positions: readonly number[];
  readonly tables: IoiReference['patching'];
}

function sweepsOf({ patching }: IoiReference): Sweep[] {
  const groups = new Map<string, IoiReference['patching'][number][]>();
  for (const one of patching) {
    const key = `${one.site} ${one.at === 'all'}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((tables) => ({
    site: tables[0].site,
    positions: tables.flatMap(({ at }) => (at === 'all' ? [] : [at])),
    tables,
  }));
}

/** Patched runs of a sweep. */
function runsOf(model: Model, pairs: readonly PatchPair[], { positions }: Sweep): number {
  const { nLayers, nHeads } = model.config;
  return pairs.length * nLayers * (positions.length || nHeads);
}

async function checkSweep(
  model: Model,
  { site, positions, tables }: Sweep,
  { pairs, into, ...listened }: Given,
): Promise<void> {
  const named = Object.fromEntries(positions.map((at) => [at, [at, at] as const]));
  const chosen =
    positions.length === 0 ? pairs : pairs.map((one) => ({ ...one, positions: named }));
  const found = await averagePatching(model, chosen, { site, ...listened });
  for (const { at, effects } of tables) {
    const column = found.axes.columns.labels.indexOf(String(at));
    for (const [name, expected] of Object.entries(effects)) {
      const [layer, head = column] = name.split('.').map(Number);
      const value = found.effect[layer]?.[head]?.value ?? Number.NaN;
      into.add(`patching ${site} ${name}${at === 'all' ? '' : ` at ${at}`}`, expected, value);
    }
  }
}

/** Mean attention of every head, `9.9`, along a diagonal so many tokens back. */
async function diagonals(
  model: Model,
  prompts: readonly (readonly number[])[],
  { back, progress, signal }: Listened & { readonly back: readonly number[] },
): Promise<Means[]> {
  const { nLayers, nHeads } = model.config;
  const out = back.map(() => new Map<string, number>());
  for (const [done, prompt] of prompts.entries()) {
    signal?.throwIfAborted();
    progress?.({ label: 'head scores', done, total: prompts.length, unit: 'prompts' });
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
  { headScores }: IoiReference,
  { into, ...listened }: Given,
): Promise<void> {
  if (!headScores) return;
  const { halves, previousToken = {}, duplicateToken = {}, induction = {} } = headScores;
  const length = halves[0].length;
  const prompts = halves.map((half) => [...half, ...half]);
  const [before, same, next] = await diagonals(model, prompts, {
    ...listened,
    back: [1, length, length - 1],
  });
  into.addAll('previous token', previousToken, before);
  into.addAll('duplicate token', duplicateToken, same);
  into.addAll('induction', induction, next);
}

/** Edge scores on the reference's prompts beside published ones on others: shown, not judged. */
async function showEdges(
  model: Model,
  { edges }: IoiReference,
  { pairs, into, ...listened }: Given,
): Promise<void> {
  if (!edges) return;
  const { graph, scores } = await edgeAttribution(model, pairs, { batch: 2, ...listened });
  for (const [name, expected] of Object.entries(edges.scores)) {
    const edge = graph.edges.find((one) => one.name === name);
    const found = edge ? scores[edge.index] : Number.NaN;
    into.figures.push({ what: `EAP-IG ${name}`, expected, found, ok: null });
  }
}

/**
 * Measures everything a reference lists on a model and compares, but for ACDC, which takes hours on GPT-2 small: see
 * {@link compareAcdc}. Some thousand short runs.
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
  const sweeps = sweepsOf(reference);
  const runs = sweeps.map((sweep) => runsOf(model, pairs, sweep));
  // Steps beside the sweeps, in runs of about one prompt each.
  const few = 4 * Math.max(1, pairs.length);
  const total = runs.reduce((a, b) => a + b, 0) + 4 * few;
  const whole = wholeProgress(options.progress, {
    label: 'published figures',
    total,
    unit: 'runs',
  });
  const { signal } = options;
  const given = (size: number): Given => ({ pairs, into, signal, progress: whole.step(size) });
  await checkDifferences(model, reference, given(few));
  await checkAnswers(model, reference, into);
  const folded = foldValueBiases(model);
  await checkDirect(folded, reference, given(few));
  await checkLoss({ model, folded }, reference, into);
  if (folded !== model) await folded.release();
  for (const [i, sweep] of sweeps.entries()) await checkSweep(model, sweep, given(runs[i]));
  await checkHeadScores(model, reference, given(few));
  await showEdges(model, reference, given(few));
  whole.step(0);
  return into.figures;
}
