import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../base/rng.ts';
import { init } from './init.ts';
import { countParams, initParams, paramInputs } from './params.ts';

function moments(values: Float32Array): { mean: number; std: number; max: number } {
  let sum = 0;
  let squares = 0;
  let max = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
    max = Math.max(max, Math.abs(value));
  }
  const mean = sum / values.length;
  return { mean, std: Math.sqrt(squares / values.length - mean * mean), max };
}

const close = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);

describe('initialisers', () => {
  const shape = [300, 100];
  const cases = {
    normal: { make: init.normal({ std: 0.02 }), std: 0.02, bound: 0.2 },
    // The variance of a normal cut at ±2: 1 − 2·2·φ(2) / (2Φ(2) − 1) = 0.7737.
    truncatedNormal: { make: init.truncatedNormal({ std: 1 }), std: Math.sqrt(0.7737), bound: 2 },
    uniform: { make: init.uniform({ low: -1, high: 1 }), std: 1 / Math.sqrt(3), bound: 1 },
    xavierUniform: {
      make: init.xavierUniform(),
      std: Math.sqrt(2 / 400),
      bound: Math.sqrt(6 / 400),
    },
    xavierNormal: { make: init.xavierNormal(), std: Math.sqrt(2 / 400), bound: 1 },
    kaimingUniform: {
      make: init.kaimingUniform(),
      std: Math.sqrt(2 / 300),
      bound: Math.sqrt(6 / 300),
    },
    kaimingNormal: { make: init.kaimingNormal({ inAxis: 1 }), std: Math.sqrt(2 / 100), bound: 1 },
    residual: { make: init.residual({ layers: 8 }), std: 0.02 / 4, bound: 0.1 },
  };
  for (const [name, { make, std, bound }] of Object.entries(cases)) {
    it(`${name} has the standard deviation and range of its formula`, () => {
      const found = moments(make(shape, new Rng(5)));
      // 30,000 draws: the standard error of the standard deviation is below 0.5 %.
      close(found.std, std, 0.02 * std);
      close(found.mean, 0, 0.03 * std);
      assert.ok(found.max <= bound * (1 + 1e-6), `${found.max} > ${bound}`);
    });
  }

  it('zeros, ones and constants are exact', () => {
    assert.deepEqual(init.zeros()([3], new Rng(0)), new Float32Array(3));
    assert.deepEqual(init.ones()([2], new Rng(0)), Float32Array.of(1, 1));
    assert.deepEqual(init.constant(0.5)([2], new Rng(0)), Float32Array.of(0.5, 0.5));
  });

  it('refuse a vector where fans are needed, and a negative deviation', () => {
    assert.throws(() => init.xavierUniform()([3], new Rng(0)), { code: 'bad-initialiser' });
    assert.throws(() => init.normal({ std: -1 }), { code: 'bad-initialiser' });
  });
});

describe('parameters', () => {
  const w = { shape: [4, 3], init: init.normal({ std: 1 }) };
  const b = { shape: [3], init: init.normal({ std: 1 }) };

  it('do not depend on the order or presence of others', () => {
    const one = initParams({ w, b }, new Rng(9));
    const two = initParams({ b, other: w, w }, new Rng(9));
    assert.deepEqual(one.w, two.w);
    assert.deepEqual(one.b, two.b);
    assert.notDeepEqual(two.w.data, two.other.data);
    assert.notDeepEqual(initParams({ w }, new Rng(10)).w.data, one.w.data);
    assert.equal(countParams(one), 15);
  });

  it('become graph inputs once each, and unknown names are told with the nearest', () => {
    const lookup = paramInputs({ w, b });
    assert.equal(lookup('w'), lookup('w'));
    assert.deepEqual(lookup('b').shape, [3]);
    assert.throws(() => lookup('ww'), { code: 'unknown-parameter', remedy: /Nearest names: w/ });
  });

  it('are refused when an initialiser makes the wrong number of values', () => {
    const bad = { shape: [4], init: () => new Float32Array(3) };
    assert.throws(() => initParams({ bad }, new Rng(0)), { code: 'bad-initialiser' });
  });
});
