import { join } from 'node:path';
import { writeFileAtomic } from '../../src/base/files.ts';
import { loadModel, type Model, saveModel } from '../../src/model/index.ts';

const families = join(import.meta.dirname, '../fixtures/families');

/** Writes a tiny random model with a tokenizer whose words are `a0` (also for unknown ones), `a1`, … */
export async function writeWordsModel(folder: string): Promise<Model> {
  const source = await loadModel(join(families, 'gpt2'));
  await saveModel(folder, source);
  const vocab = Object.fromEntries(
    Array.from({ length: source.config.dVocab }, (_, id) => [`a${id}`, id]),
  );
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: 'a0' },
  };
  await writeFileAtomic(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  return source;
}
