import type { TensorData } from '../../graph/op.ts';
import { createModel, type Model } from '../../model/model.ts';
import { directLogitAttribution } from '../attribution.ts';
import { averagePatching, type PatchPair, type PatchSite } from '../patching/index.ts';
import { resolveToken } from '../prompt.ts';
import { ioiTokens } from './dataset.ts';
import type { IoiRole } from './roles.ts';

/** Published figures of one model on fixed prompts. */
export interface IoiReference {
  readonly model: string;
  /** Largest difference that passes, in the unit of each figure. */
  readonly tolerance: number;
  readonly prompts: readonly {
    readonly clean: string;
    readonly corrupted: string;
    readonly target: string;
    readonly distractor: string;
  }[];
  /** Position of the second subject, the begin-of-text token counted. */
  readonly s2: number;
  /** Logit difference of each clean prompt. */
  readonly logitDiffs: readonly number[];
  /** Mean logit difference of the stream so far, e.g. `9_mid`, with the final norm's scale. */
  readonly lens: Readonly<Record<string, number>>;
  /** Mean direct effects of layers, e.g. `attn 9`, `mlp 0`, and of heads, e.g. `9.9`. */
  readonly layers: Readonly<Record<string, number>>;
  readonly heads: Readonly<Record<string, number>>;
  /** Effects of denoising, normalised; rows are layers, or heads as `layer.head`. */
  readonly patching: readonly {
    readonly site: PatchSite;
    readonly at: 's2' | 'end' | 'all';
    readonly effects: Readonly<Record<string, number>>;
  }[];
  /** Heads by role, as the paper has them. */
  readonly roles: Readonly<Partial<Record<IoiRole, readonly string[]>>>;
}

/** One published figure beside the measured one. */
export interface ReferenceFigure {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  readonly ok: boolean;
}

/**
 * The same model with value biases moved into the output bias, which attention weights that sum to one
 * allow: published shares of heads do not count value biases.
 */
export function foldValueBiases(model: Model): Model {
  const { config, params, runtime, tokenizer, name } = model;
  if (!config.biases.qkv || !config.biases.attnOut) return model;
  const { dModel, dHead, nHeads, nKvHeads } = config;
  const folded: Record<string, TensorData> = { ...params };
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `blocks.${layer}.attn`;
    const value = params[`${at}.v.bias`].data as Float32Array;
    const output = params[`${at}.o.weight`].data as Float32Array;
    const bias = Float64Array.from(params[`${at}.o.bias`].data as Float32Array);
    for (let i = 0; i < nHeads * dHead; i++) {
      const head = Math.floor(Math.floor(i / dHead) / (nHeads / nKvHeads));
      const v = value[head * dHead + (i % dHead)];
      for (let d = 0; d < dModel; d++) bias[d] += v * output[i * dModel + d];
    }
    const data = Float32Array.from(bias);
    folded[`${at}.o.bias`] = { dtype: 'float32', shape: [dModel], data };
    const shape = params[`${at}.v.bias`].shape;
    folded[`${at}.v.bias`] = { dtype: 'float32', shape, data: new Float32Array(value.length) };
  }
  return createModel(config, folded, { runtime, tokenizer, name });
}

type Sums = Map<string, number>;

/** Mean direct effects: heads `9.9`, layers `attn 9`, `mlp 9`, and running sums `9_mid`. */
async function directEffects(model: Model, pairs: readonly PatchPair[]): Promise<Sums> {
  const sums: Sums = new Map();
  const put = (name: string, effect: number) =>
    sums.set(name, (sums.get(name) ?? 0) + effect / pairs.length);
  for (const { clean, target, distractor } of pairs) {
    const { components } = await directLogitAttribution(model, clean, { target, distractor });
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

/**
 * Measures everything a reference lists on a model and compares. Takes a few thousand short runs.
 *
 * @throws GlassboxError as patching does, and `not-one-token` when a name is several tokens
 */
export async function checkIoiReference(
  model: Model,
  reference: IoiReference,
): Promise<ReferenceFigure[]> {
  const { tolerance } = reference;
  const pairs: PatchPair[] = reference.prompts.map(({ clean, corrupted, target, distractor }) => ({
    clean: ioiTokens(model, clean),
    corrupted: ioiTokens(model, corrupted),
    target: resolveToken(model, ` ${target}`),
    distractor: resolveToken(model, ` ${distractor}`),
    positions: { s2: [reference.s2, reference.s2], end: [-1, -1] },
  }));
  const figures: ReferenceFigure[] = [];
  const compare = (what: string, expected: number, found: number) =>
    figures.push({ what, expected, found, ok: Math.abs(found - expected) <= tolerance });
  for (const [i, pair] of pairs.entries()) {
    const { logitDiff } = await directLogitAttribution(model, pair.clean, pair);
    compare(`logit difference of prompt ${i}`, reference.logitDiffs[i], logitDiff);
  }
  const folded = foldValueBiases(model);
  const direct = await directEffects(folded, pairs);
  if (folded !== model) await folded.release();
  for (const [name, expected] of [
    ...Object.entries(reference.lens),
    ...Object.entries(reference.layers),
    ...Object.entries(reference.heads),
  ]) {
    compare(`direct ${name}`, expected, direct.get(name) ?? Number.NaN);
  }
  for (const { site, at, effects } of reference.patching) {
    const whole = pairs.map(({ positions: _, ...pair }) => pair);
    const found = await averagePatching(model, at === 'all' ? whole : pairs, { site });
    const column = found.axes.columns.labels.indexOf(at);
    for (const [name, expected] of Object.entries(effects)) {
      const [layer, head = column] = name.split('.').map(Number);
      const value = found.effect[layer]?.[head]?.value ?? Number.NaN;
      compare(`patching ${site} ${name}${at === 'all' ? '' : ` at ${at}`}`, expected, value);
    }
  }
  return figures;
}
