import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { type LabPage, openLabPage } from '../support/lab-page.ts';

describe('the notebook, in Chromium', () => {
  let lab: LabPage;
  before(async () => {
    lab = await openLabPage();
  });
  after(() => lab?.close());

  test('pins a panel, keeps notes and order over a reload, opens the view, writes reports', async () => {
    const { page, errors } = await lab.open({ prompt: 'The river of the state', theme: 'dark' });
    const pin = (panel: string) =>
      page.locator(`[data-panel=${panel}]`).getByRole('button', { name: 'Pin to the notebook' });
    await page.locator('#notebook').getByText('Nothing pinned yet').waitFor();
    await pin('lens').click();
    const entries = page.locator('.finding');
    await entries.first().waitFor();
    await pin('tokens').click();
    await entries.nth(1).waitFor();
    const titles = () => entries.evaluateAll((all) => all.map((one) => one.ariaLabel));
    const [first, second] = await titles();
    assert.notEqual(first, second);

    await entries.nth(0).getByRole('textbox').fill('It guesses early.');
    await entries.nth(0).getByRole('button', { name: 'Move down' }).click();
    assert.deepEqual(await titles(), [second, first]);
    await page.reload();
    await entries.nth(1).waitFor();
    assert.deepEqual(await titles(), [second, first]);
    assert.equal(await entries.nth(1).getByRole('textbox').inputValue(), 'It guesses early.');

    const report = async (name: string) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name }).click(),
      ]);
      return readFile(await download.path(), 'utf8');
    };
    const html = await report('Report as HTML');
    assert.match(html, /It guesses early\./);
    assert.match(html, /src="data:image\/svg\+xml/);
    assert.match(html, /The river of the state/);
    assert.match(await report('Report as Markdown'), /^## 2\\\. /m);
    const found = await new AxeBuilder({ page }).include('#notebook').analyze();
    const grave = found.violations.filter(({ impact }) =>
      ['serious', 'critical'].includes(impact ?? ''),
    );
    assert.deepEqual(grave, []);

    await entries.nth(1).getByRole('link', { name: 'Open this view' }).click();
    await page.locator('[data-panel=lens].maximised').waitFor();
    assert.match(page.url(), /theme=dark/);
    await page.keyboard.press('n');
    await entries.nth(0).getByRole('button', { name: 'Remove', exact: true }).click();
    assert.equal(await entries.count(), 1);
    assert.deepEqual(errors, []);
  });
});
