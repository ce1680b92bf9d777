import { GlassboxError, isGlassboxError, nearestNames } from '../../base/error.ts';
import { type Dim, type DimBindings, evaluateDim, formatShape } from '../../graph/dim.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import type { Program } from '../../graph/program.ts';
import { bindFeeds, checkStorage } from '../feeds.ts';
import { OutputBuffers } from '../outputs.ts';
import type { Executable, Feeds, RunOptions } from '../runtime.ts';
import type { OnnxSession } from './session.ts';

/** A loaded model, maybe used by several executables. */
export interface SessionHandle {
  readonly session: OnnxSession;
  /** The name in the model of every output. */
  readonly outputNames: Readonly<Record<string, string>>;
  release(): Promise<void>;
}

export interface ExecutableParts {
  readonly program: Program;
  /** The inputs that are not frozen. */
  readonly inputs: readonly Tensor<'input'>[];
  /** Sizes that the frozen inputs bind. */
  readonly bindings: DimBindings;
  readonly handle: SessionHandle;
  readonly memory: OutputMemory;
}

/** Where a backend can put results. */
export interface OutputMemory {
  /** Whether results can be written straight into an array; else they are copied there. */
  canWrite(array: TensorData): boolean;
  /** Memory that results can be written into; absent where every run makes fresh arrays. */
  readonly allocate?: (bytes: number) => ArrayBufferLike;
}

interface Output {
  readonly name: string;
  readonly onnxName: string;
  readonly tensor: Tensor;
  readonly buffers: OutputBuffers | undefined;
}

/** An executable over one session. */
export function createOnnxExecutable(parts: ExecutableParts): Executable {
  const { program, inputs, handle, memory } = parts;
  // Arrays whose storage was checked before; only their length can change, when they are transferred.
  const checked = new WeakMap<TensorData, number>();
  const outputs = new Map(
    program.outputs.map(({ name, tensor }): [string, Output] => [
      name,
      {
        name,
        onnxName: handle.outputNames[name],
        tensor,
        buffers: memory.allocate && new OutputBuffers(tensor.dtype, memory.allocate),
      },
    ]),
  );
  let queue: Promise<unknown> = Promise.resolve();
  let released = false;

  function check(name: string, value: TensorData): void {
    if (checked.get(value) === value.data.length) return;
    checkStorage(name, value);
    checked.set(value, value.data.length);
  }

  function select(names: readonly string[] | undefined): Output[] {
    if (names === undefined) return [...outputs.values()];
    return names.map((name) => outputs.get(name) ?? unknownOutput(name, outputs.keys()));
  }

  /** The array that the session writes an output into; null when it makes a fresh one. */
  function target(
    { buffers }: Output,
    shape: readonly number[],
    given: TensorData | undefined,
    reading: Reading,
  ): TensorData | null {
    if (given && memory.canWrite(given)) return given;
    return buffers?.take(shape, reading.buffers) ?? null;
  }

  async function runNow(feeds: Feeds, options: RunOptions): Promise<Record<string, TensorData>> {
    if (released) throw releasedError();
    const { into = {} } = options;
    const selected = select(options.outputs);
    const names = new Set(selected.map((output) => output.name));
    for (const name in into) if (!names.has(name)) unknownOutput(name, names);
    const size = sizeLookup(bindFeeds(inputs, feeds, parts.bindings));
    for (const name in feeds) check(name, feeds[name]);
    const reading = new Reading(feeds);
    const fetches: Record<string, TensorData | null> = {};
    for (const output of selected) {
      const shape = output.tensor.shape.map(size);
      const given = into[output.name];
      if (given) {
        checkInto(output, shape, given);
        check(output.name, given);
        reading.requireApart(output.name, given);
      }
      fetches[output.onnxName] = target(output, shape, given, reading);
    }
    let fresh: Record<string, TensorData>;
    try {
      fresh = await handle.session.run(feeds, fetches);
    } catch (error) {
      throw runFailed(error);
    }
    const results: Record<string, TensorData> = {};
    for (const { name, onnxName } of selected) {
      const value = fetches[onnxName] ?? fresh[onnxName];
      const given = into[name];
      if (given && given !== value) (given.data as Float32Array).set(value.data as Float32Array);
      results[name] = given ?? value;
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

/** Sizes under the bindings of one run. Many outputs share few dimensions, so each is worked out once. */
function sizeLookup(bindings: DimBindings): (dim: Dim) => number {
  const sizes = new Map<string, number>();
  return (dim) => {
    if (typeof dim === 'number') return dim;
    let size = sizes.get(dim);
    if (size === undefined) sizes.set(dim, (size = evaluateDim(dim, bindings)));
    return size;
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

function unknownOutput(name: string, names: Iterable<string>): never {
  throw new GlassboxError(`the run has no output '${name}'`, {
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
  if (isGlassboxError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GlassboxError(`ONNX Runtime could not run the program: ${reason}`, {
    code: 'run-failed',
    remedy: 'Check that indices are inside their axis and that there is enough memory.',
    kind: 'failure',
    cause,
  });
}
