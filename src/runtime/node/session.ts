import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GlassboxError } from '../../base/error.ts';
import { input, neg, tensorData } from '../../graph/build.ts';
import type { ExternalData } from '../../graph/onnx/index.ts';
import { createProgram } from '../../graph/program.ts';
import { type OnnxSession, STOP_BEFORE_COPIES, wrapSession } from '../onnx/session.ts';

/** How ONNX Runtime runs programs natively. */
export interface NodeSessionOptions {
  /** Where to run, best first: `cpu` unless told; `cuda` and `webgpu` where their libraries are present. */
  readonly providers?: readonly ('cpu' | 'cuda' | 'webgpu')[];
  /** Threads per run; ONNX Runtime's choice, the physical cores, unless told. */
  readonly threads?: number;
  /** How far ONNX Runtime rewrites the graph, `all` unless told. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Keep freed memory for the next run; on unless told. Off is slower and smaller. */
  readonly arena?: boolean;
}

/** Loads a model into onnxruntime-node. */
export async function createNodeSession(
  model: Uint8Array,
  external: readonly Pick<ExternalData, 'path' | 'data'>[],
  options: NodeSessionOptions,
): Promise<OnnxSession> {
  const { providers = ['cpu'], threads, optimization = 'all', arena = true } = options;
  const loading = InferenceSession.create(model, {
    executionProviders: [...providers],
    graphOptimizationLevel: optimization,
    enableCpuMemArena: arena,
    externalData: external.map(({ path, data }) => ({ path, data })),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // Every program has threads of its own. After a run they would wait for the next one in a busy loop for
    // tens of milliseconds, and take a core from the program that runs next.
    extra: { session: { force_spinning_stop: '1' } },
    // What goes wrong is thrown; printing it too would only mix into the caller's output.
    logSeverityLevel: 4,
  });
  try {
    return wrapSession(await loading, Tensor);
  } catch (error) {
    throw providers.some((provider) => provider !== 'cpu')
      ? providerFailed(providers, error)
      : error;
  }
}

function providerFailed(providers: readonly string[], cause: unknown): GlassboxError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GlassboxError(
    `ONNX Runtime could not load the program on ${providers.join(', ')}: ${reason}`,
    {
      code: 'provider-failed',
      remedy:
        "Check that the device's driver and libraries are installed, or use the provider 'cpu'.",
      kind: 'failure',
      details: { providers },
      cause,
    },
  );
}

let answer: Promise<boolean> | undefined;

/**
 * Whether this onnxruntime-node can be stopped before it copies results that lie in place already.
 * Tried out once on a program of one operation, because nothing documents it.
 */
export function canStopBeforeCopies(): Promise<boolean> {
  answer ??= (async () => {
    const program = createProgram({ y: neg(input('x', [1])) });
    const { model } = program.toOnnx({ emptySequence: STOP_BEFORE_COPIES });
    try {
      const session = await createNodeSession(model, [], { threads: 1 });
      const y = tensorData([0], [1]);
      await session.run({ x: tensorData([1], [1]) }, { y });
      await session.release();
      return y.data[0] === -1;
    } catch {
      return false;
    }
  })();
  return answer;
}
