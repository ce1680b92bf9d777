import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DictionaryEvent } from '../train/train.ts';
import { RunCourse } from './course.ts';
import { RunFollower } from './follow.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'));
});
after(() => rm(folder, { recursive: true }));

const TASKS = ['a', 'a@2', 'b'];
const report = (value: number) => ({
  loss: value,
  mse: value,
  explainedVariance: 1 - 1 / value,
  l0: 20,
  dead: value,
  gradNorm: 1,
});
const step = (at: number, of = (_task: string, i: number) => at + 1 + i): DictionaryEvent => ({
  type: 'step',
  step: at,
  rowsPerSecond: 100,
  lr: 1,
  tasks: Object.fromEntries(TASKS.map((task, i) => [task, report(of(task, i))])),
});
const started = (at = 0, steps = 1000): DictionaryEvent => ({
  type: 'started',
  step: at,
  steps,
  tasks: TASKS,
});

test('seeds of a dictionary are taken together: mean, smallest and largest', () => {
  const course = new RunCourse();
  course.add(started());
  course.add(step(0));
  course.add(step(1));
  const [a, b] = course.curves();
  assert.deepEqual([a.name, a.seeds, b.name, b.seeds], ['a', 2, 'b', 1]);
  assert.deepEqual(a.loss, { mean: [1.5, 2.5], low: [1, 2], high: [2, 3] });
  assert.deepEqual(b.loss.mean, [3, 4]);
  assert.deepEqual(course.at, [1, 2]);
  assert.deepEqual(course.state, {
    state: 'running',
    step: 2,
    steps: 1000,
    rowsPerSecond: 100,
    dictionaries: ['a', 'b'],
  });
});

test('a long run is thinned to stretches whose means are those of their steps', () => {
  const course = new RunCourse({ most: 16 });
  course.add(started());
  for (let i = 0; i < 1000; i++) course.add(step(i));
  const { at } = course;
  assert.ok(at.length <= 16 && at.at(-1) === 1000);
  const { mean } = course.curves()[1].loss;
  let from = 0;
  at.forEach((end, i) => {
    // Losses of b are step + 3: the mean over steps from..end-1.
    assert.ok(Math.abs(mean[i] - ((from + end - 1) / 2 + 3)) < 1e-9, `${i}: ${mean[i]}`);
    from = end;
  });
});

test('a run that goes on from a checkpoint drops what is done again', () => {
  const course = new RunCourse();
  course.add(started());
  for (let i = 0; i < 10; i++) course.add(step(i, () => 1));
  course.add({ type: 'interrupted', step: 10 });
  assert.equal(course.state.state, 'interrupted');
  course.add(started(6));
  assert.equal(course.state.state, 'running');
  course.add(step(6, () => 5));
  assert.deepEqual(course.at, [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(course.curves()[0].loss.mean.at(-1), 5);
  course.add({ type: 'finished', step: 7, seconds: 1 });
  assert.equal(course.state.state, 'finished');
});

test('a log is followed while it grows, also over lines that are not whole', async () => {
  const run = join(folder, 'runs', 'one');
  await mkdir(run, { recursive: true });
  const path = join(run, 'events.jsonl');
  const line = (event: DictionaryEvent, time: number) => `${JSON.stringify({ time, ...event })}\n`;
  await writeFile(path, line(started(), 1) + line(step(0), 2));
  const follower = new RunFollower([join(folder, 'runs'), join(folder, 'missing')]);
  const [first] = await follower.list();
  assert.deepEqual([first.name, first.updated, first.course.state.step], ['one', 2, 1]);
  const next = line(step(1), 3);
  await appendFile(path, next.slice(0, 40));
  assert.equal((await follower.list())[0].course.state.step, 1);
  await appendFile(path, next.slice(40));
  assert.equal((await follower.list())[0].course.state.step, 2);
  await appendFile(path, `{"cut":\n${line(step(2), 4)}`);
  assert.deepEqual((await follower.list())[0].course.at, [1, 2, 3]);
  // Another training in the same folder begins a new log.
  await writeFile(path, line(started(0, 5), 9));
  assert.deepEqual((await follower.list())[0].course.at, []);

  const other = join(folder, 'runs', 'model-training');
  await mkdir(other);
  await writeFile(join(other, 'events.jsonl'), '{"time":1,"type":"started","step":0,"steps":3}\n');
  assert.deepEqual(
    (await follower.list()).map(({ name }) => name),
    ['one'],
  );
});
