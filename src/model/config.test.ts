import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ModelConfig, parseModelConfig, parseModelConfigText } from './config.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');

type Json = Record<string, unknown>;

interface Expected extends Omit<Partial<ModelConfig>, 'raw'> {
  readonly windows: (number | null)[];
  readonly queryScale: number;
  readonly rope?: { readonly theta: number; readonly dim: number; readonly type: string } & Record<
    string,
    number | string
  >;
  readonly localTheta?: number;
}

/** Names of the scaling parameters in `rope_parameters`, and here. */
const SCALING: Readonly<Record<string, string>> = {
  factor: 'factor',
  attentionFactor: 'attentionFactor',
  original_max_position_embeddings: 'originalContext',
  low_freq_factor: 'lowFreqFactor',
  high_freq_factor: 'highFreqFactor',
  beta_fast: 'betaFast',
  beta_slow: 'betaSlow',
};

function checkRope(config: ModelConfig, expected: Expected): void {
  const { rope } = expected;
  if (rope === undefined) {
    assert.equal(config.positions.kind, 'learned');
    return;
  }
  assert.ok(config.positions.kind === 'rotary');
  const { theta, dim, scaling, localTheta } = config.positions;
  assert.equal(theta, rope.theta);
  assert.equal(dim, rope.dim);
  assert.equal(localTheta, expected.localTheta);
  assert.equal(scaling.kind, rope.type === 'default' ? 'none' : rope.type);
  for (const [theirs, ours] of Object.entries(SCALING)) {
    const value: number | undefined = Reflect.get(scaling, ours);
    if (theirs in rope && value !== undefined) {
      assert.ok(Math.abs(value - Number(rope[theirs])) < 1e-12, `${ours}: ${value}`);
    }
  }
}

describe('config.json against transformers', async () => {
  const text = await readFile(join(FIXTURES, 'configs.json'), 'utf8');
  const cases: { name: string; config: Json; expected: Expected }[] = JSON.parse(text);
  for (const { name, config: json, expected } of cases) {
    it(`reads ${name}`, () => {
      const config = parseModelConfig(json);
      const { windows, queryScale, rope: _rope, localTheta: _local, ...plain } = expected;
      for (const [key, value] of Object.entries(plain)) {
        assert.equal(Reflect.get(config, key), value, key);
      }
      const seen = config.attention.map((layer) => (layer.kind === 'full' ? null : layer.window));
      assert.deepEqual(seen, windows);
      assert.ok(Math.abs(config.queryScale - queryScale) < 1e-12);
      checkRope(config, expected);
      assert.equal(config.raw, json);
    });
  }
});

describe('config.json in both spellings', async () => {
  for (const name of await readdir(join(FIXTURES, 'families'))) {
    it(`reads ${name} alike`, async () => {
      const read = async (file: string) => {
        const text = await readFile(join(FIXTURES, 'families', name, file), 'utf8');
        const { raw: _raw, ...config } = parseModelConfigText(text, file);
        return config;
      };
      assert.deepEqual(await read('config.hub.json'), await read('config.json'));
    });
  }
});

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 100,
};
const QWEN2 = {
  ...LLAMA,
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  num_key_value_heads: 4,
};
const GEMMA3 = { ...LLAMA, architectures: ['Gemma3ForCausalLM'], model_type: 'gemma3_text' };
const PHI3 = { ...LLAMA, architectures: ['Phi3ForCausalLM'], model_type: 'phi3' };
const LLAMA3_ROPE = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

describe('config.json that cannot be right', () => {
  const refused: [string, Json, string][] = [
    ['no hidden size', { ...LLAMA, hidden_size: undefined }, 'hidden_size'],
    ['a null vocabulary', { ...LLAMA, vocab_size: null }, 'vocab_size'],
    ['an empty vocabulary', { ...LLAMA, vocab_size: 0 }, 'vocab_size'],
    ['negative layers', { ...LLAMA, num_hidden_layers: -2 }, 'num_hidden_layers'],
    ['a billion layers', { ...LLAMA, num_hidden_layers: 1e9 }, 'num_hidden_layers'],
    ['half a head', { ...LLAMA, num_attention_heads: 4.5 }, 'num_attention_heads'],
    ['a size as text', { ...LLAMA, hidden_size: '64' }, 'hidden_size'],
    ['heads that do not divide', { ...LLAMA, num_attention_heads: 5 }, 'hidden_size'],
    ['key heads that do not divide', { ...LLAMA, num_key_value_heads: 3 }, 'num_key_value_heads'],
    ['an odd head', { ...LLAMA, head_dim: 15 }, 'partial_rotary_factor'],
    [
      'a fraction it would ignore',
      { ...LLAMA, partial_rotary_factor: 0.5 },
      'partial_rotary_factor',
    ],
    ['an unknown activation', { ...LLAMA, hidden_act: 'mish' }, 'hidden_act'],
    ['a negative epsilon', { ...LLAMA, rms_norm_eps: -1 }, 'rms_norm_eps'],
    ['a base of zero', { ...LLAMA, rope_theta: 0 }, 'rope_theta'],
    ['a flag as a number', { ...LLAMA, tie_word_embeddings: 1 }, 'tie_word_embeddings'],
    ['token ids as text', { ...LLAMA, eos_token_id: ['2'] }, 'eos_token_id'],
    ['quantised weights', { ...LLAMA, quantization_config: { bits: 4 } }, 'quantization_config'],
    [
      'an unknown scaling',
      { ...LLAMA, rope_scaling: { rope_type: 'wavy' } },
      'rope_scaling.rope_type',
    ],
    ['its old key too', { ...LLAMA, rope_scaling: { type: 'wavy' } }, 'rope_scaling.type'],
    ['scaling as a number', { ...LLAMA, rope_scaling: 2 }, 'rope_scaling'],
    [
      'scaling without factor',
      { ...LLAMA, rope_scaling: { type: 'linear' } },
      'rope_scaling.factor',
    ],
    [
      'reversed bounds',
      { ...LLAMA, rope_scaling: { ...LLAMA3_ROPE, high_freq_factor: 0.5 } },
      'rope_scaling.high_freq_factor',
    ],
    [
      'rotation per layer type',
      { ...QWEN2, rope_parameters: { full_attention: { rope_theta: 1 } } },
      'rope_parameters.full_attention',
    ],
    ['too few layer types', { ...QWEN2, layer_types: ['full_attention'] }, 'layer_types'],
    [
      'unknown layer types',
      { ...QWEN2, layer_types: ['full_attention', 'linear_attention'] },
      'layer_types',
    ],
    [
      'sliding layers without window',
      { ...QWEN2, layer_types: ['full_attention', 'sliding_attention'] },
      'sliding_window',
    ],
    ['flat rotary settings', { ...GEMMA3, rope_parameters: { rope_theta: 1 } }, 'rope_parameters'],
    [
      'two directions',
      { ...GEMMA3, use_bidirectional_attention: true },
      'use_bidirectional_attention',
    ],
    ['a soft cap of zero', { ...GEMMA3, final_logit_softcapping: 0 }, 'final_logit_softcapping'],
    [
      'linear scaling',
      { ...PHI3, rope_scaling: { type: 'linear', factor: 2 } },
      'rope_scaling.type',
    ],
    [
      'short factor lists',
      { ...PHI3, rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] } },
      'rope_scaling.short_factor',
    ],
    ['the type of another family', { ...LLAMA, model_type: 'mistral' }, 'model_type'],
    [
      'a broken text part',
      {
        architectures: ['Gemma3ForConditionalGeneration'],
        model_type: 'gemma3',
        text_config: { head_dim: 0 },
      },
      'text_config.head_dim',
    ],
  ];
  for (const [what, json, key] of refused) {
    it(`refuses ${what}, naming ${key}`, () => {
      // As it would come from a file: undefined keys are absent.
      const parse = () => parseModelConfigText(JSON.stringify(json), 'm/config.json');
      assert.throws(parse, (error: Error) => {
        assert.equal(Reflect.get(error, 'code'), 'bad-config');
        assert.match(error.message, /^m\/config\.json: /);
        assert.ok(error.message.includes(`"${key}"`), error.message);
        return true;
      });
    });
  }

  it('lists the supported architectures for any other', () => {
    const others: Json[] = [
      { architectures: ['T5ForConditionalGeneration'], model_type: 't5' },
      { architectures: ['LlamaForSequenceClassification'], model_type: 'llama' },
      { model_type: 'bert' },
      { architectures: [] },
      {},
    ];
    for (const json of others) {
      assert.throws(
        () => parseModelConfig(json),
        (error: Error) => {
          assert.equal(Reflect.get(error, 'code'), 'unsupported-architecture');
          assert.match(Reflect.get(error, 'remedy'), /GPT2LMHeadModel.*Phi3ForCausalLM/);
          return true;
        },
      );
    }
  });

  it('refuses what is no JSON object', () => {
    for (const text of ['', '{', '[]', 'null', '3', '{"vocab_size": NaN}']) {
      assert.throws(() => parseModelConfigText(text), { code: 'bad-config' });
    }
  });

  it('finds the family by model_type alone', () => {
    const { architectures: _none, ...rest } = LLAMA;
    assert.equal(parseModelConfig(rest).architecture, 'LlamaForCausalLM');
  });

  it('takes special ids outside the vocabulary as absent', () => {
    const { tokens } = parseModelConfig({ ...LLAMA, bos_token_id: -1, eos_token_id: [2, 100] });
    assert.deepEqual(tokens, { bos: null, eos: [2], pad: null });
    const text_config = { vocab_size: 200 };
    const outer = { architectures: ['Gemma3ForConditionalGeneration'], model_type: 'gemma3' };
    const merged = parseModelConfig({ ...outer, text_config, eos_token_id: [1, 106] });
    assert.deepEqual(merged.tokens.eos, [1, 106]);
  });
});
