import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { markovTraining } from '../../test/nn/markov.ts';
import { openRunFolder, readEvents, readManifest } from './run-folder.ts';
import { runTraining } from './train.ts';

const manifest = { config: { layers: 1 }, seed: 1, dataHash: 'abc', command: 'train' };
let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glassbox-run-'));
});
after(() => rm(scratch, { recursive: true, force: true }));

describe('a run folder', () => {
  it('holds manifest, events and checkpoints, over a crash and a resume', async () => {
    const path = join(scratch, 'one');
    for (const steps of [4, 6]) {
      const run = await openRunFolder(path, manifest);
      const checkpoints = { folder: run.checkpoints, every: 2, resume: true };
      await runTraining(markovTraining({ steps, checkpoints }), run.listener);
      run.close();
      // What a process killed in step 5 leaves: a step without checkpoint, and half a line.
      if (steps === 4) {
        const lost = { type: 'step', step: 4, loss: 99, time: 0 };
        await appendFile(join(path, 'events.jsonl'), `${JSON.stringify(lost)}\n{"type":"st`);
      }
    }
    const saved = await readManifest(path);
    assert.equal(saved?.seed, 1);
    assert.match(JSON.stringify(saved?.versions), new RegExp(`"node":"${process.version}"`));
    const events = await readEvents(path);
    const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []));
    assert.deepEqual(
      steps.map(({ step }) => step),
      [0, 1, 2, 3, 4, 5],
    );
    assert.ok(steps.every(({ loss, time }) => loss < 10 && time > 0));
    const lines = (await readFile(join(path, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
    assert.ok(lines.length > events.length);
    for (const line of lines) JSON.parse(line);
  });

  it('refuses another run', async () => {
    const path = join(scratch, 'two');
    (await openRunFolder(path, manifest)).close();
    await assert.rejects(openRunFolder(path, { ...manifest, seed: 2 }), {
      code: 'run-mismatch',
      message: /seed 1, not 2/,
    });
    await writeFile(join(path, 'events.jsonl'), '{"type":\n');
    await assert.rejects(readEvents(path), { code: 'bad-run', message: /line 1/ });
    await writeFile(join(path, 'manifest.json'), '[');
    await assert.rejects(openRunFolder(path, manifest), { code: 'run-mismatch' });
  });
});
