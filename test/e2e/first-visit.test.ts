import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { ROOT } from '../../scripts/lib/run.ts';
import { launchBrowser, openPage } from '../support/lab-page.ts';
import { ask, get, idle, settled, shown, stripTexts } from '../support/reader.ts';

const OTHER = 'Q: What is the bird of the state containing Nevford? A:';

describe('npm start, as a new user meets it', () => {
  let child: ChildProcess;
  let url: string;
  let browser: Browser;

  before(async () => {
    const args = ['scripts/start.ts', '--port', '0'];
    child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    // `npm start` prints the address once the lab listens.
    for await (const line of createInterface({ input: child.stdout! })) {
      const [found] = /http:\S+/.exec(line) ?? [];
      if (found === undefined) continue;
      url = found;
      break;
    }
    assert.ok(url, 'npm start printed no address');
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    if (child.exitCode === null) child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });

  test('the page is alive without a click: tokens, lens, attention, interventions', async (t) => {
    const { page, errors, state } = await openPage(browser, url);
    await settled(page);
    await page.locator('.figures-of-merit .big').first().waitFor();
    // For the record only: what a machine under tests takes says little about the page.
    const cold = await page.evaluate(() => Math.round(performance.now()));
    t.diagnostic(`first full answer, first visit: ${cold} ms after navigation`);

    const prompt = (await state()).get('prompt')!;
    const target = (await state()).get('target')!;
    const distractor = (await state()).get('distractor')!;
    const preference = { target, distractor };
    const { examples } = await get(url, '/api/examples');
    const opened = examples.find((example) => example.prompt === prompt);
    assert.deepEqual(JSON.parse((await state()).get('edits')!), opened?.edits);

    const analysis = await ask(url, '/api/analyse', { prompt, ...preference });
    const { tokens, loss } = analysis.prompt;
    assert.deepEqual(
      await stripTexts(page),
      tokens.map(({ text }) => shown(text)),
    );
    const values = await page.locator('.strip [data-strip=a] .strip-value').allTextContents();
    assert.deepEqual(
      values,
      loss.map((value) => (value === null ? '–' : value.toFixed(2))),
    );

    const lens = await ask(url, '/api/lens', { prompt, target });
    const cells = page.locator('.lens-cell');
    assert.equal(await cells.count(), lens.layers.length * tokens.length);
    const last = page.locator(
      `.lens-cell[data-layer="${lens.layers.length - 1}"][data-position="${tokens.length - 1}"]`,
    );
    const [top] = lens.top.at(-1)!.at(-1)!;
    assert.equal(await last.locator('.token-text').textContent(), shown(top.text));

    const attention = await ask(url, '/api/attention', { prompt, ...preference });
    assert.equal(await page.locator('.heads .head').count(), attention.effects!.length);

    const { edits } = opened!;
    const answer = await ask(url, '/api/interventions', { prompt, edits, ...preference });
    const merits = await page.locator('.figures-of-merit .big').allTextContents();
    const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
    assert.equal(merits[0], signed(answer.before.answer!.metric));
    assert.equal(merits[1], signed(answer.after.answer!.metric));

    await page.reload();
    await settled(page);
    await page.locator('.figures-of-merit .big').first().waitFor();
    const warm = await page.evaluate(() => Math.round(performance.now()));
    t.diagnostic(`first full answer, reload: ${warm} ms after navigation`);
    assert.deepEqual(errors, []);
  });

  test('another prompt is typed: every panel follows, and the model can go on', async () => {
    const { page, errors, state } = await openPage(browser, url);
    await settled(page);
    await page.locator('#prompt').fill(OTHER);
    await page.keyboard.press('Enter');
    const { prompt } = await ask(url, '/api/analyse', { prompt: OTHER });
    const texts = prompt.tokens.map(({ text }) => shown(text));
    await page.waitForFunction(
      (count) => document.querySelectorAll('.lens-token').length === count,
      texts.length,
    );
    await settled(page);
    assert.equal((await state()).get('prompt'), OTHER);
    assert.deepEqual(await stripTexts(page), texts);
    assert.deepEqual(await page.locator('.lens-token .token-text').allTextContents(), texts);
    const readers = page.locator('.attention-lists h3').first();
    assert.match((await readers.textContent()) ?? '', new RegExp(`\\(${texts.length - 1}\\)`));

    await page.getByRole('button', { name: 'Continue' }).click();
    const takeOver = page.getByRole('button', { name: 'Add to the prompt' });
    await takeOver.waitFor();
    const written = page.locator('.continuation-token');
    assert.ok((await written.count()) > 0);
    await takeOver.click();
    await idle(page);
    const longer = (await state()).get('prompt')!;
    assert.ok(longer.startsWith(OTHER) && longer.length > OTHER.length);
    assert.deepEqual(errors, []);
  });

  test('a newer prompt wins over an older answer that comes late', async () => {
    const { page, errors } = await openPage(browser, url);
    await settled(page);
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const [late, newer] = ['The opposite of hot is', 'Nevford is in'];
    let delivered: Promise<void> | undefined;
    await page.route('**/api/analyse', async (route) => {
      if (!route.request().postData()?.includes(late)) return route.continue();
      const answer = await route.fetch();
      // The page has dropped this request by then, which is one right way to be late.
      delivered = held.then(() => route.fulfill({ response: answer })).catch(() => {});
    });
    const older = page.waitForRequest((request) => request.postData()?.includes(late) === true);
    await page.locator('#prompt').fill(late);
    await page.keyboard.press('Enter');
    await older;
    await page.locator('#prompt').fill(newer);
    await page.keyboard.press('Enter');
    const { prompt } = await ask(url, '/api/analyse', { prompt: newer });
    const texts = prompt.tokens.map(({ text }) => shown(text));
    const shows = (wanted: string[]) =>
      page.waitForFunction((texts) => {
        const found = document.querySelectorAll('.strip [data-strip=a] .token-text');
        return JSON.stringify([...found].map((one) => one.textContent)) === JSON.stringify(texts);
      }, wanted);
    await shows(texts);
    letGo();
    await delivered;
    // One more exchange with the lab, so that the late answer has had its time to do harm.
    await page.evaluate(() => fetch('./api/health').then((answer) => answer.json()));
    await settled(page);
    assert.deepEqual(await stripTexts(page), texts);
    assert.deepEqual(
      errors.filter((text) => !text.includes('net::')),
      [],
    );
  });

  test('every example of the gallery opens a state with something to see', async () => {
    const { page, errors, state } = await openPage(browser, url);
    await settled(page);
    const { examples } = await get(url, '/api/examples');
    const mechanisms = [...new Set(examples.map(({ mechanism }) => mechanism))];
    const buttons = page.locator('.gallery .example');
    assert.equal(await buttons.count(), mechanisms.length);
    for (const [index, mechanism] of mechanisms.entries()) {
      await buttons.nth(index).click();
      const shownPrompt = (await state()).get('prompt');
      const opened = examples.find(({ prompt }) => prompt === shownPrompt);
      assert.equal(opened?.mechanism, mechanism);
      const { prompt, promptB, target, truth } = opened!;
      assert.equal((await state()).get('promptB'), promptB);
      assert.equal((await state()).get('target'), target);
      assert.deepEqual(JSON.parse((await state()).get('edits') ?? '[]'), opened!.edits);
      assert.equal(await page.locator('#prompt').inputValue(), prompt);
      await page.waitForFunction((text) => {
        const strip = document.querySelectorAll('.strip [data-strip=a]').length;
        const busy = document.querySelector('[data-panel=tokens][aria-busy=true]');
        return strip > 0 && busy === null && (document.querySelector('.truth') ? text : !text);
      }, truth?.answer);
      if (truth !== null) {
        const said = await page.locator('.truth').textContent();
        assert.ok(said?.includes(truth.answer), `${mechanism}: ${said}`);
      }
      assert.equal(await page.locator('.failure').count(), 0, mechanism);
      assert.equal(await buttons.nth(index).getAttribute('aria-pressed'), 'true');
    }
    await settled(page);
    assert.equal(await page.locator('.failure').count(), 0);
    assert.deepEqual(errors, []);
  });

  test('SIGTERM ends it', async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await ended;
    assert.equal(code, 0);
  });
});
