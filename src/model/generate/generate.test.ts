import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeRuntime } from '../../runtime/node/index.ts';
import { workerRuntime } from '../../runtime/worker/index.ts';
import { createModel, type Model } from '../model.ts';
import { contextLength } from '../run/batch.ts';
import type { Edit } from '../run/edit-types.ts';
import { at, countingRuntime, FAMILIES, loadFixture } from '../testing/fixtures.ts';
import { createTokenizer } from '../tokenizer.ts';
import { sampleToken } from './sample.ts';

interface Reference {
  readonly models: readonly {
    readonly model: string;
    readonly prompts: number[][];
    readonly cases: readonly {
      readonly repetitionPenalty: number;
      readonly tokens: number[][];
      readonly logprobs: number[][];
      readonly margin: number;
    }[];
  }[];
}

const runtime = nodeRuntime();
const reference: Reference = JSON.parse(
  await readFile(join(FAMILIES, '../generation.json'), 'utf8'),
);

for (const { model: name, prompts, cases } of reference.models) {
  test(`${name} continues greedily as transformers does`, async () => {
    const model = await loadFixture(name, runtime);
    for (const { repetitionPenalty, tokens, logprobs } of cases) {
      const options = { maxTokens: tokens[0].length, repetitionPenalty, stopTokens: [] };
      const found = await model.generate(prompts, options);
      assert.deepEqual(
        found.map((row) => row.tokens),
        tokens,
      );
      found.forEach((row, r) => {
        row.logprobs.forEach((logprob, i) => {
          assert.ok(Math.abs(logprob - logprobs[r][i]) < 1e-4);
        });
      });
      assert.ok(found.every((row) => row.finish === 'length'));
    }
    await model.release();
  });
}

/** Greedy continuation by running the whole text again for every token. */
async function recompute(
  model: Model,
  options: {
    readonly prompt: readonly number[];
    readonly count: number;
    readonly edits: (length: number) => readonly Edit[];
  },
): Promise<number[]> {
  const text = [...options.prompt];
  for (let i = 0; i < options.count; i++) {
    const edits = options.edits(text.length);
    const { logits } = await model.runWithEdits(text, edits, [], { logits: 'last' });
    const row = at(logits!, 0, 0);
    text.push(row.indexOf(Math.max(...row)));
  }
  return text.slice(options.prompt.length);
}

const PROMPTS = [
  [7, 19, 3, 30, 11, 2, 44],
  [5, 6],
  [40, 1, 23, 17],
];

for (const name of ['gpt2', 'gemma2', 'gpt-neox', 'qwen2-sliding']) {
  test(`${name}: prompts of different lengths and edits give what recomputing gives`, async () => {
    const model = await loadFixture(name, runtime);
    const { dModel } = model.config;
    const vector = Float32Array.from({ length: dModel }, (_, i) => 3 * Math.sin(5 * i));
    const steer: Edit = { at: 'blocks.1.hook_resid_pre', op: 'add', vector };
    const silence: Edit = { at: 'blocks.0.attn.hook_pattern', op: 'zero', heads: [0] };
    const late = (prompt: number, length: number): Edit => ({
      ...steer,
      positions: Array.from({ length: length - prompt }, (_, i) => prompt + i),
    });
    const count = 6;
    const plans: {
      edits: readonly Edit[];
      same: (prompt: number, length: number) => readonly Edit[];
    }[] = [
      { edits: [], same: () => [] },
      { edits: [steer, silence], same: () => [steer, silence] },
      {
        edits: [{ ...steer, positions: 'generated' }],
        same: (prompt, length) => (length > prompt ? [late(prompt, length)] : []),
      },
      {
        edits: [{ ...steer, positions: [-1] }],
        same: (prompt) => [{ ...steer, positions: [prompt - 1] }],
      },
    ];
    const texts = new Set<string>();
    for (const { edits, same } of plans) {
      const found = await model.generate(PROMPTS, { maxTokens: count, edits, stopTokens: [] });
      for (const [row, prompt] of PROMPTS.entries()) {
        const expected = await recompute(model, {
          prompt,
          count,
          edits: (length) => same(prompt.length, length),
        });
        assert.deepEqual(found[row].tokens, expected);
      }
      texts.add(JSON.stringify(found.map(({ tokens }) => tokens)));
    }
    assert.ok(texts.size > 1, 'the edits change the text');
    await model.release();
  });
}

test('the cache grows without changing the text, up to the context', async () => {
  const model = await loadFixture('llama31-rope', runtime);
  const prompt = Array.from({ length: 60 }, (_, i) => (7 * i) % 48);
  const [found] = await model.generate(prompt, { maxTokens: 12, stopTokens: [] });
  const edits = () => [];
  assert.deepEqual(found.tokens, await recompute(model, { prompt, count: 12, edits }));
  const long = Array.from({ length: contextLength(model.config) - 3 }, (_, i) => (5 * i) % 48);
  const [end] = await model.generate(long, { maxTokens: 12, stopTokens: [] });
  assert.equal(end.finish, 'context');
  assert.equal(end.tokens.length, 3);
  await model.release();
});

test('one step compiles once, whatever the length and the strength', async () => {
  const { runtime: counting, compiled } = countingRuntime();
  const model = await loadFixture('gpt2', counting);
  for (const factor of [1, 2, 3]) {
    const edits: Edit[] = [{ at: 'blocks.0.hook_mlp_out', op: 'scale', factor }];
    await model.generate([[1, 2, 3]], { maxTokens: 4 + factor, edits });
  }
  assert.equal(compiled(), 2);
  await model.release();
});

test('sampling is seeded per row and keeps to its filters', async () => {
  const model = await loadFixture('llama3', runtime);
  const options = { maxTokens: 12, temperature: 1.5, seed: 4, stopTokens: [] };
  const [a, b] = await model.generate([PROMPTS[0], PROMPTS[0]], options);
  assert.notDeepEqual(a.tokens, b.tokens);
  const again = await model.generate([PROMPTS[0], PROMPTS[0]], options);
  assert.deepEqual([again[0].tokens, again[1].tokens], [a.tokens, b.tokens]);
  const [greedy] = await model.generate([PROMPTS[0]], { maxTokens: 12, stopTokens: [] });
  for (const filter of [{ topK: 1 }, { topP: 1e-9 }, { minP: 1 }]) {
    const [found] = await model.generate([PROMPTS[0]], { ...options, ...filter });
    assert.deepEqual(found.tokens, greedy.tokens, JSON.stringify(filter));
  }
  await model.release();
});

test('sampled frequencies follow the filtered distribution', async () => {
  const { Rng } = await import('../../base/rng.ts');
  const probabilities = [0.4, 0.3, 0.15, 0.1, 0.05];
  const logits = Float32Array.from(probabilities, Math.log);
  const frequencies = (options: object) => {
    const rng = new Rng(3);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      counts[sampleToken(logits, [], { temperature: 1, ...options, rng }).token]++;
    }
    return counts.map((count) => count / 20_000);
  };
  const cases: [object, number[]][] = [
    [{}, probabilities],
    [{ topK: 2 }, [4 / 7, 3 / 7, 0, 0, 0]],
    [{ topP: 0.6 }, [4 / 7, 3 / 7, 0, 0, 0]],
    [{ topP: 0.75 }, [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0]],
    [{ minP: 0.3 }, [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0]],
  ];
  for (const [options, expected] of cases) {
    frequencies(options).forEach((f, i) => {
      assert.ok(Math.abs(f - expected[i]) < 0.015, `${JSON.stringify(options)} token ${i}: ${f}`);
    });
  }
});

const vocab = Object.fromEntries(
  Array.from({ length: 48 }, (_, i) => [String.fromCharCode(65 + i), i]),
);
const tokenizer = createTokenizer({
  tokenizer: {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'Split', pattern: { Regex: '.' }, behavior: 'Isolated', invert: false },
    model: { type: 'WordLevel', vocab, unk_token: 'A' },
    decoder: { type: 'Fuse' },
  },
});

test('streams text, and stops at strings and tokens', async () => {
  const plain = await loadFixture('gpt2', runtime);
  const model = createModel(plain.config, plain.params, { runtime, tokenizer });
  const [full] = await model.generate('HTD', { maxTokens: 16, temperature: 1, stopTokens: [] });
  assert.equal(full.text.length, 16);
  const options = { maxTokens: 16, temperature: 1, stopTokens: [] };
  const stop = full.text.slice(5, 8);
  const end = full.text.indexOf(stop);
  const stream = model.stream('HTD', { ...options, stop: [stop, 'never comes'] });
  let text = '';
  let events = 0;
  let result = await stream.next();
  for (; !result.done; result = await stream.next()) {
    text += result.value.text;
    events++;
  }
  assert.equal(text, full.text.slice(0, end));
  assert.equal(result.value[0].text, text);
  assert.equal(result.value[0].finish, 'stop-string');
  assert.equal(events, end + 3);
  const token = full.tokens[6];
  const first = full.tokens.indexOf(token);
  const [stopped] = await model.generate('HTD', { ...options, stopTokens: [token] });
  assert.equal(stopped.finish, 'stop-token');
  assert.deepEqual(stopped.tokens, full.tokens.slice(0, first + 1));
  assert.equal(stopped.text, full.text.slice(0, first));
  const [cancelled] = await model.generate('HTD', { ...options, signal: AbortSignal.abort() });
  assert.equal(cancelled.finish, 'cancelled');
  assert.equal(cancelled.tokens.length, 1);
});

test('two generations at once do not disturb each other', async () => {
  const model = await loadFixture('gpt2', runtime);
  const options = { maxTokens: 16, temperature: 1, stopTokens: [] };
  const alone = [];
  for (const prompt of PROMPTS) alone.push(...(await model.generate([prompt], options)));
  const together = await Promise.all(PROMPTS.map((prompt) => model.generate([prompt], options)));
  assert.deepEqual(together.flat(), alone);
});

test('runs and generates on a runtime in another thread', async () => {
  const worker = workerRuntime();
  const here = await loadFixture('gemma2', runtime);
  const there = await loadFixture('gemma2', worker);
  const options = { maxTokens: 12, stopTokens: [] };
  const [found, expected] = [
    await there.generate(PROMPTS, options),
    await here.generate(PROMPTS, options),
  ];
  for (const [row, { tokens, logprobs }] of expected.entries()) {
    assert.deepEqual(found[row].tokens, tokens);
    logprobs.forEach((x, i) => {
      assert.ok(Math.abs(found[row].logprobs[i] - x) < 1e-5);
    });
  }
  const { cache } = await there.runWithCache(PROMPTS[0], 'blocks.1.hook_resid_post');
  assert.ok(at(cache['blocks.1.hook_resid_post'], 0, 3).some((x) => x !== 0));
  await worker.close();
});

test('wrong options are refused with one clear error', async () => {
  const model = await loadFixture('gpt2', runtime);
  const cases: [() => Promise<unknown>, string][] = [
    [() => model.generate([[]]), 'empty-prompt'],
    [() => model.generate([[1]], { temperature: -1 }), 'bad-sampling'],
    [() => model.generate([[1]], { topP: 0 }), 'bad-sampling'],
    [() => model.generate([[1]], { topK: 0.5 }), 'bad-sampling'],
    [() => model.generate([[1]], { minP: Number.NaN }), 'bad-sampling'],
    [() => model.generate([[1]], { maxTokens: 0 }), 'bad-generation'],
    [() => model.generate('text'), 'bad-generation'],
    [() => model.generate([[1]], { stop: ['x'] }), 'bad-generation'],
    [() => model.generate([[1]], { edits: [{ at: 'hook_embed', op: 'mean' }] }), 'bad-generation'],
  ];
  for (const [run, code] of cases) await assert.rejects(run, { name: 'GlassboxError', code });
});
