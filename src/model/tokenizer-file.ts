import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { isRecord } from './config-fields.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

/**
 * Loads the tokenizer of a model folder: `tokenizer.json`, and where present
 * `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` and
 * `chat_template.jinja` (or `.json`).
 *
 * @throws GlassboxError `no-tokenizer` (no `tokenizer.json`) or `bad-tokenizer`
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const source = join(folder, 'tokenizer.json');
  const text = await readOptional(source);
  if (text === undefined) {
    throw new GlassboxError(`${folder} has no tokenizer.json`, {
      code: 'no-tokenizer',
      remedy:
        'Save the tokenizer in tokenizer.json form (AutoTokenizer.from_pretrained(...).save_pretrained(...)), or give token ids.',
      details: { folder },
    });
  }
  const optional = async (name: string): Promise<unknown> => {
    const path = join(folder, name);
    const content = await readOptional(path);
    return content === undefined ? undefined : parse(content, path);
  };
  const legacy = await optional('chat_template.json');
  const inJson = isRecord(legacy) ? legacy.chat_template : undefined;
  const jinja = await readOptional(join(folder, 'chat_template.jinja'));
  return createTokenizer({
    tokenizer: parse(text, source),
    config: await optional('tokenizer_config.json'),
    specialTokensMap: await optional('special_tokens_map.json'),
    generationConfig: await optional('generation_config.json'),
    chatTemplate: jinja ?? (typeof inJson === 'string' ? inJson : undefined),
    source,
  });
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new GlassboxError(`cannot read ${path}: ${(cause as Error).message}`, {
      code: 'bad-tokenizer',
      remedy: 'Check that the folder and its files can be read.',
      details: { path },
      cause,
    });
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GlassboxError(`${path} is not valid JSON: ${(cause as Error).message}`, {
      code: 'bad-tokenizer',
      remedy: 'Download the file again; it may be truncated.',
      details: { path },
      cause,
    });
  }
}
