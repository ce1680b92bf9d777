import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Lab, startLab } from '../../src/lab/server.ts';
import { launchBrowser } from '../support/lab-page.ts';

describe('pages of strangers', () => {
  let lab: Lab;
  let browser: Browser;
  const stranger = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>stranger</title>');
  });

  before(async () => {
    lab = await startLab({ port: 0, page: null, warm: false });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    stranger.close();
    await lab?.close();
  });

  /** What a page gets to read of an answer, or `blocked`. */
  const read = (page: Page, url: string, init: RequestInit) =>
    page.evaluate(
      async ([address, options]) => {
        try {
          const answer = await fetch(address as string, options as RequestInit);
          return `${answer.type} ${answer.status} ${await answer.text()}`;
        } catch {
          return 'blocked';
        }
      },
      [url, init],
    );

  /** Status of a request that no browser would send. */
  function statusOf(headers: Record<string, string>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const { port } = lab;
      const asked = request(
        { host: '127.0.0.1', port, path: '/api/models', headers },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      asked.on('error', reject);
      asked.end();
    });
  }

  test('a page of another origin reads nothing, by whatever way it asks', async () => {
    const page = await (await browser.newContext()).newPage();
    const { port } = stranger.address() as AddressInfo;
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    const plain = { method: 'POST', body: '{"prompt":"a"}' };
    for (const address of [`http://127.0.0.1:${port}/`, 'data:text/html,stranger', 'about:blank']) {
      await page.goto(address);
      for (const init of [{}, { credentials: 'include' as const }, json, plain]) {
        assert.equal(await read(page, `${lab.url}api/models`, init), 'blocked', address);
        assert.equal(await read(page, `${lab.url}api/analyse`, init), 'blocked', address);
      }
      // Without CORS a page may send a request; it must not learn anything from the answer.
      const opaque = await read(page, `${lab.url}api/models`, { mode: 'no-cors' });
      assert.match(opaque, /^(blocked|opaque 0 )$/, address);
    }
  });

  test('the lab cannot be put into a frame of another page', async () => {
    const page = await (await browser.newContext()).newPage();
    const { port } = stranger.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    const response = page.waitForResponse((answer) => answer.url() === `${lab.url}api/health`);
    await page.evaluate((url) => {
      const frame = document.createElement('iframe');
      frame.src = url;
      document.body.append(frame);
    }, `${lab.url}api/health`);
    assert.equal((await response).status(), 403);
  });

  test('a name that was made to point here is not answered', async () => {
    const { port } = lab;
    assert.equal(await statusOf({ host: `127.0.0.1:${port}` }), 200);
    assert.equal(await statusOf({ host: `localhost:${port}` }), 200);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:1`]) {
      assert.equal(await statusOf({ host }), 403, host);
    }
    const host = `127.0.0.1:${port}`;
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`]) {
      assert.equal(await statusOf({ host, origin }), 403, origin);
    }
    assert.equal(await statusOf({ host, origin: `http://${host}` }), 200);
    assert.equal(await statusOf({ host, 'sec-fetch-site': 'cross-site' }), 403);
  });
});
