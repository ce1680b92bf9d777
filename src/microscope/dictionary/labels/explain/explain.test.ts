import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Rng } from '../../../../base/rng.ts';
import type { LabelRun } from '../label.ts';
import { orderEvents, textColumns } from '../scan.ts';
import { createEndpoint } from './endpoint.ts';
import { createExamples } from './examples.ts';
import { explainFeatures } from './explain.ts';
import { levels, markedText, readExplanation, readList } from './prompts.ts';
import { fuzzingItems, probabilitiesOf } from './score.ts';
import { classificationScore, correlation, simulationScore } from './statistics.ts';
import type { Explained } from './types.ts';

interface Question {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly model: string;
  readonly logprobs?: boolean;
}

/** What the server does with a question before it answers; a status ends it there. */
type Trouble = (question: Question, count: number) => { status: number; body: string } | undefined;

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

/** A server with the API's shape and a judge that reads explanations of the form `the token "w3"`. */
async function serve(trouble: Trouble = () => undefined) {
  const seen: { question: Question; key: string | undefined }[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      const question = JSON.parse(text) as Question;
      seen.push({ question, key: request.headers.authorization });
      const ends = trouble(question, seen.length);
      if (ends) {
        response.writeHead(ends.status).end(ends.body);
        return;
      }
      assert.equal(request.url, '/v1/chat/completions');
      const content = answer(question);
      const digits = [...content].filter((c) => c === '0' || c === '1');
      const logprobs = question.logprobs && {
        content: digits.map((digit) => ({
          token: digit,
          top_logprobs: [
            { token: digit, logprob: Math.log(0.9) },
            { token: digit === '1' ? '0' : '1', logprob: Math.log(0.1) },
          ],
        })),
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ choices: [{ message: { role: 'assistant', content }, logprobs }] }),
      );
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = createEndpoint({
    baseUrl: `http://127.0.0.1:${port}/v1/`,
    model: 'judge',
    key: 'secret',
    wait: 1,
    retries: 2,
  });
  return { endpoint, seen };
}

function answer({ messages: [system, user] }: Question): string {
  if (system.content.includes('EXPLANATION')) {
    const counts = new Map<string, number>();
    for (const [, token] of user.content.matchAll(/" ?(w\d+)": \d+/g)) {
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const [token] = [...counts].sort((a, b) => b[1] - a[1])[0];
    return `Let me see.\nEXPLANATION: the token "${token}".`;
  }
  const token = /the token "(w\d+)"/.exec(user.content)?.[1] as string;
  if (user.content.includes('Tokens: ')) {
    const tokens = JSON.parse(user.content.slice(user.content.indexOf('Tokens: ') + 8)) as string[];
    return JSON.stringify(tokens.map((one) => (one.trim() === token ? 10 : 0)));
  }
  const texts = user.content.split(/\n\nText \d+: /).slice(1);
  const judged = texts.map((text) => {
    const marked = [...text.matchAll(/<<(.*?)>>/g)].flatMap(([, inside]) =>
      inside.trim().split(' '),
    );
    const words = marked.length > 0 ? marked : text.split(' ');
    const holds = words.filter((word) => word === token).length;
    return Number(marked.length > 0 ? holds === words.length : holds > 0);
  });
  return `[${judged.join(', ')}]`;
}

/** A run in which feature f fires on token f + 1 alone, and feature 3 never. */
function plantedRun(): LabelRun {
  const side = (seed: number) => {
    const rng = new Rng(seed);
    const rows = Array.from({ length: 150 }, () =>
      Array.from({ length: 16 }, () => 1 + rng.int(40)),
    );
    const documents = rows.map((row, r) => row.map(() => r));
    const text = textColumns({ name: 'text', rows, documents, held: rows.map(() => []) }, []);
    const fires = [...text.ids].flatMap((id, token) =>
      id <= 3 ? [{ token, feature: id - 1 }] : [],
    );
    const events = orderEvents(4, {
      token: Uint32Array.from(fires, ({ token }) => token),
      feature: Uint32Array.from(fires, ({ feature }) => feature),
      value: Float32Array.from(fires, () => 1 + rng.next()),
    });
    return { text, events };
  };
  return { train: side(1), heldOut: side(2) } as unknown as LabelRun;
}

const run = plantedRun();
const text = (id: number) => ` w${id}`;
const features = [0, 1, 2];

function explanationOf(found: Explained | undefined) {
  assert.equal(found?.outcome, 'explained', JSON.stringify(found));
  return (found as Extract<Explained, { outcome: 'explained' }>).explanation;
}

test('right explanations are supported by all three scores; those of others score like chance', async () => {
  const { endpoint, seen } = await serve();
  const found = await explainFeatures(run, { endpoint, features, text });
  for (const feature of features) {
    const { text: words, by, detection, fuzzing, simulation } = explanationOf(found[feature]);
    assert.equal(words, `the token "w${feature + 1}".`);
    assert.equal(by, 'judge');
    for (const judged of [detection, fuzzing]) {
      assert.equal(judged.outcome, 'supported', JSON.stringify(judged));
      assert.ok(judged.own.outcome === 'assessed' && judged.other.outcome === 'assessed');
      const { score } = judged.own;
      assert.deepEqual([score.balancedAccuracy, score.f1, score.auc, score.missing], [1, 1, 1, 0]);
      assert.ok(judged.other.score.balancedAccuracy < 0.75);
      assert.equal(judged.random.outcome, 'assessed');
    }
    assert.ok(detection.own.outcome === 'assessed' && detection.own.score.n === 40);
    assert.equal(simulation.outcome, 'supported', JSON.stringify(simulation));
    assert.ok(simulation.own.outcome === 'assessed' && simulation.own.score.correlation > 0.9);
    assert.equal(simulation.own.score.n, 10);
  }
  assert.ok(seen.every(({ key }) => key === 'Bearer secret'));
  assert.ok(seen.every(({ question }) => question.model === 'judge'));
});

test('an endpoint that fails makes no score', async () => {
  const { endpoint, seen } = await serve(() => ({ status: 500, body: 'out of memory' }));
  const found = await explainFeatures(run, { endpoint, features: [0], text });
  assert.deepEqual(found, [
    { outcome: 'notAssessed', feature: 0, reason: 'HTTP 500: out of memory' },
  ]);
  assert.equal(seen.length, 6, 'three attempts each for the explanation and its baseline');
});

test('failures while judging leave the explanation without a score', async () => {
  const { endpoint } = await serve(({ messages }) =>
    messages[0].content.includes('EXPLANATION') ? undefined : { status: 403, body: 'no quota' },
  );
  const [found] = await explainFeatures(run, { endpoint, features: [0, 1], text });
  const { detection, fuzzing, simulation } = explanationOf(found);
  for (const { outcome, reason, own } of [detection, fuzzing, simulation]) {
    assert.equal(outcome, 'notAssessed');
    assert.equal(reason, 'HTTP 403: no quota');
    assert.deepEqual(own, { outcome: 'notAssessed', reason });
  }
});

test('a missing baseline leaves a score, but no verdict', async () => {
  const { endpoint } = await serve();
  const [found] = await explainFeatures(run, { endpoint, features: [0], text });
  const { detection } = explanationOf(found);
  assert.equal(detection.own.outcome, 'assessed');
  assert.equal(detection.outcome, 'notAssessed');
  assert.match(detection.reason ?? '', /baseline 'other'/);
});

test('a busy endpoint is asked again; a refusal of log-probabilities is respected', async () => {
  const { endpoint, seen } = await serve((question, count) => {
    if (count === 1) return { status: 429, body: 'slow down' };
    return question.logprobs ? { status: 400, body: 'logprobs not supported' } : undefined;
  });
  const found = await explainFeatures(run, { endpoint, features: [0, 1], text, concurrency: 1 });
  assert.equal(explanationOf(found[0]).detection.outcome, 'supported');
  assert.equal(seen.filter(({ question }) => question.logprobs).length, 1);
});

test('an answer that is not the list asked for is not a score', async () => {
  const { endpoint } = await serve(({ messages }) =>
    messages[0].content.includes('EXPLANATION')
      ? undefined
      : { status: 200, body: JSON.stringify({ choices: [{ message: { content: '[1, 0]' } }] }) },
  );
  const [found] = await explainFeatures(run, { endpoint, features: [0, 1], text });
  assert.match(explanationOf(found).detection.reason ?? '', /not a list of 5 numbers/);
});

test('no connection and silent features are not assessed, an address must be one', async () => {
  const options = { model: 'judge', retries: 0, wait: 1 };
  const endpoint = createEndpoint({ baseUrl: 'http://127.0.0.1:9/v1', ...options });
  const [gone, silent] = await explainFeatures(run, { endpoint, features: [0, 3], text });
  assert.match(gone.outcome === 'notAssessed' ? gone.reason : '', /no answer/);
  assert.match(silent.outcome === 'notAssessed' ? silent.reason : '', /fires nowhere/);
  assert.throws(() => createEndpoint({ baseUrl: 'judge.example', ...options }), {
    code: 'bad-endpoint',
  });
});

test('examples: strongest first, held-out classes are what they say', () => {
  const { explain, active, silent, max } = createExamples(run, text)(1);
  assert.equal(explain.length, 20);
  assert.equal(Math.max(...explain[0].acts), max);
  assert.ok(active.every(({ acts }) => acts.some((act) => act > 0)));
  assert.ok(silent.every(({ acts }) => acts.every((act) => act === 0)));
  for (const { tokens, acts } of active) {
    assert.deepEqual(
      acts.map((act) => act > 0),
      tokens.map((token) => token === ' w2'),
    );
  }
  const items = fuzzingItems({ explain, active, silent, max });
  for (const { text: marked, truth } of items) assert.equal(/<< ?w2\b/.test(marked), truth);
});

test('texts, levels and answers are read as they are meant', () => {
  assert.equal(markedText([' a', ' b', ' c'], [true, true, false]), '<< a b>> c');
  assert.deepEqual(levels([0, 0.01, 5, 10], 10), [0, 1, 5, 10]);
  assert.equal(readExplanation('**Explanation:** "rivers"'), 'rivers');
  assert.equal(readExplanation(' \n'), null);
  assert.deepEqual(readList('so: [1, 0,1]', 3, 1), [1, 0, 1]);
  assert.equal(readList('[1, 2, 0]', 3, 1), null);
  assert.equal(readList('[1, 0]', 3, 1), null);
  for (const hole of ['[]', '[,]', '[1,,0]', '[1 1,0]']) {
    assert.equal(readList(hole, hole.split(',').length, 1), null);
  }
  const top = [
    { token: '1', logprob: Math.log(0.6) },
    { token: '0', logprob: Math.log(0.2) },
  ];
  assert.ok(Math.abs((probabilitiesOf([{ token: '1', top }], 1) ?? [])[0] - 0.75) < 1e-12);
  assert.equal(probabilitiesOf([{ token: '1', top }], 2), null);
});

test('scores by hand', () => {
  const of = (truth: boolean, probability: number) => ({
    truth,
    answer: probability > 0.5,
    probability,
  });
  const answers = [of(true, 0.9), of(true, 0.4), of(true, 0.8), of(false, 0.1), of(false, 0.6)];
  const score = classificationScore(answers, 2);
  assert.ok(Math.abs(score.balancedAccuracy - (2 / 3 + 1 / 2) / 2) < 1e-12);
  assert.ok(Math.abs(score.f1 - 4 / 6) < 1e-12);
  assert.ok(Math.abs(score.auc - 5 / 6) < 1e-12);
  assert.ok(score.low <= score.balancedAccuracy && score.balancedAccuracy <= score.high);
  assert.deepEqual([score.n, score.missing], [5, 2]);
  assert.ok(Math.abs(correlation([1, 2, 3], [2, 4, 6]) - 1) < 1e-12);
  assert.equal(correlation([1, 1], [0, 5]), 0);
  const simulated = simulationScore([{ truth: [0, 10], simulated: [0, 7] }], 1);
  assert.ok(Math.abs(simulated.correlation - 1) < 1e-12);
});
