import { GlassboxError } from '../../../base/error.ts';
import { addressInfo } from '../../../model/address.ts';
import type { Model } from '../../../model/model.ts';

/** Texts to read activations from: batch `index` is a function of its index alone. */
export interface TokenSource {
  /** Rows of token ids; rows may differ in length. Undefined beyond the end of a finite corpus. */
  batch(index: number): readonly (readonly number[])[] | undefined;
  /** For progress and cards, e.g. `built-in world, seed 7`. */
  readonly name: string;
}

/** Which tokens' activations are left out. */
export interface TokenFilter {
  /** Tokens that are never used, such as begin-of-text and padding. */
  readonly excluded?: readonly number[];
  /**
   * Leaves out tokens where some read address is longer than this many times the median of its batch
   * (attention sinks; dictionary_learning #31).
   */
  readonly maxNormRatio?: number;
}

/** Models to read, each with the addresses wanted of it. Several models see the same tokens. */
export interface ActivationSource {
  readonly model: Model;
  readonly addresses: readonly string[];
  /** Put before addresses in results, to tell two models apart; empty unless told. */
  readonly prefix?: string;
}

/** Activations of chosen tokens: `[rows, width]` per address, and the tokens they stand at. */
export interface TokenActivations {
  readonly rows: number;
  readonly values: Readonly<Record<string, Float32Array>>;
  /** Row of the token batch and position in it, for every row here. */
  readonly at: readonly { readonly row: number; readonly position: number }[];
}

/** Written before addresses of the second model of a crosscoder. */
export const OTHER = 'other:';

/** Width of an address a dictionary can stand at; heads are laid side by side. */
export function addressWidth(model: Model, address: string): number {
  const { dModel, dHead, dMlp, nHeads, nKvHeads } = model.config;
  const sizes = {
    d_model: dModel,
    d_head: dHead,
    d_mlp: dMlp,
    n_heads: nHeads,
    n_kv_heads: nKvHeads,
  };
  const { shape } = addressInfo(model.config, address);
  const words = shape.slice(2) as (keyof typeof sizes)[];
  if (shape[0] === 'batch' && shape[1] === 'pos' && words.every((word) => word in sizes)) {
    return words.reduce((product, word) => product * sizes[word], 1);
  }
  throw new GlassboxError(`no dictionary can stand at '${address}': it has no vector per token`, {
    code: 'bad-dictionary-address',
    remedy: 'Use a residual stream, an attention or MLP input or output, or hook_z.',
    details: { address, shape },
  });
}

/**
 * Whether what is written at an address adds to logits through the final norm and the unembedding alone: a vector of the
 * model's own stream, not of heads or neurons, which can be as wide by chance.
 */
export function reachesLogits(model: Model, address: string): boolean {
  if (address.startsWith(OTHER)) return false;
  return addressInfo(model.config, address).shape.join() === 'batch,pos,d_model';
}

/**
 * Throws unless activations are numbers: NaN counts as silent everywhere below.
 *
 * @throws GlassboxError `not-finite`, naming the address
 */
export function checkActivations(values: Float32Array, model: Model, address: string): void {
  // A sum is finite unless a term is not, or the sum overflows; then every value is looked at.
  let sum = 0;
  for (const value of values) sum += value;
  if (Number.isFinite(sum) || values.every(Number.isFinite)) return;
  throw new GlassboxError(`the activations of ${model.name} at '${address}' hold NaN or infinity`, {
    code: 'not-finite',
    remedy: 'Check the weights of the model.',
    details: { model: model.name, address },
  });
}

/**
 * Runs the models over token rows and keeps what the filter lets through.
 *
 * @throws GlassboxError `not-finite` when an activation is not a number
 */
export async function readActivations(
  sources: readonly ActivationSource[],
  tokens: readonly (readonly number[])[],
  filter: TokenFilter = {},
): Promise<TokenActivations> {
  const excluded = new Set(filter.excluded);
  const lengths = tokens.map((row) => row.length);
  const longest = Math.max(...lengths);
  const raw: Record<string, { readonly data: Float32Array; readonly width: number }> = {};
  for (const { model, addresses, prefix = '' } of sources) {
    const { cache } = await model.runWithCache(tokens, addresses, { logits: 'none' });
    for (const address of addresses) {
      const data = cache[address].data as Float32Array;
      checkActivations(data, model, address);
      raw[prefix + address] = { data, width: data.length / (tokens.length * longest) };
    }
  }
  let at = tokens.flatMap((ids, row) =>
    ids.flatMap((id, position) => (excluded.has(id) ? [] : [{ row, position }])),
  );
  const place = ({ row, position }: { row: number; position: number }) => row * longest + position;
  if (filter.maxNormRatio !== undefined) {
    for (const { data, width } of Object.values(raw)) {
      const norms = at.map((item) => squaredNorm(data, place(item) * width, width));
      const limit = filter.maxNormRatio ** 2 * median(norms);
      at = at.filter((_, i) => norms[i] <= limit);
    }
  }
  const values = Object.fromEntries(
    Object.entries(raw).map(([address, { data, width }]) => {
      const out = new Float32Array(at.length * width);
      at.forEach((item, i) => {
        const start = place(item) * width;
        out.set(data.subarray(start, start + width), i * width);
      });
      return [address, out];
    }),
  );
  return { rows: at.length, values, at };
}

function squaredNorm(data: Float32Array, start: number, width: number): number {
  let total = 0;
  for (let i = start; i < start + width; i++) total += data[i] * data[i];
  return total;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
