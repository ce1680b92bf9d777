import { GlassboxError } from '../../base/error.ts';
import { createOnnxRuntime, type SessionCacheOptions } from '../onnx/runtime.ts';
import { wrapSession } from '../onnx/session.ts';
import type { Runtime } from '../runtime.ts';

/** How programs run in a browser, and how many compiled ones are kept. */
export interface WebRuntimeOptions extends SessionCacheOptions {
  /** Where to run: WebAssembly on the processor unless told. WebGPU needs a browser that has it. */
  readonly provider?: 'wasm' | 'webgpu';
  /** Threads of the WebAssembly build; more than 1 only in a cross-origin isolated page. */
  readonly threads?: number;
  /** Folder, with a trailing slash, that the `ort-wasm-*` files are served from, when a bundler moved them. */
  readonly wasmPaths?: string;
}

type Ort = typeof import('onnxruntime-web/wasm');

async function load({ provider = 'wasm', threads, wasmPaths }: WebRuntimeOptions): Promise<Ort> {
  // The two builds are separate downloads of many megabytes: only the one that is used is fetched.
  const ort: Ort =
    provider === 'webgpu'
      ? await import('onnxruntime-web/webgpu')
      : await import('onnxruntime-web/wasm');
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  return ort;
}

function requireWebGpu(): void {
  if (typeof navigator !== 'undefined' && 'gpu' in navigator) return;
  throw new GlassboxError('this browser has no WebGPU', {
    code: 'no-webgpu',
    remedy: "Use the provider 'wasm', or a browser with WebGPU switched on.",
  });
}

/**
 * Programs on onnxruntime-web, in a browser page or worker. Every run makes fresh output arrays:
 * the WebAssembly build cannot write into memory of the page.
 */
export function webRuntime(options: WebRuntimeOptions = {}): Runtime {
  const { provider = 'wasm' } = options;
  let loading: Promise<Ort> | undefined;
  return createOnnxRuntime(
    {
      name: 'web',
      memory: { canWrite: () => false },
      async createSession(model, external) {
        if (provider === 'webgpu') requireWebGpu();
        const ort = await (loading ??= load(options));
        const session = await ort.InferenceSession.create(model, {
          executionProviders: [provider],
          graphOptimizationLevel: 'all',
          externalData: external.map(({ path, data }) => ({ path, data })),
          logSeverityLevel: 4,
        });
        return wrapSession(session, ort.Tensor);
      },
    },
    options,
  );
}
