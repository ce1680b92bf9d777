import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type LabPage, openLabPage } from '../support/lab-page.ts';

const PROMPT = 'The river of the state containing Daekwell is';

describe('the page after something failed once', () => {
  let folder: string;
  let lab: LabPage;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glassbox-recovers-'));
    await mkdir(join(folder, 'small-run'));
    const started = { type: 'started', step: 0, steps: 20, tasks: ['a'], time: 1 };
    await writeFile(join(folder, 'small-run', 'events.jsonl'), `${JSON.stringify(started)}\n`);
    lab = await openLabPage({ runs: [folder] });
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  // The fault took the place of the list, so that nothing else could be chosen.
  test('a link to a training that is no more still offers the others', async () => {
    const link = { panel: 'dictionaries', dictionaryView: 'training', run: 'long-gone' };
    const { page, state } = await lab.open(link);
    await page.locator('.training .failure').waitFor();
    await page.locator('.training select').selectOption('small-run');
    await page.locator('.training-progress').waitFor();
    await page.locator('.training .failure').waitFor({ state: 'detached' });
    assert.equal((await state()).get('run'), 'small-run');
  });

  // The panel was drawn as loading for ever.
  test('a panel whose code does not come says so, and comes when asked again', async () => {
    const { page } = await lab.open();
    await page.route('**/assets/lens-*.js', (route) => route.abort());
    await page.reload();
    const failure = page.locator('.slot > section .failure');
    await failure.waitFor();
    await page.unroute('**/assets/lens-*.js');
    await failure.getByRole('button').click();
    await page.locator('[data-panel=lens]').waitFor();
  });

  // The first failure was kept as an answer without end.
  test('what the model expects along an example is asked for again after a failure', async () => {
    const { page } = await lab.open({ panel: 'features', featureScope: 'all', prompt: PROMPT });
    await page.route('**/api/feature-example', (route) => route.abort(), { times: 1 });
    const token = page.locator('.examples .shaded-tokens .token-text').first();
    await token.waitFor();
    const failed = page.waitForEvent('requestfailed');
    await token.hover();
    await failed;
    await page.mouse.move(4, 4);
    await token.hover();
    await page.locator('.feature-token td.number').first().waitFor();
  });

  // Taking the field away took its focus, and losing the focus gave the name.
  test('Esc leaves a node its name', async () => {
    const { page, state } = await lab.open({ panel: 'graph', prompt: PROMPT });
    await page.locator('.node-row').first().click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.locator('.name-field').fill('never');
    await page.keyboard.press('Escape');
    await page.locator('.name-field').waitFor({ state: 'detached' });
    assert.equal((await state()).get('nodeLabels'), null);
  });
});
