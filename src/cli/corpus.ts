import { readFile } from 'node:fs/promises';
import { GlassboxError } from '../base/error.ts';
import { Rng } from '../base/rng.ts';
import type { CorpusConfig, TokenSource } from '../microscope/dictionary/index.ts';
import { tokenizerOf } from '../microscope/prompt.ts';
import { createTokenizer, type Model, type Tokenizer } from '../model/index.ts';
import { contextLength } from '../model/run/batch.ts';
import {
  createWorld,
  createWorldTokenizer,
  defaultMixture,
  documentText,
  mechanisms,
  SPECIAL,
  tokenizerJson,
  trainingBatch,
} from '../organisms/index.ts';

/** Rows per batch of text. */
const ROWS = 64;

/** The corpus that a configuration names, as token rows for a model. */
export async function openCorpus(model: Model, corpus: CorpusConfig): Promise<TokenSource> {
  if ('text' in corpus) return textCorpus(model, corpus.text);
  const { seed, split = 'train' } = corpus.world;
  return split === 'train' ? worldStream(model, seed) : heldOutDocuments(model, seed);
}

/** Reads `world:SEED`, `held-out:SEED` or the path of a text file. Throws `bad-option` for another seed. */
export function parseCorpus(text: string): CorpusConfig {
  const world = /^(world|held-out):(.*)$/.exec(text);
  if (!world) return { text };
  if (!/^\d+$/.test(world[2])) {
    throw new GlassboxError(`'${text}': a seed is a whole number of at least 0`, {
      code: 'bad-option',
      remedy: `Write ${world[1]}:1, say, or ./${text} for a file of that name.`,
      details: { text },
    });
  }
  return { world: { seed: Number(world[2]), split: world[1] === 'world' ? 'train' : 'held-out' } };
}

/** Whether two tokenizers have the same tokens, each with the same id. */
function sameTokens(a: Tokenizer, b: Tokenizer): boolean {
  if (a.vocabSize !== b.vocabSize) return false;
  const text = (tokenizer: Tokenizer, id: number) => tokenizer.tokenStrings([id])[0]?.text;
  return Array.from({ length: a.vocabSize }, (_, id) => id).every(
    (id) => text(a, id) === text(b, id),
  );
}

/** Throws `tokenizer-mismatch` unless two models read text as the same tokens, as those of a crosscoder must. */
export function checkSameTokens(model: Model, other: Model): void {
  if (sameTokens(tokenizerOf(model), tokenizerOf(other))) return;
  throw new GlassboxError(`${model.name} and ${other.name} cut text into different tokens`, {
    code: 'tokenizer-mismatch',
    remedy: 'Compare models that share a tokenizer, such as a base model and its fine-tunes.',
    details: { model: model.name, other: other.name },
  });
}

/**
 * The document stream the built-in model was trained on, with a seed of its own. A model with another tokenizer gets the
 * same documents, one per row, in tokens of its own.
 */
function worldStream(model: Model, seed: number): TokenSource {
  const world = createWorld();
  const tokenizer = createWorldTokenizer(world);
  const length = contextLength(model.config);
  const [pad, end] = [tokenizer.id(SPECIAL.pad), tokenizer.id(SPECIAL.endOfText)];
  const reader = createTokenizer({ tokenizer: tokenizerJson(world) });
  const own = sameTokens(tokenizerOf(model), reader) ? null : tokenizerOf(model);
  // Rows of another tokenizer are packed as for the built-in model, whose documents have room in 128 tokens.
  const room = own ? PACKED : length;
  return {
    name: `built-in world, seed ${seed}`,
    batch(index) {
      const { tokens } = trainingBatch(
        world,
        tokenizer,
        { seed, batch: ROWS, length: room },
        index,
      );
      const rows = Array.from({ length: ROWS }, (_, row) => {
        const ids = Array.from(tokens.subarray(row * room, (row + 1) * room));
        return ids.slice(0, ids.findLastIndex((id) => id !== pad) + 1);
      });
      if (!own) return rows;
      return rows.map((ids) => {
        const first = ids.slice(1, ids.indexOf(end, 1) < 0 ? undefined : ids.indexOf(end, 1));
        const text = reader.decode(first, { skipSpecialTokens: true });
        return own.encode(text, { addSpecialTokens: true }).slice(0, length);
      });
    },
  };
}

/** Tokens per row of the built-in model's training. */
const PACKED = 128;

/** Documents about combinations that were never trained, one per row, mechanisms in their usual shares. */
function heldOutDocuments(model: Model, seed: number): TokenSource {
  const world = createWorld();
  const tokenizer = tokenizerOf(model);
  const { shares } = defaultMixture;
  const total = mechanisms.reduce((sum, name) => sum + shares[name], 0);
  const longest = contextLength(model.config);
  return {
    name: `held-out documents of the built-in world, seed ${seed}`,
    batch(index) {
      const rng = new Rng(seed).fork(`held out ${index}`);
      return Array.from({ length: ROWS }, () => {
        let left = rng.next() * total;
        const mechanism = mechanisms.find((name) => (left -= shares[name]) < 0) ?? mechanisms[0];
        const text = documentText(world.write(mechanism, rng, 'held-out'));
        return tokenizer.encode(text, { addSpecialTokens: true }).slice(0, longest);
      });
    },
  };
}

/** Bytes as text. Throws `bad-text` for another encoding, which would be read as text full of replacement characters. */
function utf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GlassboxError(`${path} is not UTF-8 text`, {
      code: 'bad-text',
      remedy: 'Save it as UTF-8, for example with `iconv -f utf-16 -t utf-8`.',
      details: { path },
      cause,
    });
  }
}

async function textCorpus(model: Model, path: string): Promise<TokenSource> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EISDIR' ? 'it is a folder' : 'there is no such file';
    throw new GlassboxError(`cannot read the text ${path}: ${reason}`, {
      code: 'no-file',
      remedy: 'Give the path of a UTF-8 text file, or world:SEED for the built-in world.',
      details: { path },
      cause,
    });
  });
  const text = utf8(bytes, path);
  const tokenizer = tokenizerOf(model);
  const longest = contextLength(model.config);
  const rows = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const ids = tokenizer.encode(line, { addSpecialTokens: true });
      const pieces: number[][] = [];
      for (let i = 0; i < ids.length; i += longest) pieces.push(ids.slice(i, i + longest));
      return pieces;
    });
  const batches = Math.ceil(rows.length / ROWS);
  if (rows.length === 0) {
    throw new GlassboxError(`${path} holds no text`, {
      code: 'empty-corpus',
      remedy: 'Give a file with at least one line.',
      details: { path },
    });
  }
  return {
    name: path,
    batch: (index) => (index < batches ? rows.slice(index * ROWS, (index + 1) * ROWS) : undefined),
  };
}

/** Throws `no-concepts` unless a model reads the built-in world token by token as its own model does. */
export function checkWorldTokens(model: Model, options: { readonly remedy: string }): void {
  const world = createWorld();
  const known = createWorldTokenizer(world);
  const rng = new Rng(1);
  const reads = mechanisms.every((mechanism) => {
    const text = documentText(world.write(mechanism, rng, 'train'));
    const ids = tokenizerOf(model).encode(text, { addSpecialTokens: false });
    return known.encode(text).join() === ids.join();
  });
  if (reads) return;
  throw new GlassboxError(`${model.name} does not read the built-in world's tokens`, {
    code: 'no-concepts',
    remedy: options.remedy,
    details: { model: model.name },
  });
}

/** Ids of tokens given as text; begin-of-text and padding when none are given. */
export function excludedTokens(model: Model, exclude: readonly string[] | undefined): number[] {
  const tokenizer = tokenizerOf(model);
  if (!exclude) {
    const { bos, pad } = tokenizer.special;
    return [bos, pad].filter((id) => id !== null);
  }
  return exclude.map((text) => {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    if (ids.length === 1) return ids[0];
    throw new GlassboxError(`'${text}' is ${ids.length} tokens, not one`, {
      code: 'not-one-token',
      remedy: 'Name special tokens as the tokenizer spells them.',
      details: { text, ids },
    });
  });
}
