import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedFixture } from '../../src/microscope/circuits/testing.ts';
import { copyScores, type IoiExample } from '../../src/microscope/ioi/index.ts';
import { readOut } from '../../src/microscope/readout.ts';

// What heads of Gemma 2 write passes a norm before it reaches the stream; copy scores left its gain out.
test('copy scores rank what a head of Gemma 2 really adds to the stream', async () => {
  const model = await changedFixture('gemma2', (name, values) =>
    name.endsWith('ln1_post.weight') ? values.map((_, i) => (i % 3 === 0 ? 4 : -0.9)) : values,
  );
  const { nHeads, dModel } = model.config;
  const clean = [3, 7, 9, 11, 4, 8];
  const examples = Array.from({ length: 8 }, (_, i) => ({
    clean,
    corrupted: clean,
    target: 2 + 5 * i,
    distractor: 4 + 5 * i,
    text: '',
    corruptedText: '',
    order: 'ABBA',
    positions: { io: 1, s1: 3, s1Next: 4, s2: 4, end: 5 },
  })) satisfies IoiExample[];
  const scores = await copyScores(model, examples);
  for (let head = 0; head < nHeads; head++) {
    let copies = 0;
    for (const { target, distractor } of examples) {
      for (const [position, token] of [
        [1, target],
        [3, distractor],
      ]) {
        // The head attends to the name alone, and no other head writes.
        const others = Array.from({ length: nHeads }, (_, h) => h).filter((h) => h !== head);
        const onehot = Float32Array.from({ length: clean.length }, (_, i) =>
          Number(i === position),
        );
        const edits = [
          { at: 'blocks.1.attn.hook_pattern', op: 'set', value: onehot, heads: [head] },
          { at: 'blocks.1.attn.hook_z', op: 'zero', heads: others },
        ] as const;
        const address = 'blocks.1.hook_attn_out';
        const { cache } = await model.runWithEdits(clean, edits, address, { logits: 'none' });
        const resid = (cache[address].data as Float32Array).slice(-dModel);
        const { targetRanks } = await readOut(model, { resid }, { targets: [token] });
        if (targetRanks[0] < 5) copies++;
      }
    }
    const found = scores.find((score) => score.layer === 1 && score.head === head)!;
    assert.equal(found.copies.correct, copies, `head ${head}`);
  }
});
