import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Progress } from '../../src/base/progress.ts';
import { analyseIoi, ioiDataset } from '../../src/microscope/ioi/index.ts';
import { openModel } from '../../src/model/index.ts';
import { ioiSentences } from '../../src/organisms/ioi-sentences.ts';

// Every step had a label of its own and told nothing on the way, so that a terminal showed no bar at all in
// the minutes that GPT-2 small takes, and no time left.
test('the analysis of heads reports its runs as one task', async () => {
  const model = await openModel();
  const { templates } = ioiSentences(model, 'auto');
  const told: Progress[] = [];
  await analyseIoi(model, ioiDataset(model, { count: 4, templates }), {
    progress: (one) => told.push(one),
  });
  const [{ label, total, unit }] = told;
  assert.equal(unit, 'runs');
  assert.ok(told.every((one) => one.label === label && one.total === total && one.unit === unit));
  for (let i = 1; i < told.length; i++) assert.ok(told[i].done >= told[i - 1].done);
  assert.equal(told.at(-1)!.done, total);
  assert.ok(new Set(told.map(({ done }) => done)).size > 20);
});
