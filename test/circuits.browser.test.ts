import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { AttributeResponse, CircuitEvalResponse, CircuitResponse } from '../src/lab/api.ts';
import { circuitFromJson } from '../src/microscope/circuits/index.ts';
import { type LabPage, type OpenedPage, openLabPage } from './support/lab-page.ts';
import { ask, exported, graveViolations, idle } from './support/reader.ts';

const PAIR = {
  prompt: 'When Simon and Ruth were at the castle, Ruth gave a wheel to',
  promptB: 'When Simon and Ruth were at the castle, Simon gave a wheel to',
  target: ' Simon',
  distractor: ' Ruth',
};
const ASKED = {
  clean: PAIR.prompt,
  corrupted: PAIR.promptB,
  target: PAIR.target,
  distractor: PAIR.distractor,
  method: 'eap-ig-inputs',
  metric: 'logit-diff',
  ablation: 'corrupted',
  steps: 5,
} as const;
const SETTINGS = JSON.stringify({
  from: 'pair',
  method: 'eap-ig-inputs',
  metric: 'logit-diff',
  ablation: 'corrupted',
  steps: 5,
  threshold: 0.01,
  count: 16,
  corruption: 's2-io',
});

describe('circuits and token attributions, in Chromium', () => {
  let lab: LabPage;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'circuits-page-'));
    lab = await openLabPage();
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A page with the panel alone, a circuit in it. */
  async function openCircuit(state: Readonly<Record<string, string>> = {}): Promise<OpenedPage> {
    const opened = await lab.open({ ...PAIR, panel: 'circuits', circuit: SETTINGS, ...state });
    await opened.page.locator('.circuit-rows tbody tr').first().waitFor();
    await idle(opened.page);
    return opened;
  }

  /** Names of edges by score, the largest magnitude first. */
  function ranked({ nodes, receivers, sender, receiver, scores }: CircuitResponse): string[] {
    return scores
      .map((score, i) => ({ score, name: `${nodes[sender[i]]}->${receivers[receiver[i]]}` }))
      .sort((a, b) => Math.abs(b.score) - Math.abs(a.score))
      .map(({ name }) => name);
  }

  /** Names of the listed edges, as a file writes them. */
  function listedNames(page: Page): Promise<string[]> {
    return page.locator('.circuit-rows tbody tr').evaluateAll((rows) =>
      rows.map((row) => {
        const [from, to] = [...row.querySelectorAll('.node-button')];
        const input = to.querySelector('.node-input')?.textContent ?? '';
        const name = to.firstChild?.textContent ?? '';
        return `${from.textContent}->${name}${input === '' ? '' : `<${input}>`}`;
      }),
    );
  }

  test('a button finds the circuit; edges come by score, and the figures are those of the lab', async () => {
    const { page, errors, state } = await lab.open({ ...PAIR, panel: 'circuits' });
    await page.getByRole('button', { name: 'Find the circuit' }).click();
    await page.locator('.circuit-rows tbody tr').first().waitFor();
    await idle(page);
    assert.equal(JSON.parse((await state()).get('circuit')!).method, 'eap-ig-inputs');
    const found = await ask(lab.url, '/api/circuit', ASKED);
    const names = await listedNames(page);
    assert.equal(names.length, 300);
    assert.deepEqual(names.slice(0, 12), ranked(found).slice(0, 12));
    const size = await ask(lab.url, '/api/circuit-eval', { ...ASKED, edges: 46 });
    const figures = await page.locator('.circuit-figures').textContent();
    assert.ok(figures?.includes(`${size.edges} of 927 edges`), figures ?? '');
    assert.ok(figures?.includes(size.faithfulness.value.toFixed(3)), figures ?? '');
    assert.equal(
      await page.locator('.circuit-rows [data-status=circuit]').count(),
      size.edges,
      'all kept edges are among the strongest',
    );
    assert.equal(await page.locator('.circuit-picture .circuit-edge').count(), size.edges);
    assert.equal(await page.locator('.circuit-curve circle').count(), 20);
    assert.deepEqual(errors, []);
  });

  test('hovering previews, a click locks an edge or a head, Ctrl pins, Shift holds, Esc releases', async () => {
    const opened = await openCircuit();
    const { page, errors, state } = opened;
    const faint = () =>
      page
        .locator('.circuit-picture .circuit-edge')
        .evaluateAll((all) => all.filter((one) => getComputedStyle(one).opacity !== '1').length);
    const drawn = await page.locator('.circuit-picture .circuit-edge').count();
    assert.equal(await faint(), 0);
    const row = page.locator('.circuit-rows tbody tr').nth(3);
    await row.hover();
    await page.waitForFunction(
      (count) =>
        [...document.querySelectorAll('.circuit-picture .circuit-edge')].filter(
          (one) => getComputedStyle(one).opacity !== '1',
        ).length === count,
      drawn - 1,
    );
    await page.keyboard.down('Shift');
    await page.mouse.move(2, 2);
    assert.equal(await faint(), drawn - 1, 'held');
    await page.keyboard.up('Shift');
    await page.locator('.circuit-figures').hover();

    await row.locator('.number').click();
    const [, , , fourth] = await listedNames(page);
    assert.equal((await state()).get('edge'), fourth);
    await page.keyboard.press('Escape');
    assert.equal((await state()).get('edge'), null);

    await page.locator('.circuit-picture [data-node="a3.h0"]').click();
    assert.equal((await state()).get('circuitNode'), 'a3.h0');
    assert.equal((await state()).get('head'), '3.0');
    await page.keyboard.press('Escape');
    assert.equal((await state()).get('head'), null);

    await row.locator('.number').click({ modifiers: ['Control'] });
    assert.deepEqual(JSON.parse((await state()).get('circuitPins')!), [fourth]);
    await page.getByRole('button', { name: fourth }).click();
    assert.equal((await state()).get('circuitPins'), null);
    assert.deepEqual(errors, []);
  });

  test('keys walk the edges and the nodes', async () => {
    const { page, state } = await openCircuit();
    const names = await listedNames(page);
    await page.locator('.circuit-rows').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'Enter'])
      await page.keyboard.press(key);
    assert.equal((await state()).get('edge'), names[0]);
    await page.keyboard.press('p');
    assert.deepEqual(JSON.parse((await state()).get('circuitPins')!), [names[0]]);
    await page.locator('[data-panel=circuits] .picture-box').focus();
    // From the input upwards to a node of the circuit.
    for (const key of ['ArrowUp', 'ArrowUp', 'Enter']) await page.keyboard.press(key);
    assert.match((await state()).get('circuitNode') ?? '', /^(a\d\.h\d|m\d)$/);
  });

  test('the size is a slider, the search a filter; both are in the address', async () => {
    const { page, state } = await openCircuit({ edges: '9', edgeSearch: 'logits' });
    const size = await ask(lab.url, '/api/circuit-eval', { ...ASKED, edges: 9 });
    assert.equal(await page.locator('.circuit-picture .circuit-edge').count(), size.edges);
    for (const name of await listedNames(page)) assert.match(name, /->logits$/);
    const slider = page.locator('.circuit-size input');
    await slider.focus();
    await page.keyboard.press('End');
    await idle(page);
    assert.equal((await state()).get('edges'), '927');
    const figures = await page.locator('.circuit-figures').textContent();
    assert.match(figures ?? '', /Faithfulness1\.000/);
    // More than can be told apart are counted instead of drawn.
    assert.match(
      (await page.locator('[data-panel=circuits] .picture-legend').textContent()) ?? '',
      /400 strongest of 927/,
    );
    await page.getByRole('button', { name: 'As found' }).click();
    assert.equal((await state()).get('edges'), null);
  });

  test('what a search lacks is said, with ways to go on', async () => {
    const { page, errors, state } = await lab.open({
      prompt: PAIR.prompt,
      promptB: 'When Simon and Ruth were at the old castle, Simon gave a wheel to',
      target: PAIR.target,
      distractor: PAIR.distractor,
      panel: 'circuits',
    });
    const needs = page.locator('.circuit-needs');
    await page.getByText(/A has \d+ tokens, B has \d+\./).waitFor();
    assert.ok(await page.getByRole('button', { name: 'Find the circuit' }).isDisabled());
    await needs.getByRole('button', { name: 'Take sentences with two people' }).click();
    await needs.waitFor({ state: 'detached' });
    await page.getByLabel('Sentences', { exact: true }).fill('4');
    await page.getByLabel('Sentences', { exact: true }).blur();
    await page.getByRole('button', { name: 'Find the circuit' }).click();
    await page.locator('.circuit-rows tbody tr').first().waitFor();
    await idle(page);
    assert.equal(JSON.parse((await state()).get('circuit')!).count, 4);
    const figures = await page.locator('.circuit-figures').textContent();
    assert.match(figures ?? '', /n = 4 pairs/);
    assert.match(figures ?? '', /Faithfulness\d\.\d{3} \[/);
    assert.deepEqual(errors, []);
  });

  test('the exports say what is shown, and a circuit file opens again', async () => {
    const { page, errors } = await openCircuit({ edges: '20' });
    const csv = await exported(page, 'circuits', 'CSV');
    assert.equal(csv.text.trimEnd().split('\r\n').length, 928);
    assert.match(csv.text, /^rank,edge,from,to,input,score \(logits\)/);
    const svg = await exported(page, 'circuits', 'SVG');
    assert.match(svg.text, /^<svg/);
    assert.doesNotMatch(svg.text, /var\(|NaN/);
    const json = JSON.parse((await exported(page, 'circuits', 'JSON')).text);
    assert.equal(json.curve.points.length, 10);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as a circuit file' }).click(),
    ]);
    const text = await readFile(await download.path(), 'utf8');
    const circuit = circuitFromJson(JSON.parse(text));
    const kept = circuit.mask.reduce((sum, one) => sum + one, 0);
    const path = join(folder, 'circuit.json');
    await writeFile(path, text);

    await page.locator('[data-panel=circuits] input[type=file]').setInputFiles(path);
    await page.getByText('From the file circuit.json').waitFor();
    await idle(page);
    // Another size is in the address; without it, the file decides.
    await page.getByRole('button', { name: 'As found' }).click();
    await idle(page);
    assert.equal(await page.locator('.circuit-picture .circuit-edge').count(), kept);
    const file = JSON.parse(text);
    const own: CircuitEvalResponse = await ask(lab.url, '/api/circuit-eval', { ...ASKED, file });
    const figures = await page.locator('.circuit-figures').textContent();
    assert.ok(figures?.includes(own.faithfulness.value.toFixed(3)), figures ?? '');

    await writeFile(path, '{"cfg": 1}');
    await page.locator('[data-panel=circuits] input[type=file]').setInputFiles(path);
    await page.getByText('This file cannot be shown: cfg is missing').waitFor();
    assert.deepEqual(errors, []);
  });

  test('checks and roles come by button; a role’s head is chosen everywhere', async () => {
    const { page, errors, state } = await openCircuit({ edges: '9' });
    await page.getByRole('button', { name: 'Check completeness and minimality' }).click();
    await page.locator('.circuit-worth li').first().waitFor();
    const judged = await ask(lab.url, '/api/circuit-eval', { ...ASKED, edges: 9, checks: true });
    const nodes = await page.locator('.circuit-worth .node-button').allTextContents();
    assert.deepEqual(
      nodes,
      judged.checks!.minimality.slice(0, 10).map(({ node }) => node),
    );
    await page.getByRole('button', { name: 'Find the roles on 64 sentences' }).click();
    await page.locator('.role-table tbody tr').first().waitFor();
    const { heads } = await ask(lab.url, '/api/ioi', { count: 64 });
    const playing = heads.filter(({ roles }) => roles.length > 0);
    assert.equal(await page.locator('.role-table tbody tr').count(), playing.length);
    const first = page.locator('.role-table .node-button').first();
    const name = await first.textContent();
    await first.click();
    assert.equal(`a${(await state()).get('head')?.replace('.', '.h')}`, name);
    assert.deepEqual(errors, []);
  });

  test('tokens are shaded by every method, beside how stable each is', async () => {
    const { page, errors, state } = await lab.open({ ...PAIR, panel: 'attributions' });
    await page.getByRole('button', { name: 'Attribute the answer to tokens' }).click();
    await page.locator('.attribution-table tbody tr').first().waitFor();
    await idle(page);
    const asked = { prompt: PAIR.prompt, target: PAIR.target, distractor: PAIR.distractor };
    const found: AttributeResponse = await ask(lab.url, '/api/attribute', asked);
    const rows = page.locator('.attribution-table tbody tr');
    assert.equal(await rows.count(), found.results.length);
    assert.equal(await rows.first().locator('[data-position]').count(), found.positions.length);
    const value = found.results[0].values[1];
    const cell = rows.first().locator('[data-position]').nth(1);
    assert.ok((await cell.textContent())?.includes(Math.abs(value).toFixed(1)));
    await cell.click();
    assert.equal((await state()).get('position'), String(found.positions[1]));
    await page.getByRole('button', { name: 'Add: the two names change places' }).click();
    await page.locator('.stable-note', { hasText: 'n = 1' }).first().waitFor();
    assert.deepEqual(JSON.parse((await state()).get('paraphrases')!), [
      'When Ruth and Simon were at the castle, Ruth gave a wheel to',
    ]);
    const csv = await exported(page, 'attributions', 'CSV');
    assert.match(csv.text, /^position,token,patching \(logits\)/);
    const svg = await exported(page, 'attributions', 'SVG');
    assert.doesNotMatch(svg.text, /var\(|NaN/);
    assert.deepEqual(errors, []);
  });

  for (const [theme, lang] of [
    ['light', 'en'],
    ['dark', 'zh-Hant'],
  ]) {
    test(`both panels are accessible, ${theme}, ${lang}`, async () => {
      const opened = await openCircuit({ theme, lang, circuitChecks: 'yes', headRoles: 'yes' });
      await opened.page.locator('.role-table tbody tr').first().waitFor();
      await idle(opened.page);
      assert.deepEqual(await graveViolations(opened.page, '[data-panel=circuits]'), []);
      const other = await lab.open({
        ...PAIR,
        theme,
        lang,
        panel: 'attributions',
        attributions: 'yes',
      });
      await other.page.locator('.attribution-table tbody tr').first().waitFor();
      await idle(other.page);
      assert.deepEqual(await graveViolations(other.page, '[data-panel=attributions]'), []);
      for (const { errors } of [opened, other]) assert.deepEqual(errors, []);
    });
  }
});
