import { GlassboxError } from '../../base/error.ts';
import { evaluateShape } from '../../graph/dim.ts';
import type { DType, TensorData, TypedData } from '../../graph/op.ts';
import { type Program, topologicalOrder } from '../../graph/program.ts';
import { bindFeeds, checkStorage } from '../feeds.ts';
import type { Executable, Feeds, RunOptions, Runtime } from '../runtime.ts';
import type { ReferenceArray } from './array.ts';
import { runKernel } from './kernels.ts';

export type { ReferenceArray } from './array.ts';

/** What {@link evaluate} accepts: any numbers, so that float32 inputs can be fed in float64. */
export interface ReferenceFeed {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedData | Float64Array;
}

function toReference(feed: ReferenceFeed): ReferenceArray {
  const data =
    feed.data instanceof Float64Array
      ? feed.data
      : Float64Array.from(feed.data as ArrayLike<number | bigint>, Number);
  return { dtype: feed.dtype, shape: feed.shape, data };
}

/**
 * Computes a program in float64, plainly and slowly: what every runtime is checked against, and
 * precise enough to check gradients by finite differences. Throws as a runtime does on bad feeds.
 *
 * @param outputs names of the outputs to compute, all by default
 */
export function evaluate(
  program: Program,
  feeds: Readonly<Record<string, ReferenceFeed>>,
  outputs: readonly string[] = program.outputs.map(({ name }) => name),
): Record<string, ReferenceArray> {
  const bindings = bindFeeds(program.inputs, feeds as Feeds);
  const arrays = Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, toReference(feed)]),
  );
  const wanted = outputs.map((name) => {
    const output = program.outputs.find((candidate) => candidate.name === name);
    if (output) return output;
    throw new GlassboxError(`the program has no output '${name}'`, {
      code: 'unknown-output',
      remedy: `Its outputs are: ${program.outputs.map((one) => one.name).join(', ')}.`,
    });
  });
  const values = new Map<number, ReferenceArray>();
  for (const node of topologicalOrder(wanted.map(({ tensor }) => tensor))) {
    const shape = evaluateShape(node.shape, bindings);
    const inputs = node.inputs.map((input) => values.get(input.id)!);
    const data = runKernel(node.op, { attrs: node.attrs, inputs, shape, bindings, feeds: arrays });
    values.set(node.id, { dtype: node.dtype, shape, data });
  }
  return Object.fromEntries(wanted.map(({ name, tensor }) => [name, values.get(tensor.id)!]));
}

const storage: { readonly [D in DType]: (data: Float64Array) => TypedData } = {
  float32: (data) => Float32Array.from(data),
  int64: (data) => BigInt64Array.from(data, BigInt),
  bool: (data) => Uint8Array.from(data),
};

/** Writes a result into the array of the caller, or into a fresh one. */
function deliver(name: string, value: ReferenceArray, into: TensorData | undefined): TensorData {
  const data = storage[value.dtype](value.data);
  if (!into) return { dtype: value.dtype, shape: value.shape, data };
  if (into.dtype !== value.dtype || into.data.length !== data.length) {
    throw new GlassboxError(
      `the array for output '${name}' is ${into.dtype} of ${into.data.length} elements, the output ${value.dtype} of ${data.length}`,
      { code: 'bad-output', remedy: 'Give an array of the exact type and shape.' },
    );
  }
  (into.data as Float32Array).set(data as Float32Array);
  return into;
}

function executable(program: Program, frozen: Feeds): Executable {
  let released = false;
  return {
    program,
    async run(feeds: Feeds, options: RunOptions = {}) {
      if (released) {
        throw new GlassboxError('this executable was released', {
          code: 'released',
          remedy: 'Compile the program again.',
        });
      }
      const all = { ...frozen, ...feeds };
      for (const [name, value] of Object.entries(all)) checkStorage(name, value);
      const values = evaluate(program, all, options.outputs);
      return Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          deliver(name, value, options.into?.[name]),
        ]),
      );
    },
    async release() {
      released = true;
    },
  };
}

/** The {@link evaluate} function behind the interface of a runtime, rounding results to float32. */
export const referenceRuntime: Runtime = {
  name: 'reference',
  async compile(program, options = {}) {
    return executable(program, options.frozen ?? {});
  },
};
