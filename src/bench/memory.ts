import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GlassboxError } from '../base/error.ts';
import type { Settings } from './measure.ts';
import type { MemoryReport } from './memory-child.ts';
import type { Sizes } from './sizes.ts';
import type { BenchResult } from './types.ts';

/**
 * Peak memory of a process that makes the weights and runs one long prompt. The baseline, taken off,
 * is the peak of the same process when everything is imported and ONNX Runtime has run a program
 * of one operation, before the first weight exists.
 */
export async function peakMemory(
  sizes: Sizes,
  settings: Settings,
  threads: number | undefined,
): Promise<BenchResult> {
  const reports: MemoryReport[] = [];
  const repeats = Math.min(3, settings.repeats);
  for (let done = 0; done < repeats; done++) {
    settings.progress({ label: 'memory512', done, total: repeats, unit: 'processes' });
    reports.push(await measureInChild(sizes, threads, settings.signal));
  }
  const values = reports.map(({ peak, baseline }) => peak - baseline).sort((a, b) => a - b);
  const value = values[values.length >> 1];
  const roofline = reports[0].weights;
  const bar = 2.5;
  return {
    name: 'memory512',
    value,
    n: repeats,
    min: values[0],
    max: values[repeats - 1],
    unit: 'bytes',
    roofline,
    ratio: value / roofline,
    bar,
    rule: 'ratio <= bar',
    ok: value / roofline <= bar,
    about:
      `peak resident memory of a process that runs ${sizes.long} tokens, weights as inputs, less ` +
      'its peak before it makes the weights; roofline: the bytes of the weights',
  };
}

async function measureInChild(
  sizes: Sizes,
  threads: number | undefined,
  signal: AbortSignal | undefined,
): Promise<MemoryReport> {
  // The compiled package has the child beside this file under its compiled name.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const child = fileURLToPath(new URL(`./memory-child.${extension}`, import.meta.url));
  const args = [child, sizes.name, ...(threads === undefined ? [] : [String(threads)])];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { signal });
    return JSON.parse(stdout) as MemoryReport;
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GlassboxError(`the process that measures memory failed: ${reason}`, {
      code: 'bench-failed',
      remedy: 'Check that there is enough memory, about three times the weights.',
      kind: 'failure',
      cause,
    });
  }
}
