import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type BrowserPage, openBrowserPage } from './support/browser-page.ts';
import { opCases } from './support/op-cases.ts';
import { CASE_SEED, checkCase } from './support/op-checks.ts';
import type { PageResult } from './support/ops-page.ts';

describe('every operation on the web runtime, in Chromium', () => {
  let browser: BrowserPage;
  let results: Map<string, PageResult>;

  before(async () => {
    browser = await openBrowserPage();
    const list = await browser.page.evaluate(async (seed) => {
      const path = '/test/support/ops-page.ts';
      const page: typeof import('./support/ops-page.ts') = await import(path);
      return page.runCases(seed, { provider: 'wasm' });
    }, CASE_SEED);
    results = new Map(list.map((result) => [result.name, result]));
  });

  after(() => browser?.close());

  test('frozen weights and given output arrays', async () => {
    const result = await browser.page.evaluate(async () => {
      const path = '/test/support/ops-page.ts';
      const page: typeof import('./support/ops-page.ts') = await import(path);
      return page.runFrozen();
    });
    assert.deepEqual(result, { fed: 600, written: 900, same: true });
  });

  for (const opCase of opCases) {
    test(opCase.name, () => {
      const result = results.get(opCase.name);
      assert.ok(result, 'the page returned no result');
      if ('error' in result) assert.fail(result.error);
      checkCase(opCase, { ...result, data: Float64Array.from(result.data, Number) });
    });
  }
});
