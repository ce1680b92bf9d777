import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { signal } from '@preact/signals';
import { type Call, generate, get, post, resource, send } from './api.ts';

interface Asked {
  readonly url: string;
  readonly init: RequestInit;
  readonly answer: (body: BodyInit, init?: ResponseInit) => void;
}

const JSON_TYPE = { headers: { 'content-type': 'application/json' } };
const LINES_TYPE = { headers: { 'content-type': 'application/x-ndjson' } };
const realFetch = globalThis.fetch;
let asked: Asked[] = [];

/** Requests wait in `asked` until the test answers them; an aborted one rejects as the platform's does. */
beforeEach(() => {
  asked = [];
  Object.assign(globalThis, { document: { baseURI: 'http://lab/sub/' } });
  globalThis.fetch = (url, init = {}) =>
    new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      const answer = (body: BodyInit, response?: ResponseInit) =>
        resolve(new Response(body, response));
      asked.push({ url: String(url), init, answer });
    });
});

afterEach(() => {
  globalThis.fetch = realFetch;
});

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));
const ask = (path: string): Call<number> => ({ path, body: {} });

test('a path lies beside the page, wherever the lab serves it', () => {
  void send(get('/api/model', 'a/b c'));
  void send(post('/api/lens', { prompt: 'x' }));
  assert.equal(asked[0].url, 'http://lab/sub/api/model?model=a%2Fb%20c');
  assert.equal(asked[1].url, 'http://lab/sub/api/lens');
  assert.equal(asked[1].init.method, 'POST');
});

test('the newer request aborts the older, and the shown answer stays until the next', async () => {
  const path = signal('/one');
  const answer = resource(() => ask(path.value));
  assert.equal(answer.busy.value, true);
  await settle();
  asked[0].answer('1', JSON_TYPE);
  await settle();
  assert.deepEqual([answer.data.value, answer.busy.value], [1, false]);

  path.value = '/two';
  await settle();
  path.value = '/three';
  await settle();
  assert.equal(asked[1].init.signal?.aborted, true);
  assert.deepEqual([answer.data.value, answer.busy.value], [1, true]);
  asked[2].answer('3', JSON_TYPE);
  await settle();
  assert.deepEqual([answer.data.value, answer.busy.value], [3, false]);
});

test('the same request is not sent again, until it is retried', async () => {
  const other = signal(0);
  const answer = resource(() => ask(`/same${other.value > 9 ? '!' : ''}`));
  await settle();
  asked[0].answer('1', JSON_TYPE);
  await settle();
  other.value = 1;
  await settle();
  assert.equal(asked.length, 1);
  answer.retry();
  await settle();
  assert.equal(asked.length, 2);
});

test('a failure keeps the former answer and says what is wrong', async () => {
  const path = signal('/good');
  const answer = resource(() => ask(path.value));
  await settle();
  asked[0].answer('1', JSON_TYPE);
  await settle();
  path.value = '/bad';
  await settle();
  const error = { code: 'bad-token', message: 'no such token', remedy: 'Choose another.' };
  asked[1].answer(JSON.stringify({ error }), { ...JSON_TYPE, status: 400 });
  await settle();
  assert.equal(answer.data.value, 1);
  assert.deepEqual(answer.problem.value, error);

  path.value = '/good again';
  await settle();
  asked[2].answer('2', JSON_TYPE);
  await settle();
  assert.deepEqual([answer.data.value, answer.problem.value], [2, undefined]);
});

test('nothing to ask forgets the answer and aborts what runs', async () => {
  const on = signal(true);
  const answer = resource(() => (on.value ? ask('/on') : undefined));
  await settle();
  asked[0].answer('1', JSON_TYPE);
  await settle();
  on.value = false;
  assert.deepEqual([answer.data.value, answer.busy.value], [undefined, false]);
  on.value = true;
  await settle();
  assert.equal(asked.length, 2);
  on.value = false;
  assert.equal(asked[1].init.signal?.aborted, true);
});

test('progress lines are shown on the way to the result', async () => {
  const answer = resource(() => ask('/long'), { progress: true });
  await settle();
  const lines = new TransformStream<Uint8Array, Uint8Array>();
  const writer = lines.writable.getWriter();
  asked[0].answer(lines.readable, LINES_TYPE);
  const step = { type: 'progress', label: 'patching', done: 3, total: 8, unit: 'runs' };
  // A line may come in two pieces.
  const text = `${JSON.stringify(step)}\n`;
  await writer.write(new TextEncoder().encode(text.slice(0, 20)));
  await writer.write(new TextEncoder().encode(text.slice(20)));
  await settle();
  assert.equal(answer.advance.value?.done, 3);
  await writer.write(new TextEncoder().encode('{"type":"result","result":42}\n'));
  await writer.close();
  await settle();
  assert.deepEqual([answer.data.value, answer.advance.value], [42, undefined]);
});

test('a lab that does not answer is a problem, not an exception', async () => {
  globalThis.fetch = () => Promise.reject(new TypeError('refused'));
  const outcome = await send(ask('/x'));
  assert.ok('problem' in outcome && outcome.problem.code === 'unreachable');
});

test('what did not reach the lab is asked again once the lab answers anything', async () => {
  const failing = globalThis.fetch;
  globalThis.fetch = () => Promise.reject(new TypeError('refused'));
  const one = resource(() => ask('/one'));
  await settle();
  assert.equal(one.problem.value?.code, 'unreachable');
  globalThis.fetch = failing;
  resource(() => ask('/two'));
  await settle();
  asked[0].answer('2', JSON_TYPE);
  await settle();
  asked[1].answer('1', JSON_TYPE);
  await settle();
  assert.deepEqual([one.data.value, one.problem.value], [1, undefined]);
});

test('an answer that breaks off is a problem', async () => {
  const pending = send(ask('/x'), { onAdvance: () => {} });
  await settle();
  asked[0].answer('{"type":"progress","label":"a","done":1,"total":2,"unit":"b"}\n', LINES_TYPE);
  const outcome = await pending;
  assert.ok('problem' in outcome && outcome.problem.code === 'unreachable');
});

test('generated tokens come one by one', async () => {
  const body = { prompt: 'x' };
  const seen: string[] = [];
  const run = (async () => {
    for await (const line of generate(body, new AbortController().signal)) seen.push(line.type);
  })();
  await settle();
  asked[0].answer('{"type":"token"}\n{"type":"token"}\n{"type":"done"}', LINES_TYPE);
  await run;
  assert.deepEqual(seen, ['token', 'token', 'done']);
});
