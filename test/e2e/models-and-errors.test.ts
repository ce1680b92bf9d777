import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { writeTinyModel } from '../../src/lab/testing/tiny-model.ts';
import { type LabPage, openLabPage } from '../support/lab-page.ts';
import { ask, idle, settled, shown, stripTexts } from '../support/reader.ts';

const PROMPT = 'The opposite of hot is';

describe('other models, and what goes wrong', () => {
  let lab: LabPage;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glassbox-models-'));
    await writeTinyModel(join(folder, 'tiny'));
    lab = await openLabPage();
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function chooseFolder(page: Page, name: string): Promise<void> {
    await page.locator('.topbar .model .menu > button').click();
    await page.getByLabel('Folder or hub name').fill(name);
    await page.keyboard.press('Enter');
  }

  const failure = (page: Page, panel = 'tokens') =>
    page.locator(`[data-panel=${panel}] > .failure`);

  test('a folder of this machine is opened, and the built-in model again', async () => {
    const model = join(folder, 'tiny');
    const { page, errors, state } = await lab.open({ prompt: PROMPT, target: ' cold' });
    await settled(page);
    const facts = page.locator('.model-facts');
    const before = await facts.textContent();
    await chooseFolder(page, model);
    assert.equal((await state()).get('model'), model);
    // The prompt stays; what belongs to the other model goes.
    assert.equal((await state()).get('prompt'), PROMPT);
    assert.equal((await state()).get('target'), null);
    await facts.filter({ hasText: '2 layers · 2 heads · d_model 16' }).waitFor();
    await page.locator('.provenance', { hasText: 'tiny' }).waitFor();
    await settled(page);
    const lens = await ask(lab.url, '/api/lens', { model, prompt: PROMPT });
    await page.waitForFunction(
      (rows) => document.querySelectorAll('.lens-row:not(.lens-tokens)').length === rows,
      lens.layers.length,
    );
    assert.equal(await page.locator('.heads .head').count(), 4);
    const { provenance } = await ask(lab.url, '/api/analyse', { model, prompt: PROMPT });
    const hash = page.locator('.provenance .hash').first();
    assert.equal(await hash.textContent(), provenance.modelHash.slice(0, 10));

    await page.locator('.topbar .model .menu > button').click();
    await page.locator('.model-menu .menu-item', { hasText: 'glassbox-atlas' }).click();
    assert.equal((await state()).get('model'), null);
    await facts.filter({ hasText: before ?? '' }).waitFor();
    await settled(page);
    assert.equal(await page.locator('.failure').count(), 0);
    assert.deepEqual(errors, []);
  });

  test('an unknown model is named with what to do, and another choice recovers', async () => {
    const { page, state } = await lab.open({ prompt: PROMPT });
    await settled(page);
    await chooseFolder(page, join(folder, 'no-such-model'));
    await failure(page).filter({ hasText: 'There is no such model.' }).waitFor();
    const said = await failure(page).locator('.failure-detail').textContent();
    assert.match(said ?? '', /no-such-model/);
    assert.ok((said ?? '').length > 40, 'no remedy');
    assert.match((await page.locator('.model-facts').textContent()) ?? '', /no-such-model/);
    await page.goBack();
    assert.equal((await state()).get('model'), null);
    await failure(page).waitFor({ state: 'detached' });
    await settled(page);
    assert.equal(await page.locator('.model-facts.failed').count(), 0);
  });

  test('a folder that holds no model says which file is missing', async () => {
    await writeFile(join(folder, 'config.json'), '{"model_type": "perceiver"}');
    const { page } = await lab.open({ prompt: PROMPT, model: folder });
    await failure(page).waitFor();
    assert.match((await failure(page).textContent()) ?? '', /perceiver|architecture/i);
  });

  test('without a prompt every panel says what to do, and a prompt brings them back', async () => {
    const { page, errors } = await lab.open({ prompt: PROMPT });
    await settled(page);
    await page.locator('#prompt').fill('');
    await page.keyboard.press('Enter');
    await page.getByText('Write a prompt, or choose an example.').first().waitFor();
    await page.getByText('Type a prompt to see what its tokens attend to').waitFor();
    await page.getByText('Type a prompt to change what happens inside').waitFor();
    assert.equal(await page.locator('.failure').count(), 0);
    await page.locator('#prompt').fill('Nevford is in');
    await page.keyboard.press('Enter');
    await settled(page);
    const { prompt } = await ask(lab.url, '/api/analyse', { prompt: 'Nevford is in' });
    assert.deepEqual(
      await stripTexts(page),
      prompt.tokens.map(({ text }) => shown(text)),
    );
    assert.deepEqual(errors, []);
  });

  test('a prompt longer than the context: message, remedy, the answer before it dimmed', async () => {
    const { page, state } = await lab.open({ prompt: PROMPT });
    await settled(page);
    const before = await stripTexts(page);
    await page.locator('#prompt').fill('word '.repeat(5000));
    await page.keyboard.press('Enter');
    await failure(page).filter({ hasText: 'The prompt is too long for this model.' }).waitFor();
    const said = (await failure(page).locator('.failure-detail').textContent()) ?? '';
    assert.match(said, /\d+ tokens/);
    await idle(page);
    // The answer of before stays in sight, marked as out of date.
    await page.locator('[data-panel=tokens] .panel-body.outdated').waitFor();
    assert.deepEqual(await stripTexts(page), before);
    assert.ok((await state()).get('prompt')!.length > 20_000);
    await page.locator('#prompt').fill(PROMPT);
    await page.keyboard.press('Enter');
    await failure(page).waitFor({ state: 'detached' });
    await settled(page);
    assert.equal(await page.locator('.failure').count(), 0);
  });

  test('a target that is no single token, and an edit that cannot be', async () => {
    const { page } = await lab.open({ prompt: PROMPT, target: 'no token at all' });
    await failure(page).filter({ hasText: 'The text is more than one token.' }).waitFor();
    await page.getByLabel('Target', { exact: true }).fill(' cold');
    await page.keyboard.press('Enter');
    await failure(page).waitFor({ state: 'detached' });
    await settled(page);

    const edits = JSON.stringify([{ at: 'blocks.99.hook_resid_post', op: 'zero' }]);
    const other = await lab.open({ prompt: PROMPT, edits });
    const told = failure(other.page, 'interventions');
    await told.filter({ hasText: 'The model has no such address.' }).waitFor();
    assert.match((await told.textContent()) ?? '', /blocks\.99\.hook_resid_post/);
    await other.page.getByRole('button', { name: 'Remove all' }).click();
    await told.waitFor({ state: 'detached' });
  });

  test('any text is a prompt: other scripts, split characters, breaks, lone surrogates', async () => {
    const { page, errors, state } = await lab.open({ prompt: PROMPT });
    await settled(page);
    for (const text of ['從前善，現在 🙂', 'a\tb\nc', '<b>&amp;</b> %23 #', 'x\ud800y']) {
      await page.locator('#prompt').fill(text);
      await page.locator('#prompt').blur();
      await settled(page);
      const typed = text.replace('\ud800', '\ufffd');
      assert.equal((await state()).get('prompt'), typed);
      assert.equal(await page.locator('.failure').count(), 0, text);
      const { prompt } = await ask(lab.url, '/api/analyse', { prompt: typed });
      await page.waitForFunction(
        (count) => document.querySelectorAll('.strip [data-strip=a]').length === count,
        prompt.tokens.length,
      );
      const whole = await page.locator('.strip-group > .token-text').allTextContents();
      const split = prompt.groups.filter(({ count }) => count > 1);
      assert.deepEqual(
        whole,
        split.map((group) => shown(group.text)),
      );
    }
    assert.deepEqual(errors, []);
  });

  test('when the lab does not answer the page says so, and tries again when asked', async () => {
    const { page } = await lab.open({ prompt: PROMPT });
    await settled(page);
    // Nothing is answered: any answer would have the page ask again by itself.
    await page.route('**/api/**', (route) => route.abort('connectionrefused'));
    await page.locator('#prompt').fill('Nevford is in');
    await page.keyboard.press('Enter');
    await failure(page).filter({ hasText: 'The lab does not answer.' }).waitFor();
    await page.route('**/api/analyse', (route) => route.continue());
    await failure(page).getByRole('button', { name: 'Try again' }).click();
    await failure(page).waitFor({ state: 'detached' });
    // A reader who comes back to the page has the rest asked again.
    await page.unrouteAll();
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await settled(page);
    assert.ok((await stripTexts(page)).join('').includes('Nevford'));
  });
});
