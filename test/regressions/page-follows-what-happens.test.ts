import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addImported } from '../../src/microscope/dictionary/imported/store.ts';
import { writeModelWithDictionaries } from '../support/dictionary-model.ts';
import { type LabPage, openLabPage } from '../support/lab-page.ts';
import { ask } from '../support/reader.ts';

const OWN = 'When Mary and John went to the store, John gave a drink to';

describe('a page that stays open', () => {
  let lab: LabPage;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'page-follows-'));
    await writeModelWithDictionaries(folder);
    lab = await openLabPage();
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('another prompt typed over the first example leaves its second prompt, tokens and edits behind', async () => {
    const { page, state, errors } = await lab.open();
    await page.waitForURL(/distractor=/);
    const first = (await state()).get('prompt');
    await page.locator('#prompt').fill('37 + 48 =');
    await page.keyboard.press('Enter');
    await page.waitForURL(/prompt=37/);
    assert.deepEqual([...(await state()).keys()], ['prompt']);
    await page.locator('#prompt').fill('37 + 49 =');
    await page.keyboard.press('Enter');
    await page.goBack();
    assert.equal((await state()).get('prompt'), '37 + 48 =', 'Enter is a step of the history');
    await page.goBack();
    assert.equal((await state()).get('prompt'), first);
    assert.ok((await state()).get('target'));
    assert.deepEqual(errors, []);
  });

  test('a description imported meanwhile is shown once the reader comes back', async () => {
    const { page } = await lab.open({ prompt: OWN, model: folder, panel: 'graph' });
    await page.locator('.graph-nodes path').first().waitFor();
    const asked = { model: folder, prompt: OWN };
    const { nodes } = await ask(lab.url, '/api/trace', asked);
    const { layer, index } = nodes.find(({ kind }) => kind === 'feature')!;
    const foreign = {
      feature: index,
      labels: [{ text: 'people in a shop', by: null }],
      density: null,
      max: null,
      top: [],
      bottom: [],
      activations: null,
      groups: [],
    };
    const source = { format: 'neuronpedia', name: 'elsewhere/0-mlp' } as const;
    const own = join(folder, 'dictionaries', `transcoder-${layer}`);
    await addImported(own, { source, features: [foreign] });
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await page.locator('.connection-name', { hasText: 'people in a shop' }).first().waitFor();
  });
});
