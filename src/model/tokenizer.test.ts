import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { openBytes } from './token-bytes.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';
import { loadTokenizer } from './tokenizer-file.ts';

interface Reference {
  readonly vocabSize: number;
  readonly cases: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly plain: readonly number[];
    readonly decoded: string;
    readonly skipped: string;
  }[];
  readonly chats: readonly {
    readonly messages: { readonly role: string; readonly content: string }[];
    readonly addGenerationPrompt: boolean;
    readonly text: string;
  }[];
}

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/tokenizers');
const KINDS = [
  'byte-level',
  'split-byte-level',
  'llama',
  'gemma',
  'unigram',
  'word-level',
  'words',
];

async function load(kind: string): Promise<{ tokenizer: Tokenizer; reference: Reference }> {
  const folder = join(FIXTURES, kind);
  const reference = JSON.parse(await readFile(join(folder, 'reference.json'), 'utf8'));
  return { tokenizer: await loadTokenizer(folder), reference };
}

for (const kind of KINDS) {
  describe(`${kind} tokenizer against Python`, () => {
    it('has the same ids and texts', async () => {
      const { tokenizer, reference } = await load(kind);
      assert.equal(tokenizer.vocabSize, reference.vocabSize);
      for (const { text, ids, plain, decoded, skipped } of reference.cases) {
        const label = JSON.stringify(text);
        assert.deepEqual(tokenizer.encode(text), ids, label);
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), plain, label);
        assert.equal(tokenizer.decode(ids), decoded, label);
        assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), skipped, label);
      }
    });

    it('streams what it decodes', async () => {
      const { tokenizer, reference } = await load(kind);
      for (const { text, ids, decoded } of reference.cases) {
        const stream = tokenizer.stream({ startOfText: true });
        const parts = ids.map((id) => stream.push(id));
        assert.equal(parts.join('') + stream.end(), decoded, JSON.stringify(text));
        for (const part of parts) assert.equal(part.toWellFormed(), part);
      }
    });

    it('groups every token once, into whole characters', async () => {
      const { tokenizer, reference } = await load(kind);
      for (const { ids } of reference.cases) {
        const groups = tokenizer.tokenStrings(ids);
        assert.deepEqual(
          groups.flatMap((group) => group.ids),
          ids,
        );
        for (const { text } of groups) assert.ok(!text.includes('\ufffd'));
      }
    });

    it('renders conversations as transformers does', async () => {
      const { tokenizer, reference } = await load(kind);
      assert.equal(tokenizer.chatTemplates.length, reference.chats.length > 0 ? 1 : 0);
      for (const { messages, addGenerationPrompt, text } of reference.chats) {
        assert.equal(tokenizer.applyChatTemplate(messages, { addGenerationPrompt }), text);
      }
    });
  });
}

describe('tokens for display', () => {
  it('joins the tokens of one character', async () => {
    const { tokenizer } = await load('byte-level');
    const ids = tokenizer.encode('a🦊 b');
    const groups = tokenizer.tokenStrings(ids);
    assert.deepEqual(
      groups.map((group) => group.text),
      ['a', '🦊', ' b'],
    );
    assert.equal(groups[1].ids.length, 4);
    assert.deepEqual([...groups[1].bytes], [0xf0, 0x9f, 0xa6, 0x8a]);
  });

  it('closes a character that is never finished', async () => {
    const { tokenizer } = await load('byte-level');
    const fox = tokenizer.encode('🦊');
    const a = tokenizer.encode('a');
    const end = tokenizer.encode('<|im_end|>');
    const texts = (ids: number[]) => tokenizer.tokenStrings(ids).map((group) => group.text);
    assert.deepEqual(texts([...fox.slice(0, 3), ...a]), ['\ufffd', 'a']);
    assert.deepEqual(texts([...fox.slice(0, 3), ...end]), ['\ufffd', '<|im_end|>']);
    assert.deepEqual(texts(fox.slice(0, 2)), ['\ufffd']);
    assert.deepEqual(texts(fox.slice(2)), ['\ufffd', '\ufffd']);
  });

  it('holds half a character back until it is whole', async () => {
    const { tokenizer } = await load('llama');
    const stream = tokenizer.stream();
    const ids = tokenizer.encode('é🦊', { addSpecialTokens: false });
    const parts = ids.map((id) => stream.push(id));
    assert.equal(parts.join(''), ' é🦊');
    assert.deepEqual(parts.slice(-4), ['', '', '', '🦊']);
    stream.push(ids.at(-4) as number);
    assert.equal(stream.end(), '\ufffd');
  });

  it('knows how many bytes at the end are unfinished', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, cut) => {
        const all = new TextEncoder().encode(text);
        const bytes = all.subarray(0, all.length === 0 ? 0 : cut % (all.length + 1));
        const open = openBytes(bytes);
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
          bytes.subarray(0, bytes.length - open),
        );
        assert.ok(text.startsWith(whole));
      }),
    );
    for (const never of [[0xc0], [0xff], [0xe0, 0x80], [0xed, 0xa0], [0xf4, 0x90], [0x80]]) {
      assert.equal(openBytes(Uint8Array.from(never)), 0);
    }
  });

  it('streams any ids without half characters', async () => {
    const { tokenizer } = await load('byte-level');
    const id = fc.nat({ max: tokenizer.vocabSize + 5 });
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), (ids) => {
        const stream = tokenizer.stream();
        const text = ids.map((each) => stream.push(each)).join('') + stream.end();
        assert.equal(text, tokenizer.decode(ids));
        assert.deepEqual(
          tokenizer.tokenStrings(ids).flatMap((group) => group.ids),
          ids,
        );
      }),
    );
  });
});

describe('tokenizer input', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glassbox-tok-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('replaces lone surrogates', async () => {
    const { tokenizer } = await load('byte-level');
    assert.equal(tokenizer.decode(tokenizer.encode('a\ud83eb')), 'a\ufffdb');
    const rendered = tokenizer.applyChatTemplate([{ role: 'user', content: '\udc00' }]);
    assert.ok(rendered.includes('\ufffd'));
  });

  it('keeps any text through encode and decode', async () => {
    const { tokenizer } = await load('byte-level');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
      }),
    );
  });

  it('finds special ids by role', async () => {
    const { tokenizer } = await load('split-byte-level');
    assert.equal(tokenizer.special.bos, tokenizer.idOf('<|begin|>'));
    assert.deepEqual(tokenizer.special.eos, [tokenizer.idOf('<|im_end|>')]);
    assert.equal(tokenizer.special.pad, null);
    assert.equal(tokenizer.special.all.size, 3);
  });

  it('adds the end ids of generation_config.json, and takes chat_template.jinja first', async () => {
    const from = join(FIXTURES, 'byte-level');
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
      await writeFile(join(folder, name), await readFile(join(from, name)));
    }
    await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id":[2,0]}');
    await writeFile(join(folder, 'chat_template.jinja'), 'X{{ messages[0].content }}{{ tone }}');
    const tokenizer = await loadTokenizer(folder);
    assert.deepEqual(tokenizer.special.eos, [2, 0]);
    const messages = [{ role: 'user', content: 'hi' }];
    assert.equal(tokenizer.applyChatTemplate(messages, { variables: { tone: '!' } }), 'Xhi!');
  });

  it('says which file is absent or broken', async () => {
    await assert.rejects(loadTokenizer(join(folder, 'none')), { code: 'no-tokenizer' });
    const broken = await mkdtemp(join(folder, 'b-'));
    await writeFile(join(broken, 'tokenizer.json'), '{"model":');
    await assert.rejects(loadTokenizer(broken), {
      code: 'bad-tokenizer',
      message: /not valid JSON/,
    });
    const files: unknown[] = [
      [],
      {},
      { model: {} },
      { model: { type: 'WordLevel' }, added_tokens: 3 },
      { model: { type: 'BPE', vocab: { a: 0 }, merges: [] }, decoder: { type: 'Nope' } },
      { model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 0, byte_fallback: true } },
    ];
    for (const tokenizer of files) {
      assert.throws(() => createTokenizer({ tokenizer }), { code: 'bad-tokenizer' });
    }
  });

  it('refuses what it cannot encode or decode', async () => {
    const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: null };
    const bare = createTokenizer({ tokenizer: { model }, source: 'x' });
    assert.throws(() => bare.encode('b'), { code: 'unencodable-text' });
    assert.throws(() => bare.decode([-1]), { code: 'bad-token-id' });
    assert.throws(() => bare.tokenStrings([0.5]), { code: 'bad-token-id' });
  });

  it('names the templates there are', async () => {
    const { tokenizer } = await load('word-level');
    assert.throws(() => tokenizer.applyChatTemplate([]), { code: 'no-chat-template' });
    const list = [
      { name: 'rag', template: 'r' },
      { name: 'tool_use', template: 't' },
    ];
    const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
    const several = createTokenizer({ tokenizer: { model }, config: { chat_template: list } });
    assert.equal(several.applyChatTemplate([], { template: 'rag' }), 'r');
    assert.throws(() => several.applyChatTemplate([]), {
      code: 'no-chat-template',
      message: /no chat/,
    });
  });

  it('passes on what a template refuses', async () => {
    const { tokenizer } = await load('llama');
    const twice = [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ];
    const refused = { code: 'chat-template-failed', message: /must alternate/ };
    assert.throws(() => tokenizer.applyChatTemplate(twice), refused);
  });
});
