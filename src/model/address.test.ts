import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isGlassboxError } from '../base/error.ts';
import { evaluateShape } from '../graph/dim.ts';
import {
  ADDRESS_TEMPLATES,
  addresses,
  addressInfo,
  addressShape,
  selectAddresses,
} from './address.ts';
import { loadFixture } from './testing/fixtures.ts';

const models = await Promise.all(
  ['gpt2', 'gemma3', 'gpt-neox', 'qwen3'].map((n) => loadFixture(n)),
);
const [gpt2, gemma3, neox] = models;

test('every address gives one tensor of the shape it promises', async () => {
  const tokens = [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ];
  for (const model of models) {
    const { cache } = await model.runWithCache(tokens);
    assert.deepEqual(
      Object.keys(cache),
      addresses(model.config).map(({ address }) => address),
    );
    for (const [address, { shape }] of Object.entries(cache)) {
      const expected = evaluateShape(addressShape(model.config, address), { batch: 2, pos: 4 });
      assert.deepEqual([...shape], expected, address);
    }
  }
});

test('the list of all addresses covers every model and nothing else', () => {
  const generic = new Set(ADDRESS_TEMPLATES.map(({ address }) => address));
  const found = models.flatMap(({ config }) =>
    addresses(config).map(({ address }) => address.replace(/^blocks\.\d+\./, 'blocks.{l}.')),
  );
  assert.deepEqual([...new Set(found)].sort(), [...generic].sort());
});

test('globs, lists and predicates select in order of computation', () => {
  const { config } = gpt2;
  const resid = ['blocks.0.hook_resid_post', 'blocks.1.hook_resid_post'];
  assert.deepEqual(selectAddresses(config, 'blocks.*.hook_resid_post'), resid);
  assert.deepEqual(selectAddresses(config, '**.hook_resid_post'), resid);
  assert.deepEqual(selectAddresses(config, [...resid].reverse()), resid);
  assert.deepEqual(
    selectAddresses(config, (address) => address.endsWith('resid_post')),
    resid,
  );
  assert.deepEqual(selectAddresses(config, 'blocks.1.hook_{attn,mlp}_out'), [
    'blocks.1.hook_attn_out',
    'blocks.1.hook_mlp_out',
  ]);
  assert.deepEqual(selectAddresses(config, 'blocks.0.*'), [
    'blocks.0.hook_resid_pre',
    'blocks.0.hook_attn_in',
    'blocks.0.hook_attn_out',
    'blocks.0.hook_resid_mid',
    'blocks.0.hook_mlp_in',
    'blocks.0.hook_mlp_out',
    'blocks.0.hook_resid_post',
  ]);
  assert.equal(selectAddresses(config, '**').length, addresses(config).length);
  assert.deepEqual(selectAddresses(config, []), []);
});

test('an unknown address says why and names the nearest', () => {
  const cases: [() => unknown, RegExp, string][] = [
    [() => addressInfo(gpt2.config, 'blocks.0.hook_resid_pots'), /no model has it/, 'resid_post'],
    [() => addressInfo(gpt2.config, 'blocks.7.hook_resid_pre'), /has 2 layers/, 'hook_resid_pre'],
    [() => addressInfo(gpt2.config, 'blocks.0.attn.hook_rot_q'), /rotary positions/, 'hook_'],
    [() => addressInfo(neox.config, 'blocks.0.hook_resid_mid'), /only models whose MLP/, 'resid'],
    [() => addressInfo(gemma3.config, 'blocks.0.hook_attn_in'), /own key\/value head/, 'hook_'],
    [() => selectAddresses(gpt2.config, ['**.hook_nothing']), /no model has it/, 'hook_'],
  ];
  for (const [run, reason, near] of cases) {
    assert.throws(run, (error) => {
      assert.ok(isGlassboxError(error));
      assert.equal(error.code, 'unknown-address');
      assert.match(error.message, reason);
      assert.ok(error.remedy.includes(near), error.remedy);
      return true;
    });
  }
});

test('any text is an address, selects addresses, or is refused with one error', () => {
  const known = new Set(addresses(gpt2.config).map(({ address }) => address));
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        for (const address of selectAddresses(gpt2.config, text)) assert.ok(known.has(address));
      } catch (error) {
        assert.ok(isGlassboxError(error));
        assert.equal(error.code, 'unknown-address');
      }
    }),
    { numRuns: 2000 },
  );
});
