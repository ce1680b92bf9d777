import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  type Schedule,
  warmupStableDecaySchedule,
} from './schedule.ts';

interface Listed {
  readonly name: string;
  readonly warmup: number;
  readonly total: number;
  readonly floor?: number;
  readonly factors: readonly number[];
}

const fixture = new URL('../../test/fixtures/optim.json', import.meta.url);
const { schedules }: { schedules: readonly Listed[] } = JSON.parse(readFileSync(fixture, 'utf8'));

function make({ name, factors: _, ...rest }: Listed): Schedule {
  if (name === 'constant') return constantSchedule(1, rest);
  return name === 'linear'
    ? linearSchedule({ peak: 1, ...rest })
    : cosineSchedule({ peak: 1, ...rest });
}

describe('learning-rate schedules', () => {
  for (const listed of schedules) {
    it(`${listed.name} with warm-up ${listed.warmup} equals the reference`, () => {
      const schedule = make(listed);
      listed.factors.forEach((factor, step) => {
        assert.ok(Math.abs(schedule(step) - factor) < 1e-12, `step ${step}: ${schedule(step)}`);
      });
    });
  }

  it('warm-up, stable, decay: rises, stays, falls to the floor', () => {
    const schedule = warmupStableDecaySchedule({
      peak: 2,
      warmup: 2,
      decay: 4,
      total: 10,
      floor: 1,
    });
    const rates = Array.from({ length: 12 }, (_, step) => schedule(step));
    assert.deepEqual(rates, [0, 1, 2, 2, 2, 2, 2, 1.75, 1.5, 1.25, 1, 1]);
  });

  it('stays at the floor after the end', () => {
    assert.equal(cosineSchedule({ peak: 1, total: 5, floor: 0.25 })(50), 0.25);
    assert.equal(linearSchedule({ peak: 1, total: 5 })(5), 0);
  });

  it('refuses settings that make no sense', () => {
    const bad = { code: 'bad-schedule' };
    assert.throws(() => cosineSchedule({ peak: 1, total: 5, warmup: 6 }), bad);
    assert.throws(() => linearSchedule({ peak: -1, total: 5 }), bad);
    assert.throws(() => linearSchedule({ peak: 1, total: 5, floor: 2 }), bad);
    assert.throws(() => linearSchedule({ peak: 1, total: 5, warmup: 0.5 }), bad);
    assert.throws(() => warmupStableDecaySchedule({ peak: 1, total: 5, decay: 6 }), bad);
  });
});
