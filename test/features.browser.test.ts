import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type LabPage, type OpenedPage, openLabPage } from './support/lab-page.ts';
import { ask, exported, graveViolations, idle } from './support/reader.ts';

const ASKED = {
  prompt: 'When Mary and John went to the store, John gave a drink to',
  target: ' Mary',
  distractor: ' John',
};
const FEATURES = { ...ASKED, panel: 'features' };
const DICTIONARIES = { prompt: ASKED.prompt, panel: 'dictionaries' };

const report = { loss: 2, mse: 2, explainedVariance: 0.5, l0: 6, dead: 0, gradNorm: 1 };
const line = (event: object) => `${JSON.stringify({ time: Date.now(), ...event })}\n`;
const step = (at: number) =>
  line({ type: 'step', step: at, rowsPerSecond: 10, lr: 1, tasks: { a: report, 'a@2': report } });

describe('features of all dictionaries, in Chromium', () => {
  let folder: string;
  let log: string;
  let lab: LabPage;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'features-page-'));
    await mkdir(join(folder, 'small-run'));
    log = join(folder, 'small-run', 'events.jsonl');
    const started = { type: 'started', step: 0, steps: 20, tasks: ['a', 'a@2'] };
    await writeFile(log, line(started) + step(0) + step(1));
    lab = await openLabPage({ runs: [folder] });
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Waits until a part of the address is as expected: some changes wait for an answer. */
  async function addressHas(opened: OpenedPage, key: string, expected: string | null) {
    for (let tries = 0; tries < 100 && (await opened.state()).get(key) !== expected; tries++) {
      await opened.page.waitForTimeout(20);
    }
    assert.equal((await opened.state()).get(key), expected);
  }

  const rowCount = async (page: Page) =>
    Number(await page.locator('.virtual table').getAttribute('aria-rowcount')) - 1;

  test('the table filters, groups, sorts and reaches its last row by keyboard', async () => {
    const opened = await lab.open(FEATURES);
    const { page, errors } = opened;
    await page.locator('.virtual tbody .feature-name').first().waitFor();
    await idle(page);
    const all = await rowCount(page);
    assert.ok(all > 400, `${all} rows`);
    // Only the rows in sight are in the document.
    assert.ok((await page.locator('.virtual tbody .feature-name').count()) < 200);

    await page.locator('.feature-name').first().focus();
    await page.keyboard.press('End');
    await page.locator(`.virtual tr[aria-rowindex="${all + 1}"] button:focus`).waitFor();
    await page.keyboard.press('Enter');
    assert.notEqual((await opened.state()).get('feature'), null);

    await page.locator('.virtual thead button', { hasText: 'Density' }).click();
    await addressHas(opened, 'featureSort', 'density');
    assert.equal(await page.locator('.virtual th[aria-sort=descending]').count(), 1);

    await page.getByLabel('By token').check();
    await page.locator('.group-head').first().waitFor();
    assert.ok((await rowCount(page)) > all);
    await page.getByLabel('Repeats').check();
    await page.waitForFunction(() => document.querySelector('.group-head') === null);
    assert.ok((await rowCount(page)) < all);

    await page.locator('.feature-card h3').first().click();
    await page.keyboard.press('/');
    await page.locator('.feature-filter:focus').waitFor();
    await page.keyboard.type('mary');
    await addressHas(opened, 'label', 'mary');
    assert.ok((await rowCount(page)) < all);
    assert.match(
      (await page.locator('.feature-list .note').first().textContent()) ?? '',
      /Showing/,
    );
    assert.deepEqual(errors, []);
  });

  test('any feature is found by its label in the reader’s language', async () => {
    const { features } = await ask(lab.url, '/api/find-features', { query: '', source: 'concept' });
    const { concept } = features[0].label!;
    const { conceptWords } = await import('../src/i18n/concepts/index.ts');
    const query = (await conceptWords('zh-Hant'))(concept!)!;
    const state = { ...FEATURES, featureScope: 'all', lang: 'zh-Hant', label: query };
    const { page, errors } = await lab.open(state);
    const first = page.locator('.virtual tbody .feature-name').first();
    await first.waitFor();
    assert.ok((await first.textContent())?.startsWith(query));
    await page.locator('.feature-head h3', { hasText: query }).waitFor();
    assert.deepEqual(errors, []);
  });

  test('a token of an example tells its activation and what the model expects next', async () => {
    const { page, errors } = await lab.open(FEATURES);
    const tokens = page.locator('.examples .shaded-tokens').first();
    await tokens.waitFor();
    await idle(page);
    await tokens.locator('.token-text').nth(3).hover();
    const details = page.locator('.feature-token');
    await details.locator('td.number').nth(4).waitFor();
    assert.match((await details.locator('td.number').first().textContent()) ?? '', /%/);
    await page.mouse.move(4, 4);
    await details.waitFor({ state: 'hidden' });
    await tokens.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await details.locator('td.number').first().waitFor();
    await page.locator('.examples button').first().click();
    await page.locator('.feature-card .shaded').nth(1).waitFor();
    assert.deepEqual(errors, []);
  });

  test('a feature is ablated among the interventions', async () => {
    const opened = await lab.open(ASKED);
    const { page, errors } = opened;
    await page.locator('[data-panel=features]').scrollIntoViewIfNeeded();
    await page.locator('.feature-head').waitFor();
    await idle(page);
    await page.getByRole('button', { name: 'Ablate', exact: true }).click();
    await page.locator('.figures-of-merit').first().waitFor();
    const [edit] = JSON.parse((await opened.state()).get('edits')!);
    assert.deepEqual([edit.op, edit.strength], ['feature', 0]);
    assert.match(edit.feature, /^transcoder-\d:\d+$/);
    await idle(page);
    assert.deepEqual(errors, []);
  });

  test('dictionaries compared: hover marks, a click locks, Esc releases, numbers and exports', async () => {
    const opened = await lab.open(DICTIONARIES);
    const { page, errors } = opened;
    const panel = page.locator('[data-panel=dictionaries]');
    await panel.locator('.comparison-figure svg').first().waitFor();
    assert.ok((await panel.locator('.comparison-figure').count()) >= 5);
    const compared = await ask(lab.url, '/api/compare-dictionaries', {});
    const names = compared.dictionaries.map(({ name }) => name);
    assert.deepEqual(await panel.locator('tbody th').allTextContents(), names);

    const picture = panel.locator('.comparison-figure.density [data-dictionary]').nth(1);
    await picture.hover();
    await panel.locator(`tr.chosen[data-dictionary="${names[1]}"]`).waitFor();
    await addressHas(opened, 'compared', null);
    await picture.click();
    await addressHas(opened, 'compared', names[1]);
    await page.mouse.move(4, 4);
    await panel.locator(`tr.chosen[data-dictionary="${names[1]}"]`).waitFor();
    await page.keyboard.press('Escape');
    await addressHas(opened, 'compared', null);

    const svg = await exported(page, 'dictionaries', 'SVG');
    assert.match(svg.text, /^<svg [^>]*xmlns/);
    assert.doesNotMatch(svg.text, /var\(--|NaN|undefined/);
    const csv = await exported(page, 'dictionaries', 'CSV');
    assert.equal(csv.text.trimEnd().split('\r\n').length, names.length + 1);
    assert.deepEqual(errors, []);
  });

  test('a training in another terminal is followed', async () => {
    const { page, errors } = await lab.open({ ...DICTIONARIES, dictionaryView: 'training' });
    await page.locator('.course svg').waitFor();
    const progress = page.locator('.training-progress');
    assert.match((await progress.textContent()) ?? '', /running 2 of 20 steps/);
    await appendFile(log, step(2) + line({ type: 'interrupted', step: 3 }));
    await page.locator('.training-progress', { hasText: 'interrupted 3 of 20' }).waitFor();
    const rows = page.locator('.course [data-dictionary]');
    assert.deepEqual(await rows.evaluateAll((all) => all.map((one) => one.textContent)), [
      'aseeds: 2',
    ]);
    assert.deepEqual(errors, []);
  });

  for (const [theme, lang] of [
    ['light', 'en'],
    ['dark', 'zh-Hant'],
    ['light', 'zh-Hans'],
  ] as const) {
    test(`nothing serious stands in a reader's way: ${theme}, ${lang}`, async () => {
      for (const state of [
        { ...DICTIONARIES, compared: 'resid-1' },
        { ...DICTIONARIES, dictionaryView: 'training' },
        { ...FEATURES, featureScope: 'all' },
        { ...FEATURES, featureKind: 'autoencoders', featureGroup: 'token' },
      ]) {
        const { page, errors } = await lab.open({ ...state, theme, lang });
        await page.locator('.comparison svg, .course svg, .feature-figures svg').first().waitFor();
        await idle(page);
        assert.deepEqual(await graveViolations(page, `[data-panel=${state.panel}]`), []);
        assert.deepEqual(errors, []);
        await page.context().close();
      }
    });
  }
});
