import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as g from '../src/graph/index.ts';
import { nodeRuntime, type Runtime, workerRuntime } from '../src/runtime/index.ts';
import { opCases } from './support/op-cases.ts';
import { checkCase, prepareCase } from './support/op-checks.ts';

const worker = workerRuntime({ threads: 1 });
after(() => worker.close());

const runtimes: readonly Runtime[] = [
  nodeRuntime({ threads: 1, idleSessions: 0 }),
  { ...nodeRuntime({ threads: 2, optimization: 'disabled', idleSessions: 0 }), name: 'node as is' },
  worker,
];

test('the cases use every operation', () => {
  const used = new Set<string>();
  for (const opCase of opCases) {
    for (const node of prepareCase(opCase).program.nodes) used.add(node.op);
  }
  assert.deepEqual(
    Object.keys(g.shapeRules).filter((op) => !used.has(op)),
    [],
  );
});

for (const runtime of runtimes) {
  describe(`every operation on the ${runtime.name} runtime`, () => {
    for (const opCase of opCases) {
      test(opCase.name, async () => {
        const { program, feeds } = prepareCase(opCase);
        const executable = await runtime.compile(program);
        checkCase(opCase, (await executable.run(feeds)).y);
        await executable.release();
      });
    }
  });
}

describe('every operation with all inputs frozen', () => {
  const runtime = nodeRuntime({ threads: 1, idleSessions: 0 });
  for (const opCase of opCases) {
    test(opCase.name, async () => {
      const { program, feeds } = prepareCase(opCase);
      const executable = await runtime.compile(program, { frozen: feeds });
      checkCase(opCase, (await executable.run({})).y);
      await executable.release();
    });
  }
});
