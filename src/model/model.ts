import { evaluateShape } from '../graph/dim.ts';
import type { TensorData } from '../graph/op.ts';
import type { Program } from '../graph/program.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type AddressFilter, type AddressInfo, addresses, selectAddresses } from './address.ts';
import type { ModelConfig } from './config.ts';
import { type ExportedModel, type ExportOptions, exportOnnx } from './export-onnx.ts';
import { generateAll, streamGeneration } from './generate/generate.ts';
import type { GenerateOptions, Generation, GenerationEvent, Prompts } from './generate/types.ts';
import { type Tokens, toBatch } from './run/batch.ts';
import { planEdits, promptWindow } from './run/edit-plan.ts';
import type { Edit } from './run/edit-types.ts';
import { editFeeds, forwardProgram, type LogitsMode, productLayout } from './run/program.ts';
import { Runner, type WeightMode } from './run/runner.ts';
import type { Tokenizer } from './tokenizer.ts';
import { checkParameters, type Parameters } from './weights/checkpoint.ts';

/** Options of one run. */
export interface RunModelOptions {
  /** `'all'` unless told. The unembedding is the largest product of a short prompt. */
  readonly logits?: LogitsMode;
  /** How weights reach the program; the model's choice unless told. */
  readonly weights?: WeightMode;
  /**
   * Return arrays that the next run of the same program overwrites. Saves fresh memory for every
   * result, which counts when many addresses are recorded.
   */
  readonly reuseOutputs?: boolean;
}

/** What a run gives. */
export interface RunResult {
  /** `[batch, pos, d_vocab]`, or `[batch, 1, d_vocab]` with `logits: 'last'`, or null with `'none'`. */
  readonly logits: TensorData | null;
  /** Recorded activations by address, after edits. */
  readonly cache: Readonly<Record<string, TensorData>>;
  /** Tokens of every row; what lies beyond a row's length is padding. */
  readonly lengths: readonly number[];
}

/** What a model is made with, beside its description and weights. */
export interface ModelOptions {
  readonly runtime: Runtime;
  readonly tokenizer?: Tokenizer | null;
  /** `fed` unless told. */
  readonly weights?: WeightMode;
  /** For messages and provenance. */
  readonly name?: string;
}

/** A transformer with its weights on a runtime. */
export interface Model {
  readonly name: string;
  readonly config: ModelConfig;
  readonly params: Parameters;
  readonly tokenizer: Tokenizer | null;
  readonly runtime: Runtime;
  /** Every address of this model with shape and meaning, in order of computation. */
  readonly addresses: readonly AddressInfo[];
  /** Logits only: `runWithEdits(tokens, [], [])`. */
  forward(tokens: Tokens, options?: RunModelOptions): Promise<RunResult>;
  /** Records activations: every address unless a filter is given. */
  runWithCache(
    tokens: Tokens,
    filter?: AddressFilter,
    options?: RunModelOptions,
  ): Promise<RunResult>;
  /** Runs with interventions, recording what the filter selects (nothing by default). */
  runWithEdits(
    tokens: Tokens,
    edits: readonly Edit[],
    filter?: AddressFilter,
    options?: RunModelOptions,
  ): Promise<RunResult>;
  /** Continues prompts; see {@link GenerateOptions}. */
  generate(prompts: Prompts, options?: GenerateOptions): Promise<Generation[]>;
  /** As generate, with an event for every new token as it comes. */
  stream(
    prompts: Prompts,
    options?: GenerateOptions,
  ): AsyncGenerator<GenerationEvent, Generation[]>;
  /** Writes the model with interventions and readouts inside as ONNX; see {@link ExportOptions}. */
  exportOnnx(path: string, options?: ExportOptions): Promise<ExportedModel>;
  /** Compiles and runs programs over this model's weights; for tools that trace their own. */
  readonly runner: Runner;
  /** Frees compiled programs. */
  release(): Promise<void>;
}

const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array } as const;

/** Fresh arrays for every output of a program. */
function freshOutputs(
  program: Program,
  bindings: Readonly<Record<string, number>>,
): Record<string, TensorData> {
  return Object.fromEntries(
    program.outputs.map(({ name, tensor }) => {
      const shape = evaluateShape(tensor.shape, bindings);
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { dtype: tensor.dtype, shape, data: new arrays[tensor.dtype](size) }];
    }),
  );
}

/**
 * A model over weights in memory.
 *
 * @throws GlassboxError `bad-parameters` when a parameter is missing, extra or of the wrong shape
 */
export function createModel(config: ModelConfig, params: Parameters, options: ModelOptions): Model {
  checkParameters(config, params);
  const runner = new Runner(options.runtime, params);
  const tokenizer = options.tokenizer ?? null;
  const generator = { config, tokenizer, runner, weights: options.weights ?? 'fed' } as const;
  const model: Model = {
    name: options.name ?? config.architecture,
    config,
    params: runner.params,
    tokenizer,
    runtime: options.runtime,
    addresses: addresses(config),
    runner,
    forward: (tokens, runOptions) => model.runWithEdits(tokens, [], [], runOptions),
    runWithCache: (tokens, filter = '**', runOptions = {}) =>
      model.runWithEdits(tokens, [], filter, runOptions),
    async runWithEdits(tokens, edits, filter = [], runOptions = {}) {
      const batch = toBatch(config, tokens);
      const { lengths } = batch;
      const [rows, pos] = batch.tokens.shape;
      const window = promptWindow(rows, pos, lengths);
      const planned = planEdits(config, edits, window);
      const record = selectAddresses(config, filter);
      const wantsAll = record.includes('logits');
      const logits: LogitsMode = wantsAll ? 'all' : (runOptions.logits ?? 'all');
      if (logits === 'none' && record.length === 0) return { logits: null, cache: {}, lengths };
      const weights = runOptions.weights ?? options.weights ?? 'fed';
      const layout = productLayout(rows * pos, weights);
      const key = JSON.stringify([
        'forward',
        layout.few,
        record,
        logits,
        planned.map(({ signature }) => signature),
      ]);
      const kept = runner.program(key, weights, () =>
        forwardProgram(config, { edits: planned, record, logits, layout }),
      );
      const feeds: Record<string, TensorData> = { tokens: batch.tokens, ...editFeeds(planned) };
      if (logits === 'last') {
        const last = BigInt64Array.from(lengths, (length) => BigInt(length - 1));
        feeds.last = { dtype: 'int64', shape: [rows], data: last };
      }
      const into = runOptions.reuseOutputs ? {} : freshOutputs(kept.program, window.bindings);
      const results = await runner.run(kept, feeds, { into });
      const cache = Object.fromEntries(record.map((address) => [address, results[address]]));
      return { logits: results.logits ?? null, cache, lengths };
    },
    generate: (prompts, generateOptions) => generateAll(generator, prompts, generateOptions),
    stream: (prompts, generateOptions) => streamGeneration(generator, prompts, generateOptions),
    exportOnnx: (path, exportOptions) => exportOnnx(model, path, exportOptions),
    release: () => runner.release(),
  };
  return model;
}
