import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, input, mul, tensorData } from '../../src/graph/build.ts';
import { createProgram } from '../../src/graph/program.ts';
import { nodeRuntime } from '../../src/runtime/node/index.ts';

// Two executables released at once both chose the same idle session to free; freeing it a second
// time threw "Session already disposed".
test('programs released at once free every idle session once', async () => {
  const runtime = nodeRuntime({ idleBytes: 0 });
  const x = input('x', [2]);
  const w = input('w', [2]);
  const small = [];
  for (const factor of [2, 3, 4])
    small.push(await runtime.compile(createProgram({ y: mul(x, factor) })));
  const frozen = { w: tensorData([1, 2], [2]) };
  const large = [];
  for (const factor of [5, 6]) {
    const program = createProgram({ y: add(mul(x, factor), w) });
    large.push(await runtime.compile(program, { frozen }));
  }
  for (const executable of small) await executable.release();
  await Promise.all(large.map((executable) => executable.release()));
  await assert.rejects(large[0].run({ x: tensorData([1, 1], [2]) }), { code: 'released' });
});
