import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ModelConfig, parseModelConfigText } from '../../src/model/config.ts';
import { byteEdits, oddValue, readOrRefuse, type Tally, toText } from './support.ts';

const CODES = ['bad-config', 'unsupported-architecture'];

type Json = Record<string, unknown>;

const cases: { config: Json }[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../fixtures/configs.json'), 'utf8'),
);
const VALID = cases.map(({ config }) => config);
const KEYS = [...new Set(VALID.flatMap((config) => Object.keys(config)))];
const ROPE_KEYS = [
  'rope_type',
  'type',
  'factor',
  'low_freq_factor',
  'high_freq_factor',
  'rope_theta',
  'short_factor',
  'long_factor',
  'attention_factor',
  'beta_fast',
  'mscale',
  'original_max_position_embeddings',
  'partial_rotary_factor',
  'full_attention',
  'sliding_attention',
];
const TEXTS = [
  ...new Set(VALID.flatMap((config) => config.architectures as string[])),
  'linear',
  'dynamic',
  'llama3',
  'longrope',
  'silu',
  'relu',
  'gelu',
  'llama',
  'qwen3',
];

const value = fc.oneof(
  oddValue,
  fc.constantFrom(...TEXTS),
  fc.constantFrom(...TEXTS).map((text) => [text]),
);

const edit = fc.oneof(
  fc.record({ key: fc.constantFrom(...KEYS), value: fc.oneof(value, fc.constant(undefined)) }),
  fc.record({
    key: fc.constantFrom('rope_scaling', 'rope_parameters', 'text_config'),
    value: fc.dictionary(fc.constantFrom(...ROPE_KEYS, ...KEYS), value, { maxKeys: 5 }),
  }),
  fc.record({
    key: fc.constantFrom(
      'head_dim',
      'layer_types',
      'partial_rotary_factor',
      'attention_bias',
      '__proto__',
      'constructor',
    ),
    value,
  }),
);

/** Every promise of the type holds, so that nothing behind it has to check again. */
function checkConfig(config: ModelConfig): void {
  const sizes = [
    'nLayers',
    'dModel',
    'nHeads',
    'nKvHeads',
    'dHead',
    'dMlp',
    'dVocab',
    'nCtx',
  ] as const;
  for (const key of sizes) {
    assert.ok(Number.isInteger(config[key]) && config[key] >= 1 && config[key] <= 2 ** 26, key);
  }
  assert.equal(config.nHeads % config.nKvHeads, 0);
  assert.equal(config.attention.length, config.nLayers);
  for (const layer of config.attention) {
    assert.ok(layer.kind === 'full' || (Number.isInteger(layer.window) && layer.window >= 1));
  }
  const { positions } = config;
  if (positions.kind === 'rotary') {
    assert.ok(positions.dim % 2 === 0 && positions.dim >= 2 && positions.dim <= config.dHead);
    const { kind: _, ...numbers } = positions.scaling;
    for (const number of [positions.theta, ...Object.values(numbers).flat()]) {
      if (typeof number !== 'boolean') assert.ok(number > 0 && Number.isFinite(number));
    }
    if (positions.scaling.kind === 'longrope') {
      assert.equal(positions.scaling.shortFactor.length, positions.dim / 2);
      assert.equal(positions.scaling.longFactor.length, positions.dim / 2);
    }
  }
  for (const number of [config.queryScale, config.embedScale]) {
    assert.ok(number > 0 && Number.isFinite(number));
  }
  assert.ok(config.normEps >= 0 && config.normEps <= 1);
  for (const cap of [config.attnSoftcap, config.finalSoftcap]) assert.ok(cap === null || cap > 0);
  const { bos, eos, pad } = config.tokens;
  for (const id of [bos, pad, ...eos]) {
    assert.ok(id === null || (Number.isInteger(id) && id >= 0 && id < config.dVocab));
  }
}

async function read(text: string, tally: Tally): Promise<void> {
  const config = await readOrRefuse(() => parseModelConfigText(text), CODES, tally);
  if (config) checkConfig(config);
}

describe('fuzzed config.json', { timeout: 60_000 }, () => {
  it('accepts the files before they are changed', async () => {
    const tally = { loaded: 0, refused: 0 };
    for (const config of VALID) await read(JSON.stringify(config), tally);
    assert.equal(tally.refused, 0);
  });

  it('survives changed keys (4,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...VALID), edits, (config, list) => {
        const changed = Object.fromEntries([
          ...Object.entries(config),
          ...list.map(({ key, value }) => [key, value]),
        ]);
        return read(toText(changed), tally);
      }),
      { numRuns: 4000 },
    );
    assert.ok(tally.loaded > 100 && tally.refused > 100, JSON.stringify(tally));
  });

  it('survives changed bytes (2,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...VALID), byteEdits, (config, change) => {
        const bytes = change(new TextEncoder().encode(JSON.stringify(config)));
        return read(new TextDecoder().decode(bytes), tally);
      }),
      { numRuns: 2000 },
    );
    assert.ok(tally.loaded > 0 && tally.refused > 0, JSON.stringify(tally));
  });
});
