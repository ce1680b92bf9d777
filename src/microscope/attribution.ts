import type { Model } from '../model/model.ts';
import type { Edit } from '../model/run/edit-types.ts';
import { notFinite } from '../model/run/finite.ts';
import { resolvePosition } from './prompt.ts';

/** What one component writes into the residual stream, measured along a direction. */
export interface ComponentEffect {
  /** `embed`, `pos_embed`, `L0H3`, `attn_bias 0`, `mlp 0`. */
  readonly name: string;
  readonly kind: 'embed' | 'pos_embed' | 'head' | 'attn_bias' | 'mlp';
  readonly layer: number | null;
  readonly head: number | null;
  /** Logits. */
  readonly effect: number;
}

/** Direct logit attribution at one position. */
export interface DirectLogitAttribution {
  readonly position: number;
  /** What the final norm divides by at the position; every effect is proportional to 1 / scale. */
  readonly scale: number;
  /** Logit of the target minus that of the distractor (or minus the mean logit), before a soft cap. */
  readonly logitDiff: number;
  /** The share that no component writes: biases of the final norm and of the unembedding. */
  readonly constant: number;
  /** `constant` and the effects of all components sum to `logitDiff`. */
  readonly components: readonly ComponentEffect[];
}

/** Which logit is split, and where. */
export interface LogitAttributionOptions {
  readonly target: number;
  /** Compared with the mean logit over the vocabulary when absent. */
  readonly distractor?: number;
  /** The last position unless told; negative counts from the end. */
  readonly position?: number;
  /** Interventions in force during the run, e.g. heads that are knocked out. */
  readonly edits?: readonly Edit[];
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>, offset = 0): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[offset + i];
  return total;
}

/** Unembedding column of the target minus that of the distractor (or the mean column), with bias. */
function unembeddingDirection(model: Model, { target, distractor }: LogitAttributionOptions) {
  const { config, params } = model;
  const { dModel, dVocab } = config;
  const weight = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  const bias = config.biases.unembed ? (params['unembed.bias'].data as Float32Array) : null;
  const direction = Float64Array.from(weight.subarray(target * dModel, (target + 1) * dModel));
  let constant = bias ? bias[target] : 0;
  if (distractor !== undefined) {
    for (let i = 0; i < dModel; i++) direction[i] -= weight[distractor * dModel + i];
    if (bias) constant -= bias[distractor];
    return { direction, constant };
  }
  for (let token = 0; token < dVocab; token++) {
    for (let i = 0; i < dModel; i++) direction[i] -= weight[token * dModel + i] / dVocab;
    if (bias) constant -= bias[token] / dVocab;
  }
  return { direction, constant };
}

/**
 * A direction seen through a norm whose scale is held: contributions x of components of the norm's
 * input are worth x · result, and `constant` comes from the norm's bias.
 */
function throughNorm(
  model: Model,
  name: string,
  options: { readonly direction: Float64Array; readonly scale: number },
): { direction: Float64Array; constant: number } {
  const { config, params } = model;
  const weight = params[`${name}.weight`].data as Float32Array;
  const isLayer = config.norm === 'layer';
  const direction = options.direction.map(
    (value, i) => (value * (weight[i] + (isLayer ? 0 : config.rmsOffset))) / options.scale,
  );
  if (!isLayer) return { direction, constant: 0 };
  // Layer norm also subtracts the mean of its input, so the direction's own mean counts for nothing.
  const mean = direction.reduce((a, b) => a + b, 0) / direction.length;
  const bias = params[`${name}.bias`].data as Float32Array;
  return {
    direction: direction.map((value) => value - mean),
    constant: dot(options.direction, bias),
  };
}

/**
 * Direct logit attribution: the logit difference at one position split over everything that wrote into
 * the residual stream, with the scale of the final norm held at its value (Elhage et al. 2021). The
 * parts sum to the logit difference exactly, up to rounding.
 *
 * @throws GlassboxError `not-finite` for parts that are NaN
 */
export async function directLogitAttribution(
  model: Model,
  tokens: readonly number[],
  options: LogitAttributionOptions,
): Promise<DirectLogitAttribution> {
  const { config, params } = model;
  const { nLayers, nHeads, dHead, dModel } = config;
  const position = resolvePosition(options.position ?? -1, tokens.length);
  const layers = Array.from({ length: nLayers }, (_, l) => `blocks.${l}`);
  const learned = config.positions.kind === 'learned';
  const { cache } = await model.runWithEdits(
    tokens,
    options.edits ?? [],
    [
      'hook_embed',
      ...(learned ? ['hook_pos_embed'] : []),
      ...layers.flatMap((at) => [`${at}.attn.hook_z`, `${at}.hook_mlp_out`]),
      ...(config.postNorms ? layers.map((at) => `${at}.ln1_post.hook_scale`) : []),
      'ln_final.hook_scale',
    ],
    { logits: 'none' },
  );
  const vector = (address: string) => cache[address].data as Float32Array;
  const at = (address: string, direction: ArrayLike<number>) =>
    dot(direction, vector(address), position * dModel);

  const unembedding = unembeddingDirection(model, options);
  const scale = vector('ln_final.hook_scale')[position];
  const final = throughNorm(model, 'ln_final', { direction: unembedding.direction, scale });
  let constant = unembedding.constant + final.constant;
  const components: ComponentEffect[] = [
    {
      name: 'embed',
      kind: 'embed',
      layer: null,
      head: null,
      effect: at('hook_embed', final.direction),
    },
  ];
  if (learned) {
    const effect = at('hook_pos_embed', final.direction);
    components.push({ name: 'pos_embed', kind: 'pos_embed', layer: null, head: null, effect });
  }
  layers.forEach((block, layer) => {
    let { direction } = final;
    if (config.postNorms) {
      const behind = vector(`${block}.ln1_post.hook_scale`)[position];
      const post = throughNorm(model, `${block}.ln1_post`, { direction, scale: behind });
      direction = post.direction;
      constant += post.constant;
    }
    const output = params[`${block}.attn.o.weight`].data as Float32Array;
    const z = vector(`${block}.attn.hook_z`);
    for (let head = 0; head < nHeads; head++) {
      let effect = 0;
      for (let i = 0; i < dHead; i++) {
        const row = head * dHead + i;
        effect += z[position * nHeads * dHead + row] * dot(direction, output, row * dModel);
      }
      components.push({ name: `L${layer}H${head}`, kind: 'head', layer, head, effect });
    }
    if (config.biases.attnOut) {
      const effect = dot(direction, params[`${block}.attn.o.bias`].data as Float32Array);
      components.push({ name: `attn_bias ${layer}`, kind: 'attn_bias', layer, head: null, effect });
    }
    const effect = at(`${block}.hook_mlp_out`, final.direction);
    components.push({ name: `mlp ${layer}`, kind: 'mlp', layer, head: null, effect });
  });
  const logitDiff = components.reduce((sum, { effect }) => sum + effect, constant);
  if (!Number.isFinite(logitDiff)) {
    const edited = (options.edits?.length ?? 0) > 0;
    throw notFinite(`the parts of the logit at position ${position}`, { edited });
  }
  return { position, scale, logitDiff, constant, components };
}
