import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { EditSpec } from '../../src/microscope/edit-spec.ts';
import { attributePrompt } from '../../src/microscope/graph/attribute.ts';
import { directEffects } from '../../src/microscope/graph/direct-effects.ts';
import { attributionTargets } from '../../src/microscope/graph/targets.ts';
import { compareWithEdits, doseResponse } from '../../src/microscope/interventions.ts';
import { analyseIoi, ioiDataset } from '../../src/microscope/ioi/index.ts';
import { logitLens } from '../../src/microscope/lens.ts';
import { loadModel, openModel, saveModel } from '../../src/model/index.ts';
import { ioiSentences } from '../../src/organisms/index.ts';
import { glassbox, refusal } from '../support/cli.ts';
import { randomSet } from '../support/dictionaries.ts';
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

// The last layer was named, although the first one that is wrong is the cause.
test('the lens names the first layer and position that are no numbers', async () => {
  await assert.rejects(logitLens(model, tokens), {
    ...failure,
    message: /blocks\.0\.hook_resid_post, position 0 /,
  });
  const unembedding = await loadModel(folder);
  unembedding.params['ln_final.weight'].data[0] = Number.NaN;
  await assert.rejects(logitLens(unembedding, tokens), { ...failure, message: /the logits at / });
});

// A NaN in the unembedding alone reaches no activation: graphs were of ten logits with the probability NaN.
test('logits that are NaN are no targets of a graph, nor features that read NaN', async () => {
  const unembedding = await loadModel(folder);
  unembedding.params['ln_final.weight'].data[0] = Number.NaN;
  await assert.rejects(attributionTargets(unembedding, tokens), failure);
  const set = randomSet(healthy, {});
  await assert.rejects(attributePrompt(unembedding, set, tokens), failure);
  const [target] = await attributionTargets(healthy, tokens);
  const effects = directEffects(model, set.dictionaries, { tokens, target });
  await assert.rejects(effects, { code: 'not-finite', message: /blocks\.0\.mlp\.hook_in/ });
});

test('indirect objects are not told apart by NaN, which is said instead of no preference', async () => {
  const atlas = await openModel();
  const examples = ioiDataset(atlas, {
    count: 2,
    templates: ioiSentences(atlas, 'auto').templates,
  });
  atlas.params['ln_final.weight'].data[0] = Number.NaN;
  await assert.rejects(analyseIoi(atlas, examples), failure);
  await atlas.release();
});

test('an intervention that leaves the numbers names itself, at any strength of a sweep', async () => {
  const specs: EditSpec[] = [{ at: 'blocks.0.hook_mlp_out', op: 'scale', strength: 2 }];
  await compareWithEdits(healthy, tokens, specs);
  const preference = { target: 1, distractor: 2 };
  const sweep = { preference, index: 0, strengths: [0, 1], baselines: 0 };
  await doseResponse(healthy, tokens, specs, sweep);
  await assert.rejects(doseResponse(model, tokens, specs, sweep), failure);
});
