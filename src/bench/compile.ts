import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createModel } from '../model/model.ts';
import { forwardProgram } from '../model/run/program.ts';
import { nodeRuntime } from '../runtime/index.ts';
import { createNodeSession } from '../runtime/node/session.ts';
import { createOnnxRuntime } from '../runtime/onnx/runtime.ts';
import { wrapSession } from '../runtime/onnx/session.ts';
import { median, seconds } from './clock.ts';
import { prompt, type Subject, weightBytes } from './forward.ts';
import { type Settings, spread } from './measure.ts';
import type { BenchResult } from './types.ts';

interface CompileBench {
  readonly name: string;
  readonly frozen: boolean;
  readonly bar: number;
  readonly threads: number | undefined;
}

/** Trace, lower and load, against ONNX Runtime loading the same finished bytes. */
export async function compile(
  { model }: Subject,
  settings: Settings,
  { name, frozen, bar, threads }: CompileBench,
): Promise<BenchResult> {
  const given = frozen ? model.params : {};
  const trace = () => forwardProgram(model.config, { edits: [], record: [], logits: 'all' });
  // Keeping nothing, or the second compile would find the first one's session.
  const runtime = nodeRuntime({ threads, idleSessions: 0 });
  const { model: bytes, external } = trace().toOnnx({ frozen: given });
  const ours: number[] = [];
  const native: number[] = [];
  for (let done = 0; done < settings.repeats; done++) {
    settings.progress({ label: name, done, total: settings.repeats, unit: 'repeats' });
    settings.signal?.throwIfAborted();
    let release = () => Promise.resolve();
    ours.push(
      await seconds(settings.clock, async () => {
        const executable = await runtime.compile(trace(), { frozen: given });
        release = () => executable.release();
      }),
    );
    await release();
    native.push(
      await seconds(settings.clock, async () => {
        const session = await createNodeSession(bytes, external, { threads });
        release = () => session.release();
      }),
    );
    await release();
  }
  const value = median(ours);
  const roofline = median(native);
  return {
    name,
    ...spread(ours),
    unit: 's',
    roofline,
    ratio: value / roofline,
    bar,
    rule: 'value <= bar',
    ok: value <= bar,
    about:
      `trace, lower and load a program of ${model.config.nLayers} layers with weights ` +
      `${frozen ? 'frozen into it' : 'as inputs'}; roofline: ONNX Runtime loading the same bytes`,
  };
}

/**
 * What a run costs beside the native run: checking tokens, planning, binding shapes, choosing output
 * memory. The native call is timed inside the whole, so the two share their disturbances.
 */
export async function runOverhead(
  subject: Subject,
  settings: Settings,
  threads: number | undefined,
): Promise<BenchResult> {
  const { model, sizes } = subject;
  let native = 0;
  const runtime = createOnnxRuntime(
    {
      name: 'timed',
      memory: { canWrite: () => true, allocate: (bytes) => new ArrayBuffer(bytes) },
      async createSession(bytes, external) {
        const session = await InferenceSession.create(bytes, {
          externalData: external.map(({ path, data }) => ({ path, data })),
          logSeverityLevel: 4,
          ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        });
        const timed = {
          run: async (...[feeds, fetches]: Parameters<InferenceSession['run']>) => {
            const start = settings.clock();
            const results = await session.run(feeds, fetches as InferenceSession.FetchesType);
            native = settings.clock() - start;
            return results;
          },
          release: () => session.release(),
        };
        return wrapSession(timed as InferenceSession, Tensor);
      },
    },
    {},
  );
  const timed = createModel(model.config, model.params, { runtime });
  const tokens = prompt(sizes.short, model.config.dVocab);
  const run = () => timed.forward(tokens, { reuseOutputs: true });
  await run();
  const values: number[] = [];
  const natives: number[] = [];
  const count = 4 * settings.repeats;
  for (let done = 0; done < count; done++) {
    settings.progress({ label: 'overhead', done, total: count, unit: 'runs' });
    settings.signal?.throwIfAborted();
    values.push((await seconds(settings.clock, run)) - native);
    natives.push(native);
  }
  await timed.release();
  const value = median(values);
  const roofline = median(natives);
  return {
    name: 'overhead',
    ...spread(values),
    unit: 's',
    roofline,
    ratio: value / roofline,
    bar: 0.001,
    rule: 'value <= bar',
    ok: value <= 0.001,
    about:
      `time of a forward of ${sizes.short} tokens outside the native run, ` +
      `${Object.keys(model.params).length} weights fed (${weightBytes(model.params)} bytes); ` +
      'roofline: the native run',
  };
}
