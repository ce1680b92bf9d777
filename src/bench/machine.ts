import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { type ClockKind, median } from './clock.ts';
import type { Rates } from './roofline.ts';
import type { Machine } from './types.ts';

/** The load average over one minute; always 0 on Windows, which has none. */
export const load = (): number => loadavg()[0];

function onnxruntimeVersion(): string {
  return createRequire(import.meta.url)('onnxruntime-node/package.json').version;
}

/** This machine, with the rates seen during a run. */
export function describeMachine(run: {
  readonly threads: number | undefined;
  readonly clock: ClockKind;
  readonly loadBefore: number;
  readonly rates: readonly Rates[];
}): Machine {
  const rate = (key: keyof Rates) => median(run.rates.map((rates) => rates[key])) / 1e9;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    onnxruntime: onnxruntimeVersion(),
    threads: run.threads ?? null,
    clock: run.clock,
    date: new Date().toISOString(),
    loadBefore: run.loadBefore,
    loadAfter: load(),
    matmulGflops: rate('flops'),
    readGBps: rate('bytes'),
  };
}
