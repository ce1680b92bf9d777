import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../src/base/rng.ts';
import * as g from '../../src/graph/index.ts';
import { nodeRuntime } from '../../src/runtime/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';

const [BATCH, HEADS, POS, KEYS] = [2, 3, 4, 5];
const sizes = [BATCH, HEADS, POS, KEYS];
const symbols = ['batch', HEADS, 'pos', 'keys'];

/** Every shape that broadcasts to `[batch, n_heads, pos, keys]`: each axis there, 1, or cut off in front. */
function biasShapes(): number[][] {
  const shapes: number[][] = [[]];
  for (let rank = 1; rank <= 4; rank++) {
    const full = sizes.slice(4 - rank);
    for (let mask = 0; mask < 1 << rank; mask++) {
      shapes.push(full.map((size, i) => (mask & (1 << i) ? 1 : size)));
    }
  }
  return shapes;
}

const rng = new Rng(3);
const normal = (shape: readonly number[]): g.TensorData =>
  g.tensorData(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    shape,
  );

test('attention takes every bias that broadcasts, with known and with symbolic sizes', async () => {
  const runtime = nodeRuntime({ threads: 1, idleSessions: 0 });
  for (const shape of biasShapes()) {
    for (const [batch, heads, pos, keys] of [sizes, symbols]) {
      const whole = [batch, heads, pos, keys];
      const declared = shape.map((size, i) => (size === 1 ? 1 : whole[4 - shape.length + i]));
      const y = g.attention(
        g.input('q', [batch, heads, pos, 6]),
        g.input('k', [batch, heads, keys, 6]),
        g.input('v', [batch, heads, keys, 7]),
        g.input('bias', declared),
        0.4,
      );
      const program = g.createProgram({ y });
      const feeds = {
        q: normal([BATCH, HEADS, POS, 6]),
        k: normal([BATCH, HEADS, KEYS, 6]),
        v: normal([BATCH, HEADS, KEYS, 7]),
        bias: normal(shape),
      };
      const executable = await runtime.compile(program);
      const actual = (await executable.run(feeds)).y.data;
      await executable.release();
      for (const [i, want] of evaluate(program, feeds).y.data.entries()) {
        const distance = Math.abs(Number(actual[i]) - want);
        assert.ok(distance < 1e-6, `bias [${declared}]: element ${i} is off by ${distance}`);
      }
    }
  }
});
