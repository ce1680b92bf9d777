import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { EditSpec } from '../../src/microscope/edit-spec.ts';
import { compareWithEdits, doseResponse } from '../../src/microscope/interventions.ts';
import { loadModel, saveModel } from '../../src/model/index.ts';
import { glassbox, refusal } from '../support/cli.ts';
import { writeWordsModel } from '../support/words-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'glassbox-nan-'));
after(() => rm(folder, { recursive: true }));
await writeWordsModel(folder);
const healthy = await loadModel(folder);
const model = await loadModel(folder);
model.params['blocks.0.ln2.weight'].data[0] = Number.NaN;
const sick = join(folder, 'sick');
await writeWordsModel(sick);
await saveModel(sick, model);

const tokens = [3, 1, 4];
const failure = { code: 'not-finite', kind: 'failure' };

// `generate` printed nothing and succeeded: the first token of the vocabulary often ends a text.
test('NaN logits are an error of generation, drawn or not, naming the token', async () => {
  for (const temperature of [0, 0.8]) {
    await assert.rejects(model.generate(tokens, { temperature, topK: 5 }), {
      ...failure,
      message: /generated token 1 /,
    });
  }
  const stream = model.stream([tokens, tokens]);
  await assert.rejects(stream.next(), failure);
  const edits = [{ at: 'hook_embed', op: 'set', value: 1e300, positions: 'generated' }] as const;
  await assert.rejects(healthy.generate(tokens, { edits, stopTokens: [] }), {
    code: 'not-finite',
    kind: 'input',
    message: /generated token 2 /,
    remedy: /edits/,
  });
});

test('what forbids a token is no fault', async () => {
  const value = Float32Array.from({ length: healthy.config.dVocab }, (_, i) =>
    i === 7 ? 0 : Number.NEGATIVE_INFINITY,
  );
  const edits = [{ at: 'logits', op: 'set', value }] as const;
  const found = await healthy.generate(tokens, { edits, maxTokens: 2, stopTokens: [] });
  assert.deepEqual(found[0].tokens, [7, 7]);
});

test('no command prints NaN for an answer', async () => {
  const edits = '[{"at": "blocks.0.hook_mlp_out", "op": "scale", "strength": 0.5}]';
  const prompt = 'a3 a1 a4';
  const other = ['--target', 'a1', '--distractor', 'a2'];
  for (const line of [
    ['generate', prompt],
    ['generate', prompt, '--temperature', '1'],
    ['lens', prompt],
    ['lens', prompt, '--dla', ...other],
    ['tokens', prompt],
    ['edit', prompt, '--edits', edits, ...other],
    ['patch', '--clean', prompt, '--corrupted', 'a3 a2 a4', ...other],
    ['heads'],
  ]) {
    const { code, out } = await glassbox(...line, '--model', sick, '--json');
    assert.equal(code, 1, `${line[0]}: ${out}`);
    assert.equal(JSON.parse(out).error.code, 'not-finite', line[0]);
  }
  const huge = '[{"at": "hook_embed", "op": "set", "value": 1e300}]';
  const edited = ['edit', prompt, '--edits', huge, '--model', folder];
  assert.equal(await refusal(...edited), 'not-finite');
});

test('an intervention that leaves the numbers names itself, at any strength of a sweep', async () => {
  const specs: EditSpec[] = [{ at: 'blocks.0.hook_mlp_out', op: 'scale', strength: 2 }];
  await compareWithEdits(healthy, tokens, specs);
  const preference = { target: 1, distractor: 2 };
  const sweep = { preference, index: 0, strengths: [0, 1], baselines: 0 };
  await doseResponse(healthy, tokens, specs, sweep);
  await assert.rejects(doseResponse(model, tokens, specs, sweep), failure);
});
