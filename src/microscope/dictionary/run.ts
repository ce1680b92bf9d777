import { input } from '../../graph/build.ts';
import type { TensorData } from '../../graph/op.ts';
import { createProgram } from '../../graph/program.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type DictionaryLookup, traceDecode, traceEncode } from './trace.ts';
import { type Dictionary, type DictionaryConfig, dictionaryShapes } from './types.ts';

/** Program inputs for the parameters of a dictionary; `prefix` keeps several in one program apart. */
export function dictionaryInputs(config: DictionaryConfig, prefix = ''): DictionaryLookup {
  const shapes = dictionaryShapes(config);
  const made = new Map<string, ReturnType<typeof input>>();
  return (name) => {
    const full = prefix + name;
    if (!made.has(full)) made.set(full, input(full, shapes[name]));
    return made.get(full)!;
  };
}

/** A dictionary's parameters as feeds of {@link dictionaryInputs}. */
export function dictionaryFeeds(dictionary: Dictionary, prefix = ''): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(dictionary.params).map(([name, value]) => [prefix + name, value]),
  );
}

/** What a dictionary makes of some activations. */
export interface Encoded {
  /** `[rows, d_dict]` */
  readonly acts: Float32Array;
  /** Per address written, `[rows, d_out]`. */
  readonly outputs: readonly Float32Array[];
}

/** A compiled dictionary, for many batches. */
export interface Encoder {
  /**
   * Encodes and decodes. The arrays are overwritten by the next run.
   *
   * @param inputs `[rows, d_in]` per address read
   */
  run(inputs: readonly Float32Array[]): Promise<Encoded>;
  release(): Promise<void>;
}

/** Compiles a dictionary for any number of rows. */
export async function createEncoder(runtime: Runtime, dictionary: Dictionary): Promise<Encoder> {
  const { config } = dictionary;
  const param = dictionaryInputs(config);
  const tensors = config.reads.map((_, i) => input(`x.${i}`, ['rows', config.dIn]));
  const acts = traceEncode(config, param, tensors);
  const outputs = traceDecode(config, param, acts, tensors);
  const program = createProgram({
    acts,
    ...Object.fromEntries(outputs.map((output, j) => [`output.${j}`, output])),
  });
  const executable = await runtime.compile(program);
  const all = dictionaryFeeds(dictionary);
  const needed = program.inputs.map(({ attrs }) => attrs.name);
  const fixed = Object.fromEntries(
    needed.filter((name) => name in all).map((name) => [name, all[name]]),
  );
  return {
    async run(inputs) {
      const feeds: Record<string, TensorData> = { ...fixed };
      inputs.forEach((data, i) => {
        const rows = data.length / config.dIn;
        feeds[`x.${i}`] = { dtype: 'float32', shape: [rows, config.dIn], data };
      });
      const result = await executable.run(feeds);
      return {
        acts: result.acts.data as Float32Array,
        outputs: outputs.map((_, j) => result[`output.${j}`].data as Float32Array),
      };
    },
    release: () => executable.release(),
  };
}

/**
 * Encodes and decodes rows of activations.
 *
 * @param inputs `[rows, d_in]` per address read
 */
export async function runDictionary(
  runtime: Runtime,
  dictionary: Dictionary,
  inputs: readonly Float32Array[],
): Promise<Encoded> {
  const encoder = await createEncoder(runtime, dictionary);
  const { acts, outputs } = await encoder.run(inputs);
  // The executable reuses its output arrays, so they are copied before it is given back.
  const encoded = { acts: acts.slice(), outputs: outputs.map((output) => output.slice()) };
  await encoder.release();
  return encoded;
}
