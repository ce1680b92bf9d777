import type { InferenceSession, OnnxValue, Tensor as OrtTensor } from 'onnxruntime-node';
import { GlassboxError, nearestNames } from '../../base/error.ts';
import { type DimBindings, evaluateShape, formatShape } from '../../graph/dim.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import type { Program } from '../../graph/program.ts';
import { bindFeeds, checkStorage } from '../feeds.ts';
import { type Allocate, OutputBuffers } from '../outputs.ts';
import type { Executable, Feeds, RunOptions } from '../runtime.ts';

export type TensorConstructor = new (
  type: TensorData['dtype'],
  data: TensorData['data'],
  dims: readonly number[],
) => OrtTensor;

/** A loaded model, maybe used by several executables. */
export interface SessionHandle {
  readonly session: InferenceSession;
  readonly outputNames: Readonly<Record<string, string>>;
  release(): Promise<void>;
}

export interface ExecutableParts {
  readonly program: Program;
  /** The inputs that are not frozen. */
  readonly inputs: readonly Tensor<'input'>[];
  readonly bindings: DimBindings;
  readonly handle: SessionHandle;
  readonly Tensor: TensorConstructor;
  /** Whether the session writes results into arrays it is given; else they are copied there. */
  readonly writesInPlace: boolean;
  readonly allocate: Allocate;
}

interface Output {
  readonly name: string;
  readonly onnxName: string;
  readonly tensor: Tensor;
  readonly buffers: OutputBuffers;
}

/** An executable over one ONNX Runtime session. */
export function createOnnxExecutable(parts: ExecutableParts): Executable {
  const { program, inputs, handle } = parts;
  // ONNX Runtime's own tensor objects, one per array, so that a weight fed at every step is wrapped once.
  const wrapped = new WeakMap<TensorData, OrtTensor>();
  const outputs = new Map(
    program.outputs.map(({ name, tensor }): [string, Output] => [
      name,
      {
        name,
        onnxName: handle.outputNames[name],
        tensor,
        buffers: new OutputBuffers(tensor.dtype, parts.allocate),
      },
    ]),
  );
  let queue: Promise<unknown> = Promise.resolve();
  let released = false;

  function wrap(name: string, value: TensorData): OrtTensor {
    let tensor = wrapped.get(value);
    // The length differs from the wrapped one's when the array was transferred to another thread.
    if (!tensor || tensor.size !== value.data.length) {
      checkStorage(name, value);
      tensor = new parts.Tensor(value.dtype, value.data, value.shape);
      wrapped.set(value, tensor);
    }
    return tensor;
  }

  function select(names: readonly string[] | undefined): Output[] {
    if (names === undefined) return [...outputs.values()];
    return names.map((name) => {
      const output = outputs.get(name);
      if (!output) throw unknownOutput(name, outputs.keys());
      return output;
    });
  }

  function target(
    output: Output,
    bindings: DimBindings,
    into: Feeds,
    reading: Reading,
  ): TensorData {
    const shape = evaluateShape(output.tensor.shape, bindings);
    const given = into[output.name];
    if (given === undefined) return output.buffers.take(shape, reading.buffers);
    checkInto(output, shape, given);
    reading.requireApart(output.name, given);
    return given;
  }

  async function runNow(feeds: Feeds, options: RunOptions): Promise<Record<string, TensorData>> {
    if (released) throw releasedError();
    const { into = {} } = options;
    const selected = select(options.outputs);
    for (const name of Object.keys(into)) {
      if (!selected.some((output) => output.name === name))
        throw unknownOutput(name, outputs.keys());
    }
    const bindings = bindFeeds(inputs, feeds, parts.bindings);
    const ortFeeds: Record<string, OnnxValue> = {};
    for (const { attrs } of inputs) ortFeeds[attrs.name] = wrap(attrs.name, feeds[attrs.name]);
    const reading = new Reading(feeds);
    const results: Record<string, TensorData> = {};
    const fetches: Record<string, OnnxValue | null> = {};
    for (const output of selected) {
      const array = target(output, bindings, into, reading);
      results[output.name] = array;
      // ONNX Runtime refuses preallocated arrays of no elements on some paths; nothing is to be written.
      const inPlace = parts.writesInPlace && array.data.length > 0;
      fetches[output.onnxName] = inPlace ? wrap(output.name, array) : null;
    }
    let written: InferenceSession.OnnxValueMapType;
    try {
      written = await handle.session.run(ortFeeds, fetches);
    } catch (error) {
      throw runFailed(error);
    }
    for (const { name, onnxName } of selected) {
      if (fetches[onnxName] === null) {
        const value = written[onnxName] as OrtTensor;
        (results[name].data as Float32Array).set(value.data as Float32Array);
        value.dispose();
      }
    }
    return results;
  }

  return {
    program,
    run(feeds, options = {}) {
      const result = queue.then(() => runNow(feeds, options));
      queue = result.catch(() => undefined);
      return result;
    },
    async release() {
      if (released) return;
      released = true;
      await queue;
      await handle.release();
    },
  };
}

/** The memory a run reads; nothing may be written there. */
class Reading {
  readonly buffers = new Set<ArrayBufferLike>();
  readonly #feeds: Feeds;

  constructor(feeds: Feeds) {
    this.#feeds = feeds;
    for (const name in feeds) this.buffers.add(feeds[name].data.buffer);
  }

  requireApart(output: string, { data }: TensorData): void {
    if (!this.buffers.has(data.buffer)) return;
    for (const [name, { data: read }] of Object.entries(this.#feeds)) {
      const overlap =
        read.buffer === data.buffer &&
        read.byteOffset < data.byteOffset + data.byteLength &&
        data.byteOffset < read.byteOffset + read.byteLength;
      if (overlap) {
        throw new GlassboxError(
          `output '${output}' would be written into memory that input '${name}' is read from`,
          {
            code: 'aliased-memory',
            remedy: 'Write into other arrays, for instance by swapping two sets from run to run.',
            details: { output, input: name },
          },
        );
      }
    }
  }
}

function checkInto({ name, tensor }: Output, shape: readonly number[], given: TensorData): void {
  const fits =
    given.dtype === tensor.dtype &&
    given.shape.length === shape.length &&
    given.shape.every((size, i) => size === shape[i]);
  if (fits) return;
  throw new GlassboxError(
    `the array for output '${name}' is ${given.dtype} ${formatShape(given.shape)}, ` +
      `expected ${tensor.dtype} ${formatShape(shape)}`,
    {
      code: 'bad-output',
      remedy: 'Give an array of the exact type and shape, or leave the output out of `into`.',
      details: { name, expected: shape, got: given.shape },
    },
  );
}

function unknownOutput(name: string, names: Iterable<string>): GlassboxError {
  return new GlassboxError(`the run has no output '${name}'`, {
    code: 'unknown-output',
    remedy: `Nearest names: ${nearestNames(name, names).join(', ')}.`,
    details: { name },
  });
}

function releasedError(): GlassboxError {
  return new GlassboxError('the executable was released', {
    code: 'released',
    remedy: 'Compile the program again.',
  });
}

function runFailed(cause: unknown): GlassboxError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GlassboxError(`ONNX Runtime could not run the program: ${reason}`, {
    code: 'run-failed',
    remedy: 'Check that indices are inside their axis and that there is enough memory.',
    kind: 'failure',
    cause,
  });
}
