import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCorpus } from '../../src/cli/corpus.ts';
import { createTokenizer, findModel, loadModel, openModel } from '../../src/model/index.ts';

// A model with another tokenizer was fed the ids of the built-in model's: out of range, or any words at all.
test('text of the built-in world reaches every model in tokens of its own', async () => {
  const atlas = await openModel((await findModel()).folder);
  const tiny = await loadModel(join(import.meta.dirname, '../fixtures/families/gpt2'));
  const letters = Object.fromEntries(
    [...' abcdefghijklmnopqrstuvwxyz.,?'].map((letter, id) => [letter, id]),
  );
  const tokenizer = createTokenizer({
    tokenizer: {
      version: '1.0',
      added_tokens: [],
      normalizer: { type: 'Lowercase' },
      pre_tokenizer: {
        type: 'Split',
        pattern: { Regex: '.' },
        behavior: 'Isolated',
        invert: false,
      },
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab: letters, unk_token: ' ' },
    },
  });
  const corpus = { world: { seed: 7 } };
  const own = (await openCorpus(atlas, corpus)).batch(0)!;
  const other = (await openCorpus({ ...tiny, tokenizer }, corpus)).batch(0)!;
  assert.equal(other.length, own.length);
  const longest = Math.max(...other.map((row) => row.length));
  assert.ok(longest > 10 && longest <= tiny.config.nCtx);
  for (const row of other) assert.ok(row.every((id) => id < tiny.config.dVocab));
  // The first words of a document are the same words.
  const words = atlas.tokenizer!.decode(own[0], { skipSpecialTokens: true }).toLowerCase();
  const spelled = tokenizer.decode(other[0]).replaceAll(/\s/g, '').slice(0, 8);
  assert.ok(words.replaceAll(/[^a-z.,?]/g, '').startsWith(spelled), `${words} / ${spelled}`);
});
