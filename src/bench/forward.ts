import type { Model, RunModelOptions } from '../model/model.ts';
import { forwardProgram } from '../model/run/program.ts';
import type { Parameters } from '../model/weights/checkpoint.ts';
import { seconds } from './clock.ts';
import { matmulFlops } from './flops.ts';
import { paired, type Settings, spread, type Work } from './measure.ts';
import type { Sizes } from './sizes.ts';
import type { BenchResult } from './types.ts';

/** A model with random weights, and how large it is meant to be run. */
export interface Subject {
  readonly model: Model;
  readonly sizes: Sizes;
}

/** Bytes of all weights, tied ones once. */
export function weightBytes(params: Parameters): number {
  return Object.values(params).reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Token ids that are spread over the vocabulary. */
export function prompt(length: number, vocabulary: number): number[] {
  return Array.from({ length }, (_, i) => (i * 7919 + 31) % vocabulary);
}

/** The work of one forward pass over a prompt. */
function forwardWork({ model }: Subject, tokens: readonly number[]): Work {
  const program = forwardProgram(model.config, { edits: [], record: [], logits: 'all' });
  return { flops: matmulFlops(program, { batch: 1, pos: tokens.length }) };
}

async function measure(
  settings: Settings,
  bench: {
    readonly name: string;
    readonly bar: number;
    readonly about: string;
    readonly work: Work;
  },
  run: () => Promise<unknown>,
): Promise<BenchResult> {
  await run();
  const { values, rooflines, ratio } = await paired(settings, {
    name: bench.name,
    work: bench.work,
    run: () => seconds(settings.clock, run),
  });
  return {
    name: bench.name,
    ...spread(values),
    unit: 's',
    roofline: spread(rooflines).value,
    ratio,
    bar: bench.bar,
    rule: 'ratio >= bar',
    ok: ratio >= bench.bar,
    about: bench.about,
  };
}

/** Weights as inputs: nothing is held twice. */
export async function forwardLong(subject: Subject, settings: Settings): Promise<BenchResult> {
  const { model, sizes } = subject;
  const tokens = prompt(sizes.long, model.config.dVocab);
  const bench = {
    name: 'forward512',
    bar: 0.75,
    work: forwardWork(subject, tokens),
    about: `logits of ${sizes.long} tokens; roofline: its matrix products at the matmul rate`,
  };
  const options: RunModelOptions = { weights: 'fed', reuseOutputs: true };
  return measure(settings, bench, () => model.forward(tokens, options));
}

/** The same work as {@link forwardLong} counts; writing the activations is what it costs more. */
export async function cachedLong(subject: Subject, settings: Settings): Promise<BenchResult> {
  const { model, sizes } = subject;
  const tokens = prompt(sizes.long, model.config.dVocab);
  const bench = {
    name: 'cached512',
    bar: 0.6,
    work: forwardWork(subject, tokens),
    about: `the same with all ${model.addresses.length} addresses recorded; the same roofline`,
  };
  const options: RunModelOptions = { weights: 'fed', reuseOutputs: true };
  return measure(settings, bench, () => model.runWithCache(tokens, '**', options));
}

export async function forwardShort(subject: Subject, settings: Settings): Promise<BenchResult> {
  const { model, sizes } = subject;
  const tokens = prompt(sizes.short, model.config.dVocab);
  const bench = {
    name: 'forward16',
    bar: 0.45,
    work: { ...forwardWork(subject, tokens), bytes: weightBytes(model.params) },
    about:
      `logits of ${sizes.short} tokens; roofline: its matrix products at the matmul rate or ` +
      'reading all weights once, whichever takes longer; linear layers held transposed as well',
  };
  return measure(settings, bench, () =>
    model.forward(tokens, { weights: 'transposed', reuseOutputs: true }),
  );
}
