import type { Model } from '../../../model/model.ts';
import type { Edit } from '../../../model/run/edit-types.ts';
import { directLogitAttribution } from '../../attribution.ts';
import { tokenMeasures } from '../../loss.ts';
import type { PatchPair } from '../../patching/index.ts';
import { resolveToken } from '../../prompt.ts';
import { ioiTokens } from '../dataset.ts';
import type { Figures, Given, Listened, Means } from './figures.ts';
import type { IoiReference } from './types.ts';

/** Layer and head of a name such as `9.9`. */
function headOf(name: string): { layer: number; head: number } {
  const [layer, head] = name.split('.').map(Number);
  return { layer, head };
}

/** Mean direct effects: heads `9.9`, layers `attn 9`, `mlp 9`, and running sums `9_mid`; `all` is the logit difference. */
async function directEffects(
  model: Model,
  pairs: readonly PatchPair[],
  options: Listened & { readonly edits?: readonly Edit[] },
): Promise<Means> {
  const { edits = [], progress, signal } = options;
  const sums = new Map<string, number>();
  const put = (name: string, effect: number) =>
    sums.set(name, (sums.get(name) ?? 0) + effect / pairs.length);
  for (const [done, { clean, target, distractor }] of pairs.entries()) {
    signal?.throwIfAborted();
    progress?.({ label: 'direct effects', done, total: pairs.length, unit: 'prompts' });
    const { components, logitDiff } = await directLogitAttribution(model, clean, {
      target,
      distractor,
      edits,
    });
    put('all', logitDiff);
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

/** Direct effects, also with a head knocked out: on folded value biases. */
export async function checkDirect(
  model: Model,
  { lens, layers, heads, knockOut }: IoiReference,
  { pairs, into, ...listened }: Given,
): Promise<void> {
  if (pairs.length === 0) return;
  const direct = await directEffects(model, pairs, listened);
  for (const published of [lens, layers, heads]) into.addAll('direct', published, direct);
  if (!knockOut) return;
  const { layer, head } = headOf(knockOut.head);
  const at = `blocks.${layer}.attn.hook_z`;
  const edit: Edit = { op: 'zero', at, heads: [head], positions: [-1] };
  const without = await directEffects(model, pairs, { ...listened, edits: [edit] });
  into.addAll(`direct without ${knockOut.head}`, knockOut.heads, without);
  if (knockOut.mean === undefined) return;
  into.add(`mean logit difference without ${knockOut.head}`, knockOut.mean, without.get('all')!);
}

/** The loss as it is, and without the values of one head: folded, and as they are. */
export async function checkLoss(
  { model, folded }: { readonly model: Model; readonly folded: Model },
  { loss }: IoiReference,
  into: Figures,
): Promise<void> {
  if (!loss) return;
  const { layer, head } = headOf(loss.head);
  const edit: Edit = { op: 'zero', at: `blocks.${layer}.attn.hook_v`, heads: [head] };
  const measure = async (of: Model, edits: readonly Edit[]) => {
    const { meanLoss } = await tokenMeasures(of, ioiTokens(of, loss.text), { topK: 1, edits });
    return meanLoss;
  };
  into.add('loss', loss.plain, await measure(folded, []));
  into.add(`loss without ${loss.head}`, loss.ablated, await measure(folded, [edit]));
  if (loss.ablatedUnfolded === undefined) return;
  const raw = await measure(model, [edit]);
  into.add(`loss without ${loss.head}, value biases included`, loss.ablatedUnfolded, raw);
}

/** Logits at the last position. */
async function lastLogits(model: Model, text: string): Promise<Float32Array> {
  const { logits } = await model.forward(ioiTokens(model, text), { logits: 'last' });
  return logits!.data as Float32Array;
}

/** Answers to single prompts. */
export async function checkAnswers(
  model: Model,
  reference: IoiReference,
  into: Figures,
): Promise<void> {
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

/** Logit differences of every pair, and their means. */
export async function checkDifferences(
  model: Model,
  reference: IoiReference,
  { pairs, into, progress, signal }: Given,
): Promise<void> {
  const sums = { clean: 0, corrupted: 0 };
  for (const [i, pair] of pairs.entries()) {
    signal?.throwIfAborted();
    progress?.({ label: 'logit differences', done: i, total: pairs.length, unit: 'prompts' });
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
