import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DoseRequest } from './api.ts';
import { DEFAULT_PORT, type LabOptions, startLab } from './server.ts';
import { labClient } from './testing/client.ts';
import { writeTinyModel } from './testing/tiny-model.ts';

let folder: string;
let model: string;
let page: string;
const TOKEN = 'a-long-random-text-of-tests';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-server-'));
  model = join(folder, 'model');
  page = join(folder, 'page');
  await mkdir(join(page, 'assets'), { recursive: true });
  await writeTinyModel(model);
  await writeFile(join(page, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(page, 'assets/index-1a2b.js'), 'export {};');
  await writeFile(join(folder, 'secret.txt'), 'secret');
});

after(() => rm(folder, { recursive: true }));

async function withLab<T>(
  options: LabOptions,
  use: (client: ReturnType<typeof labClient>, url: string) => Promise<T>,
): Promise<T> {
  const lab = await startLab({ model, page, port: 0, warm: false, ...options });
  try {
    return await use(labClient(lab.url), lab.url);
  } finally {
    await lab.close();
  }
}

/** A request with headers that fetch() does not let anyone set. */
function raw(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.on('error', reject);
  });
}

/** A sweep of thousands of runs, which takes far longer than any test may. */
const ENDLESS: DoseRequest = {
  prompt: 'Alice and Tom went to the park. Alice gave a ball to',
  edits: [{ at: 'blocks.0.hook_mlp_out', op: 'zero' }],
  edit: 0,
  strengths: Array.from({ length: 101 }, (_, i) => i / 100),
  baselines: 64,
  target: ' Tom',
};

/** Starts the endless sweep and waits until it has begun. */
async function startSweep(client: ReturnType<typeof labClient>, signal?: AbortSignal) {
  const headers = { accept: 'application/x-ndjson' };
  const response = await client.send('/api/dose', ENDLESS, { headers, signal });
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  const [first] = new TextDecoder().decode(value).split('\n');
  assert.equal(JSON.parse(first).type, 'progress');
  return reader;
}

test('the server answers while a sweep runs, and a cancelled sweep makes room', async () => {
  await withLab({}, async (client) => {
    const controller = new AbortController();
    const reader = await startSweep(client, controller.signal);
    let last: unknown;
    const sweep = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'finished';
        last = value;
      }
    })().catch((error: Error) => error.name);
    for (let i = 0; i < 50; i++) {
      const { body } = await client.get('/api/health');
      assert.equal(body.ok, true);
    }
    const waiting = client.post('/api/lens', { prompt: 'Tom' });
    controller.abort();
    assert.equal(await sweep, 'AbortError', String(last));
    assert.equal((await waiting).status, 200);
  });
});

test('leaving a stream stops its work', async () => {
  await withLab({}, async (client) => {
    const reader = await startSweep(client);
    await reader.cancel();
    const { status } = await client.post('/api/lens', { prompt: 'Tom' });
    assert.equal(status, 200);
  });
});

test('a request that waits can be given up before its turn', async () => {
  await withLab({}, async (client) => {
    const reader = await startSweep(client);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = client.post('/api/lens', { prompt: 'Tom' }, { signal });
    await client.get('/api/health');
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await reader.cancel();
    assert.equal((await client.post('/api/lens', { prompt: 'Tom' })).status, 200);
  });
});

test('closing ends a lab in the middle of its work', async () => {
  const lab = await startLab({ model, port: 0, page: null });
  const reader = await startSweep(labClient(lab.url));
  await lab.close();
  await assert.rejects(async () => {
    for (let done = false; !done; ) ({ done } = await reader.read());
  });
  assert.equal(await lab.warmed, null);
  await assert.rejects(fetch(lab.url));
});

test('foreign hosts and origins are refused', async () => {
  await withLab({}, async ({ base }) => {
    const { host } = new URL(base);
    assert.equal(await raw(`${base}/api/health`, { host }), 200);
    assert.equal(await raw(`${base}/api/health`, { host, origin: base }), 200);
    assert.equal(await raw(`${base}/api/health`, { host: 'evil.example' }), 403);
    assert.equal(await raw(`${base}/api/health`, { host, origin: 'http://evil.example' }), 403);
    assert.equal(await raw(`${base}/api/health`, { host, 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await raw(base, { host, 'sec-fetch-site': 'cross-site' }), 200);
    assert.equal(await raw(base, { host: 'evil.example' }), 403);
  });
});

test('the page is served with its types, and nothing beside it', async () => {
  await withLab({}, async ({ base }) => {
    const index = await fetch(base);
    assert.match(index.headers.get('content-type')!, /^text\/html/);
    assert.equal(index.headers.get('cache-control'), 'no-cache');
    assert.match(index.headers.get('content-security-policy')!, /default-src 'self'/);
    assert.match(await index.text(), /<title>page/);
    const script = await fetch(`${base}/assets/index-1a2b.js`);
    assert.match(script.headers.get('content-type')!, /^text\/javascript/);
    assert.match(script.headers.get('cache-control')!, /immutable/);
    await script.text();
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/nothing.js',
    ]) {
      assert.equal(await raw(`${base}${path}`, {}), 404, path);
    }
  });
});

test('without a built page the API still answers', async () => {
  await withLab({ page: join(folder, 'no-page') }, async (client) => {
    const response = await fetch(client.base);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /npm run build/);
    assert.equal((await client.get('/api/health')).status, 200);
  });
});

test('off loopback a token is needed, once', async () => {
  await assert.rejects(startLab({ host: '0.0.0.0', port: 0 }), { code: 'token-needed' });
  await withLab({ host: '0.0.0.0', token: TOKEN }, async ({ base }, url) => {
    assert.equal((await fetch(`${base}/api/health`)).status, 401);
    assert.equal((await fetch(base)).status, 401);
    assert.equal((await fetch(`${base}/?token=wrong`)).status, 401);
    const opened = await fetch(url, { redirect: 'manual' });
    assert.equal(opened.status, 303);
    assert.equal(opened.headers.get('location'), '/');
    const cookie = opened.headers.get('set-cookie')!;
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Strict/);
    const headers = { cookie: cookie.split(';')[0] };
    assert.equal((await fetch(`${base}/api/health`, { headers })).status, 200);
    const bearer = { authorization: `Bearer ${TOKEN}` };
    assert.equal((await fetch(`${base}/api/health`, { headers: bearer })).status, 200);
    assert.equal((await fetch(`${base}/api/health?token=${TOKEN}`)).status, 401);
  });
});

function occupy(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

test('a taken port is an error when it was asked for, else the next one is used', async () => {
  const asked = await occupy(0);
  const { port } = asked!.address() as { port: number };
  await assert.rejects(startLab({ model, port }), { code: 'port-taken', kind: 'input' });
  asked!.close();
  // Taken by this test or by someone else: either way the lab must go on to another port.
  const first = await occupy(DEFAULT_PORT);
  await withLab({ port: undefined }, async (client) => {
    assert.ok(Number(new URL(client.base).port) > DEFAULT_PORT);
    await withLab({ port: undefined }, async (second) => {
      assert.notEqual(second.base, client.base);
      const one = await client.post('/api/lens', { prompt: 'Tom' });
      const two = await second.post('/api/lens', { prompt: 'Tom' });
      assert.deepEqual(two.body.top, one.body.top);
    });
  });
  first?.close();
});

test('models make room for each other', async () => {
  const other = join(folder, 'other');
  await writeTinyModel(other);
  await withLab({ memory: 1 }, async (client) => {
    await client.post('/api/lens', { prompt: 'Tom' });
    await client.post('/api/lens', { prompt: 'Tom', model: other });
    const { body } = await client.get('/api/models');
    const loaded = body.models.filter((entry) => entry.loaded).map(({ name }) => name);
    assert.deepEqual(loaded, [other]);
    const again = await client.post('/api/lens', { prompt: 'Alice' });
    assert.equal(again.status, 200);
  });
});

test('a folder that is no model is an error each time, and the lab goes on', async () => {
  const broken = join(folder, 'broken');
  await mkdir(broken, { recursive: true });
  await writeFile(join(broken, 'config.json'), '{"architectures": ["Unknown"]}');
  await withLab({}, async (client) => {
    for (let i = 0; i < 2; i++) {
      const { status, body } = await client.post('/api/lens', { prompt: 'Tom', model: broken });
      assert.equal(status, 400);
      assert.equal(body.error.code, 'unsupported-architecture');
    }
    assert.equal((await client.post('/api/lens', { prompt: 'Tom' })).status, 200);
  });
});

test('a lab warms its model without being asked', async () => {
  const lab = await startLab({ model, port: 0, page: null });
  assert.equal(await lab.warmed, null);
  const { body } = await labClient(lab.url).get('/api/examples');
  assert.equal(body.provenance.cached, true);
  await lab.close();
  const none = await startLab({ model: join(folder, 'none'), port: 0, page: null });
  assert.equal(((await none.warmed) as { code?: string } | null)?.code, 'unknown-model');
  await none.close();
});
