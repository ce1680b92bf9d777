import * as g from '../../src/graph/index.ts';
import { type WebRuntimeOptions, webRuntime } from '../../src/runtime/web/index.ts';
import { caseFeeds, caseInputs, opCases } from './op-cases.ts';

/** A result of one case as plain JSON; `error` instead when it failed. */
export type PageResult =
  | {
      readonly name: string;
      readonly dtype: g.DType;
      readonly shape: number[];
      readonly data: string[];
    }
  | { readonly name: string; readonly error: string };

/** Runs in the browser: every case on onnxruntime-web, drawn from the seed. */
export async function runCases(seed: number, options: WebRuntimeOptions): Promise<PageResult[]> {
  const runtime = webRuntime({ ...options, idleSessions: 0 });
  const results: PageResult[] = [];
  for (const opCase of opCases) {
    const { name } = opCase;
    try {
      const program = g.createProgram({ y: opCase.build(...caseInputs(opCase)) });
      const values = caseFeeds(opCase, seed);
      const names = program.inputs.map((input) => input.attrs.name);
      const feeds = Object.fromEntries(names.map((input) => [input, values[input]]));
      const executable = await runtime.compile(program);
      const { y } = await executable.run(feeds);
      await executable.release();
      // JSON knows neither infinities nor big integers, so numbers cross as text.
      const data = Array.from(y.data as ArrayLike<number | bigint>, String);
      results.push({ name, dtype: y.dtype, shape: [...y.shape], data });
    } catch (error) {
      results.push({ name, error: String(error) });
    }
  }
  return results;
}

/** Runs in the browser: frozen weights large enough to lie beside the model, and a given output array. */
export async function runFrozen(): Promise<{ fed: number; written: number; same: boolean }> {
  const w = g.input('w', [600]);
  const program = g.createProgram({ y: g.mul(g.sum(w), g.input('x', [])) });
  const frozen = { w: g.tensorData(new Array(600).fill(0.5), [600]) };
  const executable = await webRuntime().compile(program, { frozen });
  const fed = Number((await executable.run({ x: g.tensorData([2], []) })).y.data[0]);
  const target = g.tensorData([0], []);
  const { y } = await executable.run({ x: g.tensorData([3], []) }, { into: { y: target } });
  return { fed, written: Number(target.data[0]), same: y === target };
}
