import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { toCsv } from '../../web/components/csv.ts';
import { type LabPage, openLabPage } from '../support/lab-page.ts';
import { ask, exported, get, idle, PANEL_IDS, settled, shown } from '../support/reader.ts';

const IOI = 'When Mary and John went to the store, John gave a drink to';
const ASKED = { prompt: IOI, target: ' Mary', distractor: ' John' };
const STEER = {
  at: 'blocks.2.hook_resid_post',
  op: 'add' as const,
  positions: [-1],
  direction: { token: ' Mary', minus: ' John' },
  strength: 1,
};
const ABLATE = { at: 'blocks.2.attn.hook_z', op: 'zero' as const, heads: [2] };

describe('what leaves the page, and what is changed inside the model', () => {
  let lab: LabPage;

  before(async () => {
    lab = await openLabPage();
  });
  after(() => lab?.close());

  /** Well-formed, self-contained, and with nothing that failed to become a number. */
  async function checkSvg(page: Page, text: string): Promise<string> {
    assert.doesNotMatch(text, /var\(--|NaN|undefined|\[object/);
    return page.evaluate((source) => {
      const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
      if (parsed.querySelector('parsererror') !== null) throw new Error('not well-formed');
      return parsed.documentElement.textContent ?? '';
    }, text);
  }

  test('tokens, lens and attention give their figure, their table and their answer', async () => {
    const { page, errors } = await lab.open(ASKED);
    await settled(page);
    const analysis = await ask(lab.url, '/api/analyse', ASKED);
    const lens = await ask(lab.url, '/api/lens', { prompt: IOI, target: ' Mary', topK: 20 });
    const { tokens, loss } = analysis.prompt;
    const texts = tokens.map(({ text }) => text);

    const json = JSON.parse((await exported(page, 'tokens', 'JSON')).text);
    assert.deepEqual(json.prompt.loss, loss);
    assert.equal(json.provenance.modelHash, analysis.provenance.modelHash);
    const csv = await exported(page, 'tokens', 'CSV');
    assert.equal(csv.name, 'glassbox-tokens.csv');
    const rows = csv.text.trimEnd().split('\r\n');
    assert.equal(rows.length, tokens.length + 1);
    assert.match(rows[0], /^prompt,position,id,token,loss \(nats\),/);
    const second = toCsv([['A', 1, tokens[1].id, tokens[1].text, loss[1]]]).trimEnd();
    assert.ok(rows[2].startsWith(second), rows[2]);
    const strip = await checkSvg(page, (await exported(page, 'tokens', 'SVG')).text);
    for (const text of texts) assert.ok(strip.includes(shown(text)), `${text} is not drawn`);

    assert.deepEqual(JSON.parse((await exported(page, 'lens', 'JSON')).text).top[1], lens.top[1]);
    const grid = (await exported(page, 'lens', 'CSV')).text.trimEnd().split('\r\n');
    assert.equal(grid.length, 1 + lens.layers.length * tokens.length);
    assert.ok(grid.at(-1)!.startsWith(`${lens.layers.at(-1)},${tokens.length - 1},`));
    const heat = await checkSvg(page, (await exported(page, 'lens', 'SVG')).text);
    assert.ok(heat.includes('embed') && heat.includes('Probability'));

    const attention = await ask(lab.url, '/api/attention', ASKED);
    const heads = JSON.parse((await exported(page, 'attention', 'JSON')).text);
    assert.ok(JSON.stringify(heads).includes(attention.provenance.modelHash));
    const pattern = (await exported(page, 'attention', 'CSV')).text.trimEnd().split('\r\n');
    assert.ok(pattern.length > tokens.length);
    await checkSvg(page, (await exported(page, 'attention', 'SVG')).text);
    assert.deepEqual(errors, []);
  });

  test('every panel shows the code and the command that give its numbers', async () => {
    const { page, errors } = await lab.open({ ...ASKED, edits: JSON.stringify([ABLATE]) });
    await settled(page);
    await page.locator('.figures-of-merit').waitFor();
    for (const panel of PANEL_IDS) {
      const frame = page.locator(`[data-panel=${panel}]`);
      await frame.locator('.panel-actions').getByRole('button', { name: 'Show code' }).click();
      const dialog = page.getByRole('dialog', { name: 'Show code' });
      await dialog.locator('pre').nth(1).waitFor();
      const [code, command] = await dialog.locator('pre').allTextContents();
      assert.match(code, /import \{[^}]+\} from 'glassbox\/[a-z]+';/, panel);
      assert.ok(code.includes(JSON.stringify(IOI).slice(1, -1)), panel);
      assert.match(code, /await openModel\(/, panel);
      assert.match(command, /^glassbox [a-z]+ /, panel);
      await dialog.getByRole('button', { name: 'Copy' }).first().click();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
    }
    assert.deepEqual(errors, []);
  });

  test('an edit is added, changes the answer, and its strength is swept', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    await settled(page);
    const panel = page.locator('[data-panel=interventions]');
    await panel.getByRole('button', { name: 'Steer towards' }).click();
    const [edit] = JSON.parse((await state()).get('edits')!);
    assert.equal(edit.op, 'add');
    assert.deepEqual(edit.direction, { token: ' Mary', minus: ' John' });
    const big = page.locator('.figures-of-merit .big');
    await big.nth(1).waitFor();
    await idle(page);
    const answer = await ask(lab.url, '/api/interventions', { ...ASKED, edits: [edit] });
    const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
    assert.deepEqual((await big.allTextContents()).slice(0, 2), [
      signed(answer.before.answer!.metric),
      signed(answer.after.answer!.metric),
    ]);
    assert.notEqual(answer.before.answer!.metric, answer.after.answer!.metric);

    await panel.getByRole('button', { name: 'Run the sweep' }).click();
    await page.locator('.dose svg circle').first().waitFor();
    await idle(page);
    const sweep = JSON.parse((await state()).get('sweep')!);
    assert.ok(sweep.baselines > 1);
    const dose = page.locator('.dose');
    await dose.getByText(`mean over n = ${sweep.baselines} random directions`).waitFor();
    await dose.locator('[data-series^="random"]').first().waitFor();
    const csv = (await exported(page, 'interventions', 'CSV')).text;
    assert.equal(csv.match(/^sweep/gm)?.length, sweep.steps);

    // A second edit joins the first, changes places with it, and both go.
    await panel.getByRole('button', { name: 'Ablate MLP' }).click();
    assert.equal(await page.locator('.edit').count(), 2);
    await page.getByRole('button', { name: 'Move up' }).nth(1).click();
    assert.equal(JSON.parse((await state()).get('edits')!)[0].op, 'zero');
    await panel.getByRole('button', { name: 'Remove all' }).click();
    assert.equal((await state()).get('edits'), null);
    await page.locator('.figures-of-merit').waitFor({ state: 'detached' });
    await page.goBack();
    await page.locator('.edit').nth(1).waitFor();
    assert.deepEqual(errors, []);
  });

  test('the answer under an edit changes what the model goes on to write', async () => {
    const { page, errors } = await lab.open({
      ...ASKED,
      edits: JSON.stringify([{ ...STEER, direction: { token: ' John', minus: ' Mary' } }]),
    });
    await settled(page);
    await page.locator('.continuations ins').first().waitFor();
    await idle(page);
    const { after } = await ask(lab.url, '/api/interventions', {
      ...ASKED,
      edits: [{ ...STEER, direction: { token: ' John', minus: ' Mary' } }],
    });
    const best = shown(after.next.at(-1)![0].text);
    const written = await page.locator('.continuations ins').first().textContent();
    assert.ok(written?.startsWith(`+${best}`), `${written} after ${best}`);
    // None is asked for: nothing is awaited.
    await page.locator('.continuations select').selectOption('0');
    await idle(page);
    const { models } = await get(lab.url, '/api/models');
    assert.equal(models[0].loaded, true);
    assert.deepEqual(errors, []);
  });
});
