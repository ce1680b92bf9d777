import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attention, createProgram, input, matmul, reshape } from '../graph/index.ts';
import { forwardProgram } from '../model/run/program.ts';
import { median } from './clock.ts';
import { matmulFlops } from './flops.ts';
import { benchNames, runBenches } from './index.ts';
import { bound, paired } from './measure.ts';
import type { Rates } from './roofline.ts';
import { fullSizes } from './sizes.ts';

test('every bench runs on tiny shapes and is judged by its own rule', async () => {
  const seen = new Set<string>();
  const report = await runBenches({
    tiny: true,
    repeats: 2,
    threads: 1,
    progress: ({ label }) => seen.add(label),
  });
  assert.deepEqual(
    report.benches.map(({ name }) => name),
    benchNames,
  );
  for (const bench of report.benches) {
    const { name, value, roofline, ratio, min, max, n, bar, ok, rule } = bench;
    assert.ok(seen.has(name), `${name} reports progress`);
    assert.ok(min <= value && value <= max && n >= 2, name);
    for (const number of [roofline, ratio, bar]) assert.ok(number > 0 && number < 1e12, name);
    const judged = {
      'ratio >= bar': ratio >= bar,
      'ratio <= bar': ratio <= bar,
      'value <= bar': value <= bar,
    };
    assert.equal(ok, judged[rule], name);
  }
  const { machine } = report;
  assert.ok(machine.matmulGflops > 0 && machine.readGBps > 0 && machine.threads === 1);
});

test('products are counted with their batches, attention as two of them', () => {
  const x = input('x', ['batch', 'pos', 3]);
  const product = matmul(x, input('w', [5, 3]), { transposeB: true });
  const inner = matmul(x, input('z', ['batch', 'pos', 7]), { transposeA: true });
  const program = createProgram({ product, inner });
  assert.equal(matmulFlops(program, { batch: 2, pos: 11 }), 2 * (2 * 11 * 5 * 3 + 2 * 3 * 7 * 11));
  const heads = input('q', ['batch', 4, 'pos', 6]);
  const mixed = attention(
    heads,
    heads,
    heads,
    reshape(input('b', ['pos', 'pos']), [1, 1, 'pos', 'pos']),
    1,
  );
  assert.equal(
    matmulFlops(createProgram({ mixed }), { batch: 2, pos: 11 }),
    4 * 2 * 4 * 11 * 11 * 6,
  );
});

test('the large shape has the operations of GPT-2 small', () => {
  const program = forwardProgram(fullSizes.model, { edits: [], record: [], logits: 'all' });
  // Per token 2 × the weights of its linear layers, and attention over all pairs.
  const weights = 12 * 12 * 768 ** 2 + 768 * 50257;
  const pairs = 12 * 4 * 512 * 768;
  assert.equal(matmulFlops(program, { batch: 1, pos: 512 }), 512 * (2 * weights + pairs));
});

test('the roofline is whatever takes longest', () => {
  const rates = { flops: 10, bytes: 2 };
  assert.equal(bound({ flops: 50, bytes: 4 }, rates), 5);
  assert.equal(bound({ flops: 50, bytes: 40 }, rates), 20);
  assert.equal(bound({ bytes: 40 }, rates), 20);
});

test('every sample is compared with the machine as it was around it', async () => {
  // A machine that is slowed down to a third in the middle of the run.
  const speeds = [3, 3, 1, 1, 3, 3];
  const samples: Rates[] = [];
  let moment = 0;
  const { ratio, values, rooflines } = await paired(
    {
      repeats: 5,
      progress: () => undefined,
      clock: () => 0,
      rooflines: {
        samples,
        sample: async () => ({ flops: speeds[moment], bytes: 1 }),
        release: async () => undefined,
      },
    },
    {
      name: 'bench',
      work: { flops: 6 },
      run: async () => {
        const [a, b] = [6 / speeds[moment], 6 / speeds[++moment]];
        return (a + b) / 2 / 0.5;
      },
    },
  );
  assert.deepEqual(values, [4, 8, 12, 8, 4]);
  assert.deepEqual(rooflines, [2, 4, 6, 4, 2]);
  assert.equal(ratio, 0.5);
});

test('figures can count processor time', async () => {
  const report = await runBenches({ tiny: true, names: ['train'], repeats: 1, clock: 'processor' });
  assert.equal(report.machine.clock, 'processor');
  assert.ok(report.benches[0].value > 0 && report.benches[0].roofline > 0);
});

test('medians of odd and even counts', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('an unknown bench is named, and a stopped run says so', async () => {
  await assert.rejects(runBenches({ names: ['forward51'] }), {
    name: 'GlassboxError',
    code: 'unknown-bench',
    remedy: /forward512/,
  });
  const stopped = AbortSignal.abort();
  await assert.rejects(runBenches({ tiny: true, names: ['forward16'], signal: stopped }), {
    name: 'GlassboxError',
    code: 'cancelled',
  });
});
