import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type LabPage, openLabPage } from '../support/lab-page.ts';
import { ask, get, idle, PANEL_IDS, settled, shown, stripTexts } from '../support/reader.ts';

const IOI = 'When Mary and John went to the store, John gave a drink to';
const OTHER = 'When Mary and John went to the store, Mary gave a drink to';
const ASKED = { prompt: IOI, target: ' Mary', distractor: ' John' };
const EDITS = JSON.stringify([{ at: 'blocks.3.attn.hook_z', op: 'zero', heads: [1] }]);

describe('pointer, keys and address', () => {
  let lab: LabPage;

  before(async () => {
    lab = await openLabPage();
  });
  after(() => lab?.close());

  const token = (page: Page, position: number) =>
    page.locator(`.strip [data-strip=a][data-position="${position}"]`);
  const cell = (page: Page, layer: number, position: number) =>
    page.locator(`.lens-cell[data-layer="${layer}"][data-position="${position}"]`);
  /** The custom property that marks an element as pointed at or locked. */
  const mark = (page: Page, selector: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((element) => getComputedStyle(element).getPropertyValue('--mark-position').trim());
  const away = (page: Page) => page.mouse.move(2, 2);

  test('hover previews in every panel, a click locks, Esc releases', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    const after = page.locator('.tokens-next h3');
    const atEnd = await after.textContent();
    const strip = await page.locator('.strip').boundingBox();

    await token(page, 2).hover();
    await page.locator('.token-popup').waitFor();
    assert.match((await after.textContent()) ?? '', /After 2\b/);
    const unmarked = await mark(page, '.lens-token[data-position="3"]');
    assert.notEqual(await mark(page, '.lens-token[data-position="2"]'), unmarked);
    assert.deepEqual(await page.locator('.strip').boundingBox(), strip, 'hovering moved it');
    await away(page);
    await page.locator('.token-popup').waitFor({ state: 'hidden' });
    assert.equal(await after.textContent(), atEnd);
    assert.equal((await state()).get('position'), null);

    await token(page, 4).click();
    await away(page);
    assert.equal((await state()).get('position'), '4');
    assert.match((await after.textContent()) ?? '', /After 4\b/);
    assert.match(
      (await page.locator('.attention-lists h3').first().textContent()) ?? '',
      /\(4\) attends to/,
    );
    await page.keyboard.press('Escape');
    assert.equal((await state()).get('position'), null);
    assert.equal(await after.textContent(), atEnd);
    assert.equal(await mark(page, '.lens-token[data-position="4"]'), unmarked);
    assert.deepEqual(errors, []);
  });

  test('the popup of the lens slides, is held by a click, and the same click lets go', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    const place = page.locator('.lens-popup .lens-place');
    await cell(page, 2, 6).hover();
    assert.match((await place.textContent()) ?? '', /^L1.*6/);
    await cell(page, 3, 7).hover();
    assert.match((await place.textContent()) ?? '', /^L2.*7/);
    await cell(page, 3, 7).click();
    assert.deepEqual([(await state()).get('layer'), (await state()).get('position')], ['3', '7']);
    await away(page);
    await page.locator('.popup.held .lens-popup').waitFor();
    assert.equal(await page.locator('.lens-layers tbody tr').count(), 5);
    await page.locator('.lens-cell.held').focus();
    await cell(page, 3, 7).click();
    assert.deepEqual([(await state()).get('layer'), (await state()).get('position')], [null, null]);
    await away(page);
    await page.locator('.lens-popup').waitFor({ state: 'hidden' });
    assert.deepEqual(errors, []);
  });

  test('Shift freezes what is previewed', async () => {
    const { page, errors } = await lab.open(ASKED);
    await settled(page);
    const after = page.locator('.tokens-next h3');
    await token(page, 3).hover();
    assert.match((await after.textContent()) ?? '', /After 3\b/);
    await page.keyboard.down('Shift');
    await token(page, 8).hover();
    assert.match((await after.textContent()) ?? '', /After 3\b/);
    await page.keyboard.up('Shift');
    await token(page, 9).hover();
    assert.match((await after.textContent()) ?? '', /After 9\b/);
    assert.deepEqual(errors, []);
  });

  test('the address carries only what was chosen, and the back button undoes a choice', async () => {
    const { page, errors, state } = await lab.open({ prompt: IOI });
    await settled(page);
    assert.deepEqual([...(await state()).keys()], ['prompt']);
    await page.getByRole('radio', { name: 'Rank' }).check();
    await page.locator('[data-panel=lens] select').selectOption('entropy');
    await page.locator('[data-panel=attention] select').selectOption('layer');
    await token(page, 5).click();
    const chosen = { prompt: IOI, shade: 'rank', lensShade: 'entropy', headSort: 'layer' };
    assert.deepEqual(Object.fromEntries(await state()), { ...chosen, position: '5' });

    await page.goBack();
    assert.deepEqual(Object.fromEntries(await state()), chosen);
    await page.goBack();
    await page.goBack();
    assert.deepEqual(Object.fromEntries(await state()), { prompt: IOI, shade: 'rank' });
    assert.equal(await page.locator('[data-panel=lens] select').inputValue(), 'top');
    await page.goForward();
    assert.equal(await page.locator('[data-panel=lens] select').inputValue(), 'entropy');

    // What returns to its initial value leaves the address.
    await page.locator('[data-panel=lens] select').selectOption('top');
    await page.getByRole('radio', { name: 'Loss' }).check();
    assert.deepEqual([...(await state()).keys()], ['prompt']);
    assert.deepEqual(errors, []);
  });

  test('a link opens the page as it was left', async () => {
    const sweep = JSON.stringify({ edit: 0, from: 0, to: 2, steps: 3, baselines: 2 });
    const steer = { token: ' Mary', minus: ' John' };
    const added = {
      at: 'blocks.2.hook_resid_post',
      op: 'add',
      positions: [-1],
      direction: steer,
      strength: 1,
    };
    const { page, errors } = await lab.open({
      ...ASKED,
      promptB: OTHER,
      edits: JSON.stringify([added]),
      sweep,
      position: '10',
      layer: '3',
      head: '2.2',
      k: '5',
      shade: 'entropy',
      lensShade: 'rank',
      headSort: 'induction',
      pattern: 'average',
      length: '0',
    });
    /** Everything there is to read, without how long it took to compute. */
    const whole = async () => {
      await settled(page);
      await page.locator('.dose svg circle').first().waitFor();
      await page.locator('.popup.held').waitFor();
      // Panels ask when they come into sight, so all of them are brought there.
      for (const panel of await page.locator('section.panel').all()) {
        await panel.scrollIntoViewIfNeeded();
        await idle(page);
      }
      return page.evaluate(() => {
        const texts = [...document.querySelectorAll<HTMLElement>('main, .popup.held')];
        const fields = [...document.querySelectorAll<HTMLInputElement>('input, select, textarea')];
        return [
          ...texts.map((one) => one.innerText),
          ...fields.map((one) => `${one.type} ${one.value} ${one.checked ?? ''}`),
        ];
      });
    };
    const before = await whole();
    assert.ok(before.join().length > 1000);
    await page.reload();
    assert.deepEqual(await whole(), before);
    const link = page.url();
    const again = await lab.open();
    await again.page.goto(link);
    await again.page.reload();
    await settled(again.page);
    assert.equal(again.page.url(), link);
    assert.deepEqual(errors, []);
  });

  test('a second prompt stands beside the first, trades places with it and goes', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    await page.getByRole('button', { name: 'Compare with a second prompt' }).click();
    await page.locator('#prompt-b').fill(OTHER);
    await page.keyboard.press('Enter');
    await page.locator('.strip.double').waitFor();
    await idle(page);
    const differs = page.locator('.strip-column.differs');
    const { alignment } = await ask(lab.url, '/api/analyse', { prompt: IOI, promptB: OTHER });
    assert.equal(await differs.count(), alignment!.filter(({ same }) => !same).length);
    assert.deepEqual(await differs.locator('.token-text').allTextContents(), ['·John', '·Mary']);
    const summary = page.locator('.summary p');
    assert.match((await summary.nth(1).textContent()) ?? '', /^B\d+ tokens.*n = \d+/);

    await page.getByRole('button', { name: 'Swap A and B' }).click();
    assert.equal((await state()).get('prompt'), OTHER);
    assert.equal((await state()).get('promptB'), IOI);
    await page.getByRole('button', { name: 'Remove prompt B' }).click();
    await page.locator('.strip:not(.double)').waitFor();
    assert.equal((await state()).get('promptB'), null);
    assert.deepEqual(errors, []);
  });

  test('a click among the predictions chooses the target, Shift the distractor', async () => {
    const { page, errors, state } = await lab.open({ prompt: IOI });
    await settled(page);
    const { next } = (await ask(lab.url, '/api/analyse', { prompt: IOI })).prompt;
    const guesses = next.at(-1)!;
    const guess = page.locator('.tokens-next .guess');
    await guess.nth(1).click();
    await page.keyboard.down('Shift');
    await guess.nth(2).click();
    await page.keyboard.up('Shift');
    await idle(page);
    const [target, distractor] = [guesses[1].text, guesses[2].text];
    assert.equal((await state()).get('target'), target);
    assert.equal((await state()).get('distractor'), distractor);
    const asked = { prompt: IOI, target, distractor };
    const { answer } = (await ask(lab.url, '/api/analyse', asked)).prompt;
    const wanted = `${answer!.metric < 0 ? '−' : '+'}${Math.abs(answer!.metric).toFixed(2)} logits`;
    const summary = page.locator('.summary');
    await summary.filter({ hasText: wanted }).waitFor();
    await page.locator('.attention-heads .note', { hasText: shown(target) }).waitFor();
    await page.locator('.lens-note', { hasText: `“${shown(target)}”` }).waitFor();

    // The same click again takes the choice back, and typing makes another.
    await guess.nth(1).click();
    assert.deepEqual(
      [(await state()).get('target'), (await state()).get('distractor')],
      [null, null],
    );
    await page.getByLabel('Target', { exact: true }).fill(' John');
    await page.keyboard.press('Enter');
    assert.equal((await state()).get('target'), ' John');
    assert.deepEqual(errors, []);
  });

  test('keys: help, prompt, examples, maximise, copy link', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await help.waitFor();
    const keys = await help.locator('kbd').allTextContents();
    for (const key of ['?', '/', 'm', 'c', '[', ']', 'Ctrl K', 'Esc', 'Shift']) {
      assert.ok(keys.includes(key), `${key} is not in ${keys}`);
    }
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });

    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'prompt');
    await page.keyboard.press('Escape');
    assert.notEqual(await page.evaluate(() => document.activeElement?.id), 'prompt');

    const { examples } = await get(lab.url, '/api/examples');
    await page.keyboard.press(']');
    assert.equal((await state()).get('prompt'), examples[0].prompt);
    await page.keyboard.press(']');
    assert.equal((await state()).get('prompt'), examples[1].prompt);
    await page.keyboard.press('[');
    assert.equal((await state()).get('prompt'), examples[0].prompt);
    await page.keyboard.press('[');
    assert.equal((await state()).get('prompt'), examples.at(-1)!.prompt);

    await settled(page);
    for (const panel of PANEL_IDS) {
      await page.locator(`[data-panel=${panel}] .panel-title h2`).hover();
      await page.keyboard.press('m');
      assert.equal((await state()).get('panel'), panel);
      await page.locator(`[data-panel=${panel}].maximised`).waitFor();
      assert.equal(await page.locator('[data-panel]').count(), 1);
      await page.keyboard.press('m');
      assert.equal((await state()).get('panel'), null);
      await page
        .locator('[data-panel]')
        .nth(PANEL_IDS.length - 1)
        .waitFor();
    }

    await page.keyboard.press('c');
    await page.locator('.toast', { hasText: 'Link copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
    // A panel's own link opens that panel alone.
    await page.locator('[data-panel=lens]').getByRole('button', { name: 'Maximise' }).click();
    await page.locator('[data-panel=lens]').getByRole('button', { name: 'Copy link' }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(new URLSearchParams(new URL(link).hash.slice(1)).get('panel'), 'lens');
    assert.deepEqual(errors, []);
  });

  test('every command is found by its name', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    const options = page.locator('.palette [role=option]');
    const openPalette = async () => {
      await page.keyboard.press('Control+k');
      await options.first().waitFor();
    };
    await openPalette();
    await page.keyboard.type('theme dark');
    assert.equal(await options.count(), 1);
    await page.keyboard.press('Enter');
    assert.equal((await state()).get('theme'), 'dark');
    const scheme = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    assert.equal(await scheme(), 'dark');

    await openPalette();
    await page.keyboard.type('two-hop');
    await options.nth(1).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const { examples } = await get(lab.url, '/api/examples');
    const hops = examples.filter(({ mechanism }) => mechanism === 'two-hop');
    assert.equal((await state()).get('prompt'), hops[1].prompt);

    await openPalette();
    await page.keyboard.type('no such command');
    await page.getByText('Nothing by that name.').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.palette').waitFor({ state: 'hidden' });
    assert.deepEqual(errors, []);
  });

  test('strip and lens are walked with the arrow keys from one tab stop', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    const { length } = await stripTexts(page);
    const stop = page.locator('.strip [tabindex="0"]');
    assert.equal(await stop.count(), 1);
    await stop.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.match((await page.locator('.tokens-next h3').textContent()) ?? '', /After 2\b/);
    await page.keyboard.press('Enter');
    assert.equal((await state()).get('position'), '2');
    await page.keyboard.press('Escape');
    assert.equal((await state()).get('position'), null);

    await page.locator('.lens-grid').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const here = [(await state()).get('layer'), (await state()).get('position')];
    assert.deepEqual(here, ['3', String(length - 2)]);
    await page.locator('.popup.held .lens-popup').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.popup.held').waitFor({ state: 'hidden' });
    assert.deepEqual(errors, []);
  });

  test('the strip at the foot says where the numbers come from', async () => {
    const { page, errors } = await lab.open({ ...ASKED, edits: EDITS });
    await settled(page);
    const { provenance } = await ask(lab.url, '/api/analyse', ASKED);
    const foot = page.locator('.provenance');
    const { modelHash, dataHash, glassboxVersion, command } = provenance;
    for (const part of [modelHash.slice(0, 10), dataHash!.slice(0, 10), glassboxVersion]) {
      await foot.filter({ hasText: part }).waitFor();
    }
    assert.equal(await foot.locator('.command').textContent(), command);
    await foot.locator('.hash').first().click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), modelHash);
    assert.deepEqual(errors, []);
  });
});
