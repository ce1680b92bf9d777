import { createProgram, input, matmul, sum } from '../graph/index.ts';
import type { TensorData } from '../graph/op.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Clock, seconds } from './clock.ts';
import type { Sizes } from './sizes.ts';

/** How fast the machine was at one moment. */
export interface Rates {
  /** Floating-point operations per second of a square matrix product. */
  readonly flops: number;
  /** Bytes per second of a sum over a large array. */
  readonly bytes: number;
}

/** Measures the machine through the same runtime that the benches use. */
export interface Rooflines {
  sample(): Promise<Rates>;
  /** All samples so far. */
  readonly samples: readonly Rates[];
  release(): Promise<void>;
}

/** Rows of the array that is read: enough for every thread, each far larger than a cache line. */
const ROWS = 1024;

function filled(shape: readonly number[]): TensorData {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = (i % 17) / 17;
  return { dtype: 'float32', shape, data };
}

/**
 * The fastest run in a while. A roofline is what the machine can do, and a mean over its short runs
 * would be too low, and ratios too good, whenever another program takes some of them.
 */
async function fastest(
  duration: number,
  clock: Clock,
  run: () => Promise<unknown>,
): Promise<number> {
  let total = 0;
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; total < duration || count < 3; count++) {
    const time = await seconds(clock, run);
    best = Math.min(best, time);
    total += time;
  }
  return best;
}

/** Compiles the two rooflines: a product of square matrices and a sum over rows. */
export async function createRooflines(
  runtime: Runtime,
  sizes: Sizes,
  clock: Clock,
): Promise<Rooflines> {
  const n = sizes.matmul;
  const feeds = { a: filled([n, n]), b: filled([n, n]) };
  const product = await runtime.compile(
    createProgram({ y: matmul(input('a', [n, n]), input('b', [n, n])) }),
  );
  const columns = sizes.readBytes / 4 / ROWS;
  const block = { x: filled([ROWS, columns]) };
  const total = await runtime.compile(
    createProgram({ y: sum(input('x', [ROWS, columns]), { axes: [1] }) }),
  );
  const samples: Rates[] = [];
  await product.run(feeds);
  await total.run(block);
  return {
    samples,
    async sample() {
      const once = await fastest(sizes.sampleSeconds, clock, () => product.run(feeds));
      const read = await fastest(sizes.sampleSeconds / 2, clock, () => total.run(block));
      const rates = { flops: (2 * n ** 3) / once, bytes: sizes.readBytes / read };
      samples.push(rates);
      return rates;
    },
    async release() {
      await product.release();
      await total.release();
    },
  };
}
