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
import { createProgram, type Program } from '../../../graph/program.ts';
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

/** How a model is traced with something else in place of an activation. */
interface Replacing {
  readonly hook: (address: string, x: Tensor) => Tensor;
  readonly wants: (address: string) => boolean;
}

type Mode = 'spliced' | 'zero';

/** Replaces what dictionaries write, at the places a mask allows, while the model is traced. */
function replacing(dictionaries: readonly Dictionary[], mode: Mode, mask: Tensor): Replacing {
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
function lossProgram(model: Model, replaced: (mode: Mode, mask: Tensor) => Replacing): Program {
  const { config } = model;
  const tokens = input('tokens', ['batch', 'pos'], 'int64');
  const targets = input('targets', ['batch', 'pos', 1], 'int64');
  const mask = input('mask', ['batch', 'pos'], 'bool');
  const wide = reshape(mask, ['batch', 'pos', 1]);
  const param = parameterInputs(config);
  const logProbs = (mode?: Mode) => {
    const hooks = mode && replaced(mode, wide);
    const { logits } = traceForward(config, { tokens, param, ...hooks });
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

/** Adds losses up, batch by batch. */
interface LossMeter {
  /** @param more further inputs of the program, for this batch */
  add(batch: readonly (readonly number[])[], more?: Feeds): Promise<void>;
  metrics(): SpliceMetrics;
  release(): Promise<void>;
}

type Feeds = Readonly<Record<string, TensorData>>;

async function lossMeter(
  model: Model,
  program: Program,
  options: { readonly feeds: Feeds; readonly excluded?: readonly number[] },
): Promise<LossMeter> {
  const excluded = new Set(options.excluded);
  const executable = await model.runtime.compile(program);
  const names = new Set(program.inputs.map(({ attrs }) => attrs.name));
  const fixed = Object.fromEntries(
    Object.entries({ ...model.params, ...options.feeds }).filter(([name]) => names.has(name)),
  );
  const sums: Record<string, number> = {};
  let count = 0;
  return {
    async add(batch, more = {}) {
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
        ...more,
        tokens,
        targets: { dtype: 'int64', shape: [size, pos, 1], data: targets },
        mask: { dtype: 'bool', shape: [size, pos], data: mask },
        counted: { dtype: 'float32', shape: [size, pos], data: counted },
      });
      for (const [name, { data }] of Object.entries(out)) {
        sums[name] = (sums[name] ?? 0) + Number(data[0]);
      }
    },
    metrics() {
      const mean = (name: string) => sums[name] / count;
      const ce = { clean: mean('ceClean'), spliced: mean('ceSpliced'), zero: mean('ceZero') };
      const kl = { spliced: mean('klSpliced'), zero: mean('klZero') };
      return { tokens: count, ce, kl, ...recovered(ce, kl) };
    },
    release: () => executable.release(),
  };
}

function recovered(ce: SpliceMetrics['ce'], kl: SpliceMetrics['kl']) {
  return {
    ceRecovered: (ce.zero - ce.spliced) / (ce.zero - ce.clean),
    klRecovered: (kl.zero - kl.spliced) / kl.zero,
  };
}

/** Losses averaged over several places, and what is recovered of the averages. */
export function meanSplice(all: readonly SpliceMetrics[]): SpliceMetrics {
  const mean = (of: (one: SpliceMetrics) => number) =>
    all.reduce((sum, one) => sum + of(one), 0) / all.length;
  const ce = {
    clean: mean((one) => one.ce.clean),
    spliced: mean((one) => one.ce.spliced),
    zero: mean((one) => one.ce.zero),
  };
  const kl = { spliced: mean((one) => one.kl.spliced), zero: mean((one) => one.kl.zero) };
  return { tokens: all[0].tokens, ce, kl, ...recovered(ce, kl) };
}

/** The input under which {@link patchMeter} is fed what to put in place. */
export const GUESS = 'guess';

/** Losses with given values `[batch, pos, width]`, fed as {@link GUESS}, in place of one address. */
export function patchMeter(
  model: Model,
  address: string,
  options: { readonly excluded?: readonly number[] },
): Promise<LossMeter> {
  const program = lossProgram(model, (mode, mask) => ({
    wants: (name) => name === address,
    hook(name, x) {
      if (name !== address) return x;
      return where(mask, mode === 'zero' ? mul(x, 0) : input(GUESS, x.shape), x);
    },
  }));
  return lossMeter(model, program, { ...options, feeds: {} });
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
  const feeds = Object.assign(
    {},
    ...dictionaries.map((one, index) => dictionaryFeeds(one, `dictionary.${index}.`)),
  );
  const program = lossProgram(model, (mode, mask) => replacing(dictionaries, mode, mask));
  const meter = await lossMeter(model, program, { feeds, excluded: options.excluded });
  try {
    for (const batch of rows) {
      options.signal?.throwIfAborted();
      await meter.add(batch);
    }
    return meter.metrics();
  } finally {
    await meter.release();
  }
}
