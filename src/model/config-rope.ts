import { isRecord, JsonFields, show } from './config-fields.ts';
import type { RopeScaling, RotaryPositions } from './config-types.ts';

const ROPE_TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope'];

/** What a family adds to the common reading of the rotary keys. */
export interface RopeOptions {
  readonly dHead: number;
  readonly nCtx: number;
  /** Top-level keys of the base and of the rotated fraction, where the family has its own. */
  readonly thetaKey?: string;
  readonly fractionKey?: string;
  /** Rotated fraction of `d_head` when the file is silent. Absent: the family rotates all of it. */
  readonly fraction?: number;
  /** Phi-3: `su` and `yarn` are old names of `longrope`, and no other type exists. */
  readonly longropeOnly?: boolean;
  /** Default of a top-level `original_max_position_embeddings`, which has priority (Phi-3). */
  readonly originalContext?: number;
}

/**
 * Reads the rotary keys of families with one rotation for all layers. `rope_scaling` (old) wins over
 * `rope_parameters` (new), and a `rope_theta` inside either over the top-level one, as in
 * `transformers`.
 */
export function readRotary(fields: JsonFields, options: RopeOptions): RotaryPositions {
  const rope = ropeFields(fields);
  for (const key of ['full_attention', 'sliding_attention']) {
    if (rope.has(key))
      rope.fail(key, 'gives rotary settings per layer type, which only Gemma 3 has');
  }
  const thetaKey = options.thetaKey ?? 'rope_theta';
  const theta = rope.has('rope_theta')
    ? positive(rope, 'rope_theta')
    : positive(fields, thetaKey, 10_000);
  const dim = rotaryDim(fields, rope, options);
  const scaling = readScaling(fields, rope, { ...options, dim });
  return { kind: 'rotary', theta, dim, interleaved: false, scaling };
}

/** Gemma 3: full layers have base and scaling of their own, sliding layers a local base. */
export function readGemma3Rotary(
  fields: JsonFields,
  options: { readonly dHead: number; readonly nCtx: number },
): RotaryPositions {
  const { dHead, nCtx } = options;
  if (dHead % 2 !== 0) fields.fail('head_dim', `must be even to be rotated, got ${dHead}`);
  const both = fields.has('rope_parameters') ? fields.child('rope_parameters') : undefined;
  if (both?.has('rope_type') || both?.has('rope_theta')) {
    fields.fail('rope_parameters', 'must hold "full_attention" and "sliding_attention"');
  }
  const empty = new JsonFields({}, fields.file);
  const global = both?.has('full_attention') ? both.child('full_attention') : empty;
  const local = both?.has('sliding_attention') ? both.child('sliding_attention') : empty;
  const theta = global.has('rope_theta')
    ? positive(global, 'rope_theta')
    : positive(fields, 'rope_theta', 1_000_000);
  const localTheta = local.has('rope_theta')
    ? positive(local, 'rope_theta')
    : positive(fields, 'rope_local_base_freq', 10_000);
  if (ropeType(local) !== 'default') {
    local.fail('rope_type', 'must be "default" for sliding layers');
  }
  const rope = fields.has('rope_scaling') ? fields.child('rope_scaling') : global;
  const scaling = readScaling(fields, rope, { dHead, nCtx, dim: dHead });
  return { kind: 'rotary', theta, dim: dHead, interleaved: false, scaling, localTheta };
}

function positive(fields: JsonFields, key: string, fallback?: number): number {
  return fields.number(key, { min: 0, open: true }, fallback);
}

function ropeFields(fields: JsonFields): JsonFields {
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const value = fields.json[key];
    // An empty object means "not set", as None does.
    if (fields.has(key) && !(isRecord(value) && Object.keys(value).length === 0)) {
      return fields.child(key);
    }
  }
  return new JsonFields({}, fields.file);
}

function rotaryDim(fields: JsonFields, rope: JsonFields, options: RopeOptions): number {
  const { dHead } = options;
  const key = options.fractionKey ?? 'partial_rotary_factor';
  const holder = rope.has('partial_rotary_factor') ? rope : fields;
  const name = holder === rope ? 'partial_rotary_factor' : key;
  const fraction = holder.number(name, { min: 0, max: 1, open: true }, options.fraction ?? 1);
  if (options.fraction === undefined && fraction !== 1) {
    holder.fail(name, `is ${fraction}, but this family rotates whole heads`);
  }
  // transformers truncates here, so 0.3 of 80 dimensions are 24 and not 23.999….
  const dim = Math.trunc(dHead * fraction);
  if (dim < 2 || dim % 2 !== 0) {
    holder.fail(name, `rotates ${dim} of ${dHead} head dimensions; an even number was expected`);
  }
  return dim;
}

function ropeType(rope: JsonFields): string {
  return rope.string('rope_type', rope.string('type', 'default'));
}

function readScaling(
  fields: JsonFields,
  rope: JsonFields,
  options: RopeOptions & { readonly dim: number },
): RopeScaling {
  const type = scalingType(rope, options);
  const factor = () => rope.number('factor', { min: 0, open: true });
  if (type === 'default') return { kind: 'none' };
  if (type === 'linear') return { kind: 'linear', factor: factor() };
  if (type === 'dynamic') {
    return { kind: 'dynamic', factor: factor(), originalContext: options.nCtx };
  }
  const originalContext = readOriginalContext(fields, rope, options);
  if (type === 'llama3') {
    const lowFreqFactor = positive(rope, 'low_freq_factor');
    const highFreqFactor = positive(rope, 'high_freq_factor');
    if (highFreqFactor <= lowFreqFactor) {
      rope.fail('high_freq_factor', `must be above low_freq_factor (${lowFreqFactor})`);
    }
    return { kind: 'llama3', factor: factor(), lowFreqFactor, highFreqFactor, originalContext };
  }
  const ratio = options.nCtx / originalContext;
  const stretch = positive(rope, 'factor', ratio);
  if (type === 'yarn') {
    return {
      kind: 'yarn',
      factor: stretch,
      originalContext,
      betaFast: positive(rope, 'beta_fast', 32),
      betaSlow: positive(rope, 'beta_slow', 1),
      truncate: rope.bool('truncate', true),
      attentionFactor: yarnAttentionFactor(rope, stretch),
    };
  }
  const longrope = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalContext));
  return {
    kind: 'longrope',
    shortFactor: rope.positives('short_factor', options.dim / 2),
    longFactor: rope.positives('long_factor', options.dim / 2),
    originalContext,
    attentionFactor: positive(rope, 'attention_factor', longrope),
  };
}

function scalingType(rope: JsonFields, options: RopeOptions): string {
  const given = ropeType(rope);
  const type = options.longropeOnly && (given === 'su' || given === 'yarn') ? 'longrope' : given;
  const known = options.longropeOnly ? ['default', 'longrope'] : ROPE_TYPES;
  if (!known.includes(type)) {
    const key = rope.has('rope_type') ? 'rope_type' : 'type';
    rope.fail(key, `is ${show(given)}; supported are ${known.join(', ')}`);
  }
  return type;
}

function readOriginalContext(fields: JsonFields, rope: JsonFields, options: RopeOptions): number {
  const key = 'original_max_position_embeddings';
  if (fields.has(key)) return fields.size(key);
  return options.originalContext ?? rope.size(key, options.nCtx);
}

/** Peng et al. 2023 (YaRN), equation 22, with the two optional multipliers of DeepSeek. */
function yarnAttentionFactor(rope: JsonFields, factor: number): number {
  if (rope.has('attention_factor')) return positive(rope, 'attention_factor');
  const scale = (multiplier: number) => (factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1);
  const numerator = rope.number('mscale', { min: 0 }, 0);
  const denominator = rope.number('mscale_all_dim', { min: 0 }, 0);
  if (numerator === 0 || denominator === 0) return scale(1);
  return scale(numerator) / scale(denominator);
}
