import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { markovTraining } from '../../test/nn/markov.ts';
import { interruptSignal } from './interrupt.ts';
import { runTraining } from './train.ts';

describe('interruptSignal', () => {
  it('lets Ctrl-C end a training after the step at hand', async () => {
    const { signal, dispose } = interruptSignal();
    const result = await runTraining(markovTraining({ steps: 1000, signal }), (event) => {
      if (event.type === 'step' && event.step === 2) process.kill(process.pid, 'SIGINT');
    });
    assert.equal(result.interrupted, true);
    assert.ok(result.step >= 3 && result.step < 1000);
    // A second Ctrl-C would now end the process: nobody listens any more.
    assert.equal(process.listenerCount('SIGINT'), 0);
    dispose();
  });

  it('leaves no listeners behind', () => {
    const { dispose, signal } = interruptSignal();
    assert.equal(process.listenerCount('SIGTERM'), 1);
    dispose();
    assert.equal(process.listenerCount('SIGTERM'), 0);
    assert.equal(signal.aborted, false);
  });
});
