import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Endpoint, Reply, TokenLogprobs } from './endpoint.ts';
import type { Example } from './examples.ts';
import { levels } from './prompts.ts';
import { classify, simulate } from './score.ts';

interface Classified {
  readonly items: readonly { readonly text: string; readonly truth: boolean }[];
  readonly replies: readonly { readonly text: string; readonly logprobs?: TokenLogprobs[] }[];
  readonly expected: {
    readonly balancedAccuracy: number;
    readonly f1: number;
    readonly auc: number | null;
    readonly missing: number;
  };
}

interface SimulatedCase {
  readonly max: number;
  readonly active: readonly (Example & { readonly levels: readonly number[] })[];
  readonly silent: readonly Example[];
  readonly replies: Readonly<Record<string, readonly number[]>>;
  readonly expected: { readonly correlation: number };
}

// Made by delphi's own scorers: scripts/reference/make_explanation_scores.py.
const fixture = join(import.meta.dirname, '../../../../../test/fixtures/explanation-scores.json');
const { classified, simulated } = JSON.parse(await readFile(fixture, 'utf8')) as {
  classified: Record<string, Classified>;
  simulated: SimulatedCase[];
};

const near = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${what}: ${actual} is not ${expected}`);

function judging(ask: (content: string) => Reply) {
  const endpoint: Endpoint = {
    model: 'judge',
    ask: async (messages) => ask(messages.at(-1)!.content),
  };
  return { endpoint };
}

for (const [name, { items, replies, expected }] of Object.entries(classified)) {
  test(`${name} scores what delphi does for the same answers`, async () => {
    let asked = 0;
    const judge = judging(() => {
      const { text, logprobs = null } = replies[asked++];
      return text === '' ? { ok: false, failed: 'no answer' } : { ok: true, text, logprobs };
    });
    const kind = name.startsWith('detection') ? 'detection' : 'fuzzing';
    const found = await classify(judge, { explanation: 'made up', items, kind });
    assert.equal(asked, replies.length);
    assert.equal(found.outcome, 'assessed');
    const { score } = found as Extract<typeof found, { outcome: 'assessed' }>;
    near(score.balancedAccuracy, expected.balancedAccuracy, 'balanced accuracy');
    near(score.f1, expected.f1, 'F1');
    // delphi has no AUC without probabilities; ours is by the answers then, and says so in its documentation.
    if (expected.auc !== null) near(score.auc, expected.auc, 'AUC');
    assert.equal(score.missing, expected.missing);
    assert.equal(score.n, items.length - expected.missing);
  });
}

test('simulation scores what delphi does for the same answers', async () => {
  for (const { max, active, silent, replies, expected } of simulated) {
    for (const { acts, levels: theirs } of active) assert.deepEqual(levels(acts, max), theirs);
    const judge = judging((content) => {
      const tokens = JSON.parse(content.slice(content.indexOf('Tokens: ') + 8)) as string[];
      return { ok: true, text: JSON.stringify(replies[tokens.join('')]), logprobs: null };
    });
    const examples = { max, explain: [], active, silent };
    const found = await simulate(judge, { explanation: 'made up', examples });
    assert.equal(found.outcome, 'assessed');
    const { score } = found as Extract<typeof found, { outcome: 'assessed' }>;
    near(score.correlation, expected.correlation, 'correlation');
    assert.deepEqual([score.n, score.missing], [10, 0]);
  }
});
