import {
  add,
  cast,
  exp,
  gatherElements,
  input,
  logSoftmax,
  mul,
  reshape,
  sub,
  sum,
  where,
} from '../../../graph/build.ts';
import type { Tensor, TensorData } from '../../../graph/op.ts';
import { createProgram } from '../../../graph/program.ts';
import type { Model } from '../../../model/model.ts';
import { toBatch } from '../../../model/run/batch.ts';
import { parameterInputs } from '../../../model/run/program.ts';
import { traceForward } from '../../../model/transformer/forward.ts';
import { dictionaryFeeds, dictionaryInputs } from '../run.ts';
import { traceDecode, traceEncode } from '../trace.ts';
import type { Dictionary } from '../types.ts';

/** Losses of a model whose activations are replaced by what dictionaries make of them. */
export interface SpliceMetrics {
  /** Tokens whose prediction was counted. */
  readonly tokens: number;
  /** Mean cross-entropy in nats: untouched, with reconstructions, and with zeros in their place. */
  readonly ce: { readonly clean: number; readonly spliced: number; readonly zero: number };
  /** Mean KL divergence in nats from the untouched model. */
  readonly kl: { readonly spliced: number; readonly zero: number };
  /** (CE_zero − CE_spliced) / (CE_zero − CE_clean): 1 is nothing lost, 0 as bad as zeros. */
  readonly ceRecovered: number;
  /** (KL_zero − KL_spliced) / KL_zero. */
  readonly klRecovered: number;
}

/** Replaces what dictionaries write, at the places a mask allows, while the model is traced. */
function replacing(
  dictionaries: readonly Dictionary[],
  mode: 'spliced' | 'zero',
  mask: Tensor,
): { hook: (address: string, x: Tensor) => Tensor; wants: (address: string) => boolean } {
  const reads = new Set(dictionaries.flatMap(({ config }) => config.reads));
  const writes = new Set(dictionaries.flatMap(({ config }) => config.writes));
  const seen = new Map<string, Tensor>();
  const written = new Map<string, Tensor>();
  const waiting = new Set(dictionaries.keys());
  const encode = (): void => {
    for (const index of waiting) {
      const { config } = dictionaries[index];
      const inputs = config.reads.map((address) => seen.get(address));
      if (!inputs.every((tensor) => tensor !== undefined)) continue;
      waiting.delete(index);
      const param = dictionaryInputs(config, `dictionary.${index}.`);
      const acts = traceEncode(config, param, inputs);
      traceDecode(config, param, acts, inputs).forEach((output, j) => {
        const before = written.get(config.writes[j]);
        written.set(config.writes[j], before ? add(before, output) : output);
      });
    }
  };
  return {
    wants: (address) => reads.has(address) || writes.has(address),
    hook(address, x) {
      let value = x;
      if (reads.has(address)) {
        seen.set(address, x);
        if (mode === 'spliced') encode();
      }
      if (writes.has(address)) {
        const other = mode === 'zero' ? mul(x, 0) : written.get(address)!;
        value = where(mask, other, x);
      }
      return value;
    },
  };
}

/** Per-token losses of the untouched, the spliced and the zeroed model in one graph. */
function spliceProgram(model: Model, dictionaries: readonly Dictionary[]) {
  const { config } = model;
  const tokens = input('tokens', ['batch', 'pos'], 'int64');
  const targets = input('targets', ['batch', 'pos', 1], 'int64');
  const mask = input('mask', ['batch', 'pos'], 'bool');
  const wide = reshape(mask, ['batch', 'pos', 1]);
  const param = parameterInputs(config);
  const logProbs = (mode?: 'spliced' | 'zero') => {
    const replaced = mode && replacing(dictionaries, mode, wide);
    const { logits } = traceForward(config, { tokens, param, ...replaced });
    return logSoftmax(logits);
  };
  const counted = input('counted', ['batch', 'pos']);
  const clean = logProbs();
  const total = (perToken: Tensor) => sum(mul(perToken, counted));
  const loss = (all: Tensor) =>
    total(mul(reshape(gatherElements(all, targets), ['batch', 'pos']), -1));
  const divergence = (all: Tensor) => total(sum(mul(exp(clean), sub(clean, all)), { axes: -1 }));
  const [spliced, zero] = [logProbs('spliced'), logProbs('zero')];
  return createProgram({
    ceClean: loss(clean),
    ceSpliced: loss(spliced),
    ceZero: loss(zero),
    klSpliced: divergence(spliced),
    klZero: divergence(zero),
    // Keeps the mask an input when a dictionary writes nowhere the losses depend on.
    tokens: total(cast(mask, 'float32')),
  });
}

/**
 * Puts dictionaries into a model, all at once, and measures what its predictions lose. Excluded tokens (begin of
 * text, padding) keep their own activations and are not counted.
 *
 * @param rows token rows
 */
export async function spliceMetrics(
  model: Model,
  dictionaries: readonly Dictionary[],
  rows: readonly (readonly (readonly number[])[])[],
  options: { readonly excluded?: readonly number[]; readonly signal?: AbortSignal } = {},
): Promise<SpliceMetrics> {
  const excluded = new Set(options.excluded);
  const program = spliceProgram(model, dictionaries);
  const executable = await model.runtime.compile(program);
  const names = new Set(program.inputs.map(({ attrs }) => attrs.name));
  const fixed: Record<string, TensorData> = {};
  for (const [name, value] of Object.entries(model.params))
    if (names.has(name)) fixed[name] = value;
  dictionaries.forEach((dictionary, index) => {
    const feeds = dictionaryFeeds(dictionary, `dictionary.${index}.`);
    for (const [name, value] of Object.entries(feeds)) if (names.has(name)) fixed[name] = value;
  });
  const sums: Record<string, number> = {};
  let count = 0;
  try {
    for (const batch of rows) {
      options.signal?.throwIfAborted();
      const { tokens, lengths } = toBatch(model.config, batch);
      const [size, pos] = tokens.shape;
      const ids = tokens.data as BigInt64Array;
      const targets = new BigInt64Array(size * pos);
      const mask = new Uint8Array(size * pos);
      const counted = new Float32Array(size * pos);
      lengths.forEach((length, row) => {
        for (let i = 0; i < length; i++) {
          const at = row * pos + i;
          if (excluded.has(Number(ids[at]))) continue;
          mask[at] = 1;
          if (i + 1 === length) continue;
          targets[at] = ids[at + 1];
          counted[at] = 1;
          count++;
        }
      });
      const out = await executable.run({
        ...fixed,
        tokens,
        targets: { dtype: 'int64', shape: [size, pos, 1], data: targets },
        mask: { dtype: 'bool', shape: [size, pos], data: mask },
        counted: { dtype: 'float32', shape: [size, pos], data: counted },
      });
      for (const [name, { data }] of Object.entries(out)) {
        sums[name] = (sums[name] ?? 0) + Number(data[0]);
      }
    }
  } finally {
    await executable.release();
  }
  const mean = (name: string) => sums[name] / count;
  const ce = { clean: mean('ceClean'), spliced: mean('ceSpliced'), zero: mean('ceZero') };
  const kl = { spliced: mean('klSpliced'), zero: mean('klZero') };
  return {
    tokens: count,
    ce,
    kl,
    ceRecovered: (ce.zero - ce.spliced) / (ce.zero - ce.clean),
    klRecovered: (kl.zero - kl.spliced) / kl.zero,
  };
}
