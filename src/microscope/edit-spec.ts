import { z } from 'zod';
import { GlassboxError } from '../base/error.ts';
import { Rng } from '../base/rng.ts';
import type { TensorData } from '../graph/op.ts';
import { addressInfo, selectAddresses } from '../model/address.ts';
import type { Model } from '../model/model.ts';
import type { Edit } from '../model/run/edit-types.ts';
import { type DictionaryFinder, featureEdits } from './feature-edit.ts';
import { encodePrompt, resolveToken } from './prompt.ts';

/** A direction in the space of an address's last axis; made unit length. */
const direction = z.union([
  z
    .strictObject({
      token: z.union([z.string(), z.int()]),
      minus: z.union([z.string(), z.int()]).optional(),
    })
    .describe('unembedding of a token, minus that of another; where the last axis is d_model'),
  z.strictObject({ vector: z.array(z.number()).min(1) }).describe('these numbers'),
  z.strictObject({ random: z.int() }).describe('a random direction from this seed'),
]);

const place = {
  at: z.string().min(1).describe('address, or glob such as blocks.*.hook_mlp_out'),
  positions: z
    .union([z.array(z.int()), z.enum(['prompt', 'generated'])])
    .optional()
    .describe('token positions, negative from the end; everywhere when left out'),
  heads: z.array(z.int().min(0)).optional().describe('heads, where the address has them'),
};

/** An intervention as JSON: what the command line, the page and saved links carry. */
export const editSpecSchema = z.discriminatedUnion('op', [
  z.strictObject({ ...place, op: z.literal('zero') }),
  z
    .strictObject({ ...place, op: z.literal('mean') })
    .describe('mean over the positions of the prompt'),
  z.strictObject({ ...place, op: z.literal('scale'), strength: z.number().describe('factor') }),
  z.strictObject({
    ...place,
    op: z.literal('add'),
    direction,
    strength: z.number().describe('in lengths of the clean activation: 1 adds as much as is there'),
  }),
  z.strictObject({
    ...place,
    op: z.literal('set'),
    value: z.union([z.number(), z.array(z.number()).min(1)]),
  }),
  z.strictObject({
    ...place,
    op: z.literal('project'),
    direction,
    strength: z.number().optional().describe('share removed; 1 when left out'),
  }),
  z.strictObject({
    ...place,
    op: z.literal('patch'),
    from: z.string().describe('prompt of the same number of tokens whose activations are taken'),
  }),
  z
    .strictObject({ ...place, op: z.literal('freeze') })
    .describe('hold the value of the unedited run'),
  z
    .strictObject({
      ...place,
      op: z.literal('feature'),
      feature: z.string().min(3).describe('dictionary and number, such as transcoder-2:17'),
      strength: z.number().describe('factor: 0 ablates the feature, 2 doubles it'),
    })
    .describe('multiply what a feature of a dictionary writes at this address'),
]);
/** One intervention as JSON, as files and the page write it. */
export type EditSpec = z.infer<typeof editSpecSchema>;
type Direction = z.infer<typeof direction>;

/** Checks JSON for a list of edits. Throws `bad-edit`, naming the entry and the field. */
export function parseEditSpecs(json: unknown): EditSpec[] {
  const list = Array.isArray(json) ? json : [json];
  return list.map((entry, index) => {
    const parsed = editSpecSchema.safeParse(entry);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const field = issue.path.join('.') || 'it';
    throw new GlassboxError(`edit ${index}: ${field}: ${issue.message}`, {
      code: 'bad-edit',
      remedy:
        'Write an edit as {"at": "blocks.0.hook_mlp_out", "op": "zero"}; see docs/recipes for each op.',
      details: { index, field },
    });
  });
}

function unit(values: Float64Array, what: string): Float64Array {
  const norm = Math.hypot(...values);
  if (norm > 0 && Number.isFinite(norm)) return values.map((value) => value / norm);
  throw new GlassboxError(`${what} has no direction: its length is ${norm}`, {
    code: 'bad-edit',
    remedy: 'Choose two different tokens, or a vector that is not zero.',
  });
}

/** A unit vector for the last axis of an address. */
export function directionVector(model: Model, address: string, given: Direction): Float64Array {
  const { config, params } = model;
  const words = addressInfo(config, address).shape;
  const size = { d_model: config.dModel, d_head: config.dHead, d_mlp: config.dMlp }[
    words.at(-1) as 'd_model'
  ];
  if (size === undefined) {
    throw new GlassboxError(`'${address}' has no vectors along its last axis`, {
      code: 'bad-edit',
      remedy: 'Directions act on residual streams, queries, keys, values, z, results and neurons.',
      details: { address },
    });
  }
  if ('random' in given) {
    const rng = new Rng(given.random);
    return unit(
      Float64Array.from({ length: size }, () => rng.normal()),
      'the random vector',
    );
  }
  if ('vector' in given) {
    if (given.vector.length !== size) {
      throw new GlassboxError(
        `the direction has ${given.vector.length} numbers, '${address}' has ${size} (${words.at(-1)})`,
        { code: 'bad-edit-shape', remedy: `Give ${size} numbers.`, details: { address, size } },
      );
    }
    return unit(Float64Array.from(given.vector), 'the vector');
  }
  if (words.at(-1) !== 'd_model') {
    throw new GlassboxError(
      `a token's direction has d_model numbers, '${address}' has ${words.at(-1)}`,
      {
        code: 'bad-edit-shape',
        remedy: 'Use it at a residual stream, an attention or MLP output, or hook_result.',
        details: { address },
      },
    );
  }
  const weight = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  const row = (token: string | number) => {
    const id = resolveToken(model, token);
    return weight.subarray(id * size, (id + 1) * size);
  };
  const values = Float64Array.from(row(given.token));
  if (given.minus === undefined) return unit(values, `'${given.token}'`);
  const minus = row(given.minus);
  const difference = values.map((value, i) => value - minus[i]);
  return unit(difference, `'${given.token}' minus '${given.minus}'`);
}

/** Mean length of the vectors along the last axis. */
export function meanNorm({ data, shape }: TensorData): number {
  const width = shape.at(-1)!;
  const count = data.length / width;
  let total = 0;
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let i = 0; i < width; i++) square += Number(data[row * width + i]) ** 2;
    total += Math.sqrt(square);
  }
  return total / count;
}

/**
 * Turns edits as JSON into edits of the model for one prompt: looks tokens up, runs the prompts that
 * values come from, and turns relative strengths into lengths.
 */
export async function resolveEdits(
  model: Model,
  tokens: readonly number[],
  specs: readonly EditSpec[],
  options: {
    /** Where edits of features find their dictionaries. */
    readonly dictionaries?: DictionaryFinder;
  } = {},
): Promise<Edit[]> {
  const { config } = model;
  const measured = specs.filter(({ op }) => op === 'add' || op === 'freeze');
  const wanted = new Set(measured.flatMap(({ at }) => selectAddresses(config, at)));
  const clean =
    wanted.size === 0
      ? {}
      : (await model.runWithCache(tokens, [...wanted], { logits: 'none' })).cache;

  const resolveOne = async (spec: EditSpec): Promise<Edit[]> => {
    const { at, positions, heads } = spec;
    const where = { at, positions, heads };
    switch (spec.op) {
      case 'zero':
        return [{ ...where, op: 'zero' }];
      case 'mean':
        return [{ ...where, op: 'mean', over: 'positions' }];
      case 'scale':
        return [{ ...where, op: 'scale', factor: spec.strength }];
      case 'set':
        return [{ ...where, op: 'set', value: spec.value }];
      case 'freeze':
        return [{ ...where, op: 'freeze', from: clean }];
      case 'add':
        return selectAddresses(config, at).map((address) => ({
          ...where,
          at: address,
          op: 'add',
          vector: Float32Array.from(directionVector(model, address, spec.direction)),
          strength: spec.strength * meanNorm(clean[address]),
        }));
      case 'project':
        return selectAddresses(config, at).map((address) => ({
          ...where,
          at: address,
          op: 'project',
          direction: Float32Array.from(directionVector(model, address, spec.direction)),
          strength: spec.strength ?? 1,
        }));
      case 'feature': {
        const { feature, strength: factor } = spec;
        if (heads !== undefined) {
          throw new GlassboxError(`'${feature}' writes as a whole, not to single heads`, {
            code: 'bad-edit',
            remedy: 'Leave heads out of the edit.',
          });
        }
        const wanted = { at: selectAddresses(config, at), feature, factor, positions };
        return featureEdits(model, tokens, wanted, options.dictionaries);
      }
      case 'patch':
        return [{ ...where, op: 'patch', from: await otherRun(model, tokens, spec) }];
    }
  };
  return (await Promise.all(specs.map(resolveOne))).flat();
}

async function otherRun(
  model: Model,
  tokens: readonly number[],
  { at, from }: { readonly at: string; readonly from: string },
): Promise<Readonly<Record<string, TensorData>>> {
  const other = encodePrompt(model, from);
  if (other.length !== tokens.length) {
    throw new GlassboxError(
      `the prompt to patch from has ${other.length} tokens, the prompt has ${tokens.length}`,
      {
        code: 'prompts-differ-in-length',
        remedy:
          'Change words to ones with the same number of tokens, so that positions correspond.',
      },
    );
  }
  return (await model.runWithCache(other, at, { logits: 'none' })).cache;
}
