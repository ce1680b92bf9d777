/**
 * A link that was opened while the examples were still on their way was written over by the first of
 * them: the event that tells of a new address comes after the address has changed.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openLabPage } from '../support/lab-page.ts';

const lab = await openLabPage();
after(() => lab.close());

test('a link opened before the first example has come stays in the address', async () => {
  const { page, state } = await lab.open({ prompt: 'Nevford is in' });
  // The events are held back for good, the examples until the link is there.
  await page.addInitScript(() => {
    for (const name of ['hashchange', 'popstate'])
      window.addEventListener(name, (event) => event.stopImmediatePropagation());
  });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/examples*', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('about:blank');
  const asked = page.waitForRequest('**/api/examples*');
  await page.goto(lab.url);
  await asked;
  await page.evaluate(() => {
    location.hash = '#prompt=37+%2B+48+%3D';
  });
  const answered = page.waitForResponse('**/api/examples*');
  release();
  await answered;
  await page.locator('.gallery .example').first().waitFor();
  assert.deepEqual(Object.fromEntries(await state()), { prompt: '37 + 48 =' });
});
