import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { AttentionResponse, DoseResponse, InterventionsResponse } from '../src/lab/api.ts';
import { type LabPage, openLabPage } from './support/lab-page.ts';

const IOI = 'When Mary and John went to the store, John gave a drink to';
const OTHER = 'When Mary and John went to the store, Mary gave a drink to';
const ASKED = { prompt: IOI, target: ' Mary', distractor: ' John' };
const ABLATION = [{ at: 'blocks.3.attn.hook_z', op: 'zero', heads: [1] }];
const STEERING = [
  {
    at: 'blocks.2.hook_resid_post',
    op: 'add',
    positions: [-1],
    direction: { token: ' Mary', minus: ' John' },
    strength: 1,
  },
];

describe('attention and interventions, in Chromium', () => {
  let lab: LabPage;

  before(async () => {
    lab = await openLabPage();
  });
  after(() => lab?.close());

  async function ask<T>(path: string, body: object): Promise<T> {
    const response = await fetch(new URL(path, lab.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
    return (await response.json()) as T;
  }

  /** What a button of the export menu saves. */
  async function exported(page: Page, panel: string, kind: string): Promise<string> {
    await page.locator(`[data-panel=${panel}] .menu > button`).first().click();
    const item = page.locator(`[data-panel=${panel}] .menu-item:visible`, { hasText: kind });
    const [download] = await Promise.all([page.waitForEvent('download'), item.click()]);
    return readFile(await download.path(), 'utf8');
  }

  test('heads stand in the order of their effect; a click keeps one in the address', async () => {
    const { page, errors, state } = await lab.open(ASKED);
    const answer = await ask<AttentionResponse>('/api/attention', ASKED);
    const largest = [...answer.effects!].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));
    const heads = page.locator('[data-panel=attention] .head');
    await heads.first().waitFor();
    const names = await heads.evaluateAll((all) => all.map((one) => one.dataset.head));
    assert.deepEqual(
      names,
      largest.map(({ layer, head }) => `${layer}.${head}`),
    );
    const title = page.locator('.attention-large h3');
    assert.equal(await title.textContent(), `L${largest[0].layer}H${largest[0].head}`);

    const whole = await page.locator('.attention').boundingBox();
    await heads.nth(4).hover();
    assert.equal(await title.textContent(), `L${largest[4].layer}H${largest[4].head}`);
    assert.deepEqual(await page.locator('.attention').boundingBox(), whole, 'hovering moved it');
    assert.equal((await state()).get('head'), null);
    await heads.nth(4).click();
    assert.equal((await state()).get('head'), names[4]);
    await page.keyboard.press('Escape');
    assert.equal((await state()).get('head'), null);
    assert.deepEqual(errors, []);
  });

  test('the keyboard reaches every head and every cell', async () => {
    const { page, errors, state } = await lab.open({ ...ASKED, headSort: 'layer' });
    const stop = page.locator('.heads button[tabindex="0"]');
    await stop.waitFor();
    assert.equal(await stop.count(), 1);
    await stop.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    assert.equal((await state()).get('head'), '1.1');

    await page.locator('.pattern-scroll').focus();
    await page.keyboard.press('ArrowUp');
    const count = (await ask<AttentionResponse>('/api/attention', { prompt: IOI })).tokens.length;
    const readout = await page.locator('.pattern-readout').textContent();
    assert.match(
      readout ?? '',
      new RegExp(`\\(${count - 2}\\) attends to .*\\(0\\): [<>]? ?\\d+\\.\\d%`),
    );
    await page.keyboard.press('Enter');
    assert.equal((await state()).get('position'), String(count - 2));
    assert.deepEqual(errors, []);
  });

  test('scores order the heads and show their intervals', async () => {
    const { page, errors } = await lab.open({ ...ASKED, headSort: 'induction' });
    await page.locator('.attention-heads', { hasText: 'n = 16' }).waitFor();
    const labels = await page
      .locator('.head')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''));
    const scores = labels.map((label) => Number(/([\d.]+) \[[\d.]+, [\d.]+\]/.exec(label)?.[1]));
    assert.ok(scores.every((score, i) => i === 0 || score <= scores[i - 1]));
    assert.ok(scores[0] >= 0 && scores[0] <= 1);
    assert.deepEqual(errors, []);
  });

  test('a suggestion becomes an edit in the address, and the numbers are those of the lab', async () => {
    const { page, errors, state } = await lab.open({ ...ASKED, promptB: OTHER, head: '3.1' });
    await page.locator('.suggestion', { hasText: 'L3H1' }).click();
    assert.deepEqual(JSON.parse((await state()).get('edits')!), ABLATION);
    const answer = await ask<InterventionsResponse>('/api/interventions', {
      ...ASKED,
      edits: ABLATION,
    });
    const shown = page.locator('.figures-of-merit .big');
    await shown.nth(1).waitFor();
    const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
    assert.equal(await shown.nth(0).textContent(), signed(answer.before.answer!.metric));
    assert.equal(await shown.nth(1).textContent(), signed(answer.after.answer!.metric));
    await page.locator('.continuations ins, .continuations em').first().waitFor();

    // Off: kept in the list, gone from what is applied.
    await page.locator('.edit input[type=checkbox]').click();
    assert.deepEqual(JSON.parse((await state()).get('edits')!), [{ ...ABLATION[0], off: true }]);
    await page.locator('.figures-of-merit').waitFor({ state: 'detached' });
    assert.deepEqual(errors, []);
  });

  test('an address is found by its meaning and an operation by its name', async () => {
    const edits = JSON.stringify(ABLATION);
    const { page, errors, state } = await lab.open({ ...ASKED, edits });
    await page.locator('.address-box input').click();
    await page.keyboard.type('residual leaving 2');
    await page.keyboard.press('Enter');
    await page.locator('.edit-head select').selectOption('add');
    const [edit] = JSON.parse((await state()).get('edits')!);
    assert.deepEqual(edit, {
      at: 'blocks.2.hook_resid_post',
      op: 'add',
      direction: { token: ' Mary', minus: ' John' },
      strength: 1,
    });
    await page.locator('.places select').selectOption('chosen');
    await page.locator('.token-picker button').nth(2).click();
    const chosen = JSON.parse((await state()).get('edits')!)[0].positions;
    assert.equal(chosen.length, 2);
    assert.equal(chosen[0], 2);
    assert.deepEqual(errors, []);
  });

  test('a sweep stands beside random directions, or says why it cannot; exports carry it', async () => {
    const edits = JSON.stringify(STEERING);
    const sweep = { edit: 0, from: -1, to: 1, steps: 3, baselines: 4 };
    const { page, errors } = await lab.open({ ...ASKED, edits, sweep: JSON.stringify(sweep) });
    await page.locator('.dose svg circle').first().waitFor();
    const lines = await page
      .locator('.dose [data-series]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('data-series')));
    assert.deepEqual(lines, ['this edit', 'random, n = 4']);
    const { points } = await ask<DoseResponse>('/api/dose', {
      ...ASKED,
      edits: STEERING,
      edit: 0,
      strengths: [-1, 0, 1],
      baselines: 4,
    });
    const csv = await exported(page, 'interventions', 'CSV');
    for (const { strength, metric, baseline } of points) {
      const row = csv.split('\r\n').find((line) => line.startsWith(`sweep (logits),,${strength},`));
      assert.ok(row, `no row for strength ${strength}`);
      const [, , , , value, mean, low, high, n] = row.split(',').map(Number);
      assert.deepEqual([value, n], [metric, 4]);
      assert.deepEqual([mean, low, high], [baseline!.mean, baseline!.low, baseline!.high]);
    }
    const svg = await exported(page, 'interventions', 'SVG');
    assert.match(svg, /^<svg [^>]*xmlns/);
    assert.doesNotMatch(svg, /var\(--|NaN|undefined/);
    const json = JSON.parse(await exported(page, 'interventions', 'JSON'));
    assert.deepEqual(json.edits, STEERING);
    assert.match(json.provenance.command, /^glassbox edit /);
    assert.deepEqual(errors, []);

    const frozen = [{ at: 'blocks.1.attn.hook_pattern', op: 'scale', strength: 0.5 }];
    const other = await lab.open({
      ...ASKED,
      edits: JSON.stringify(frozen),
      sweep: JSON.stringify({ ...sweep, from: 0 }),
    });
    await other.page.locator('.dose', { hasText: 'No baseline: random directions mean' }).waitFor();
    assert.deepEqual(other.errors, []);
  });

  test('a broken link opens the page without its broken part', async () => {
    const { page, errors } = await lab.open({
      ...ASKED,
      edits: '[{"at":"x","op":"add"},null]',
      sweep: '{"edit":"a"}',
      head: '99.99',
      position: '4000',
    });
    await page.locator('.heads button').first().waitFor();
    assert.equal(await page.locator('.edit').count(), 0);
    assert.deepEqual(errors, []);
  });
});
