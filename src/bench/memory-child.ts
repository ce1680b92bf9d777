/** Started by memory.ts as a process of its own: `node memory-child.ts full|tiny [threads]`. */
import { readFileSync } from 'node:fs';
import { createProgram, input, neg, tensorData } from '../graph/index.ts';
import { randomModel } from '../model/random.ts';
import { nodeRuntime } from '../runtime/index.ts';
import { prompt, weightBytes } from './forward.ts';
import { fullSizes, tinySizes } from './sizes.ts';

/** What the process found, in bytes. */
export interface MemoryReport {
  readonly baseline: number;
  readonly peak: number;
  readonly weights: number;
}

/**
 * The most memory this process has had in use so far. On Linux the usual `maxRSS` would not do: it
 * starts at the memory of the process that started this one.
 */
function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

const [name, threads] = process.argv.slice(2);
const sizes = name === 'tiny' ? tinySizes : fullSizes;
const runtime = nodeRuntime({ threads: threads === undefined ? undefined : Number(threads) });
const first = await runtime.compile(createProgram({ y: neg(input('x', [1])) }));
await first.run({ x: tensorData([1], [1]) });
const baseline = peakBytes();

const model = randomModel(sizes.model, 0, { runtime });
const tokens = prompt(sizes.long, sizes.model.dVocab);
for (let i = 0; i < 3; i++) await model.forward(tokens, { weights: 'fed', reuseOutputs: true });
const report: MemoryReport = {
  baseline,
  peak: peakBytes(),
  weights: weightBytes(model.params),
};
console.log(JSON.stringify(report));
