import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { Rng } from '../src/base/rng.ts';
import type { FeaturesResponse, GraphInterventionResponse, TraceResponse } from '../src/lab/api.ts';
import { writeTinyModel } from '../src/lab/testing/tiny-model.ts';
import { parseGraphFile } from '../src/microscope/graph/file.ts';
import { writeModelWithDictionaries } from './support/dictionary-model.ts';
import { type LabPage, type OpenedPage, openLabPage } from './support/lab-page.ts';

const ASKED = {
  prompt: 'When Mary and John went to the store, John gave a drink to',
  target: ' Mary',
  distractor: ' John',
};

/** A graph as large as the panel shows, in the public format. */
function largeGraph(): object {
  const rng = new Rng(1);
  const tokens = Array.from({ length: 14 }, (_, i) => `t${i}`);
  const nodes = Array.from({ length: 686 }, (_, i) => {
    const layer = Math.floor(i / 27);
    const ctx_idx = rng.int(tokens.length);
    return {
      node_id: `${layer}_${1000 + i}_${ctx_idx}`,
      feature: i,
      layer: String(layer),
      ctx_idx,
      feature_type: 'cross layer transcoder',
      jsNodeId: `${layer}_${i}-0`,
      clerp: '',
      influence: i / 700,
      activation: 1,
    };
  });
  const ends = tokens.map((_, i) => ({
    node_id: `E_${i}_${i}`,
    feature: i,
    layer: 'E',
    ctx_idx: i,
    feature_type: 'embedding',
    jsNodeId: `E_${i}-${i}`,
    clerp: `Emb: "t${i}"`,
  }));
  const logit = {
    node_id: '27_5_13',
    feature: 5,
    layer: '27',
    ctx_idx: 13,
    feature_type: 'logit',
    token_prob: 0.9,
    jsNodeId: 'L_5-13',
    clerp: 'Output "x" (p=0.900)',
  };
  const links: { source: string; target: string; weight: number }[] = [];
  const sources = [...ends, ...nodes];
  while (links.length < 10_000) {
    const target = rng.int(nodes.length + 1) === 0 ? logit : nodes[rng.int(nodes.length)];
    const source = sources[rng.int(sources.length)];
    const low = source.layer === 'E' ? -1 : Number(source.layer);
    if (low >= Number(target.layer)) continue;
    links.push({ source: source.node_id, target: target.node_id, weight: rng.normal() });
  }
  links.push({ source: nodes[680].node_id, target: logit.node_id, weight: 1 });
  return {
    metadata: { slug: 'large', scan: 'x', prompt_tokens: tokens, prompt: tokens.join(' ') },
    qParams: {
      pinnedIds: [nodes[3].node_id],
      supernodes: [['a pair', nodes[0].node_id, nodes[1].node_id]],
    },
    nodes: [...ends, ...nodes, logit],
    links,
  };
}

describe('attribution graph and features, in Chromium', () => {
  let folder: string;
  let lab: LabPage;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'graph-page-'));
    await writeModelWithDictionaries(join(folder, 'model'));
    await writeFile(join(folder, 'large.json'), JSON.stringify(largeGraph()));
    lab = await openLabPage({ model: join(folder, 'model') });
  });
  after(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask<T>(path: string, body: object): Promise<T> {
    const response = await fetch(new URL(path, lab.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
    return (await response.json()) as T;
  }

  /** A page with the panel alone, its graph drawn. */
  async function openGraph(state: Readonly<Record<string, string>> = {}) {
    const opened = await lab.open({ ...ASKED, panel: 'graph', ...state });
    await opened.page.locator('.graph-nodes path').first().waitFor();
    return opened;
  }

  /** Waits until a part of the address is as expected: some changes wait for an answer. */
  async function addressHas(opened: OpenedPage, key: string, expected: unknown): Promise<void> {
    const read = async () => {
      const text = (await opened.state()).get(key);
      return typeof expected === 'object' && text !== null ? JSON.parse(text) : text;
    };
    for (let tries = 0; tries < 100; tries++) {
      if (isDeepStrictEqual(await read(), expected)) return;
      await opened.page.waitForTimeout(20);
    }
    assert.deepEqual(await read(), expected);
  }

  /** Where the n-th node is in the picture. */
  async function place(page: Page, index: number): Promise<{ x: number; y: number }> {
    const text = await page.locator('.graph-nodes path').nth(index).getAttribute('transform');
    const [x, y] = /translate\(([\d.]+) ([\d.]+)\)/
      .exec(text ?? '')!
      .slice(1)
      .map(Number);
    return { x, y };
  }

  async function saved(page: Page, panel: string, kind: string): Promise<string> {
    await page.locator(`[data-panel=${panel}] .panel-actions .menu > button`).click();
    const item = page.locator(`[data-panel=${panel}] .menu-item:visible`, { hasText: kind });
    const [download] = await Promise.all([page.waitForEvent('download'), item.click()]);
    return readFile(await download.path(), 'utf8');
  }

  test('the graph of the prompt, its scores, and what it hides', async () => {
    const { page, errors } = await openGraph();
    const graph = await ask<TraceResponse>('/api/trace', {
      ...ASKED,
      nodeShare: 0.8,
      edgeShare: 0.98,
    });
    assert.equal(await page.locator('.graph-nodes path').count(), graph.nodes.length);
    const scores = await page.locator('.graph-scores').textContent();
    for (const value of Object.values(graph.scores)) {
      assert.ok(scores?.includes(`${(100 * value).toFixed(1)}%`), scores ?? '');
    }
    assert.match(scores ?? '', /Showing \d+ of [\d,]+ nodes and .* because pruning removed/);
    assert.deepEqual(errors, []);
  });

  test('a click chooses, Ctrl-click pins, G makes a supernode, Esc releases; all in the address', async () => {
    const opened = await openGraph();
    const { page, errors } = opened;
    const { nodes } = await ask<TraceResponse>('/api/trace', {
      ...ASKED,
      nodeShare: 0.8,
      edgeShare: 0.98,
    });
    const features = [...nodes.keys()].filter((i) => nodes[i].kind === 'feature');
    const picture = page.locator('.graph-picture');
    const [a, b, c] = [features[0], features.at(-1)!, features.at(-2)!];
    await picture.hover({ position: await place(page, a) });
    const readout = page.locator('[data-panel=graph] .readout');
    assert.ok((await readout.textContent())?.includes(`#${nodes[a].index}`));
    await addressHas(opened, 'node', null);
    await picture.click({ position: await place(page, a) });
    await addressHas(opened, 'node', nodes[a].key);
    await addressHas(opened, 'feature', `${nodes[a].layer}.${nodes[a].index}`);
    await picture.click({ position: await place(page, b), modifiers: ['Control'] });
    await addressHas(opened, 'pins', [nodes[b].key]);
    await page.keyboard.down('g');
    await picture.click({ position: await place(page, b) });
    await picture.click({ position: await place(page, c) });
    await page.keyboard.up('g');
    await addressHas(opened, 'supernodes', [['Supernode', nodes[b].key, nodes[c].key]]);
    await page.locator('.graph-subgraph svg [data-node="super:0"]').waitFor();
    await page.locator('.supernode-name').dblclick();
    await page.keyboard.type('names');
    await page.keyboard.press('Enter');
    await addressHas(opened, 'supernodes', [['names', nodes[b].key, nodes[c].key]]);
    await page.locator('[data-panel=graph] .picture-box').focus();
    await page.keyboard.press('Escape');
    await addressHas(opened, 'node', null);

    await page.locator('[data-panel=graph] .picture-box').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.graph-rings .chosen').waitFor();
    await page.locator('.node-card').waitFor();
    assert.deepEqual(errors, []);
  });

  test('a supernode is made by keyboard alone, and a change is made to all of it', async () => {
    const { page, state, errors } = await openGraph();
    const press = async (name: RegExp) => {
      await page.getByRole('button', { name }).focus();
      await page.keyboard.press('Enter');
    };
    await press(/Group nodes/);
    await page.locator('[data-panel=graph] .picture-box').focus();
    // From the answer, the last node, to what stands under it.
    for (let steps = 0; steps < 3; steps++) {
      await page.keyboard.press('ArrowDown');
      if (steps > 0) await page.keyboard.press('Enter');
    }
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /Group nodes/ }).waitFor();
    assert.equal((await state()).get('supernodes'), null, 'Esc gives up');

    await press(/Group nodes/);
    await page.locator('[data-panel=graph] .picture-box').focus();
    for (let steps = 0; steps < 4; steps++) {
      await page.keyboard.press('ArrowDown');
      if (steps > 0) await page.keyboard.press('Enter');
    }
    await press(/Group these 3/);
    const [[, ...members]] = JSON.parse((await state()).get('supernodes')!);
    assert.equal(members.length, 3);
    await press(/Ablate/);
    assert.deepEqual(
      JSON.parse((await state()).get('change')!).nodes,
      members.filter((key: string) => /^\d/.test(key)),
    );
    assert.deepEqual(errors, []);
  });

  test('before a choice: paths, nodes by token, what is hidden; a search is gone through by [ and ]', async () => {
    const opened = await openGraph();
    const { page, errors } = opened;
    const side = page.locator('.graph-side');
    assert.ok((await side.locator('.graph-paths li').count()) > 0);
    await side.getByRole('radio', { name: 'By token' }).check();
    await addressHas(opened, 'nodeList', 'token');
    assert.ok((await side.locator('h4').count()) > 3);

    // Pointing at a row shows the node in the picture and leaves the list as it is.
    await side.locator('.node-row').first().hover();
    await page.locator('.graph-rings .pointed').waitFor();
    assert.ok((await side.locator('.graph-paths li').count()) > 0);

    const search = page.getByLabel('Search labels');
    await search.fill('L1');
    const found = await side.locator('.node-row').evaluateAll((rows) => {
      return rows.map((row) => (row as HTMLElement).dataset.node);
    });
    assert.ok(found.length > 1);
    await search.press('Enter');
    await addressHas(opened, 'node', found[0]);
    await page.locator('[data-panel=graph] .picture-box').focus();
    await page.keyboard.press(']');
    await addressHas(opened, 'node', found[1]);
    await page.keyboard.press('[');
    await addressHas(opened, 'node', found[0]);
    await page.getByRole('button', { name: 'Back to the list' }).click();
    await addressHas(opened, 'node', null);

    await page.locator('.graph-hidden summary').click();
    assert.ok((await page.locator('.hidden-lists tbody tr').count()) > 3);
    assert.deepEqual(errors, []);
  });

  test('features that are everywhere are hidden only when asked for, and counted', async () => {
    const { page, errors } = await openGraph({ nodeShare: '100', edgeShare: '100' });
    const { nodes } = await ask<TraceResponse>('/api/trace', {
      ...ASKED,
      nodeShare: 1,
      edgeShare: 1,
    });
    const often = nodes.filter(({ presence }) => presence !== null && presence > 2 / 3).length;
    assert.ok(often > 0);
    assert.equal(await page.locator('.graph-nodes path').count(), nodes.length);
    await page.getByLabel('Hide ubiquitous').check();
    await page.locator('.graph-scores', { hasText: `${often} features are at over` }).waitFor();
    assert.equal(await page.locator('.graph-nodes path').count(), nodes.length - often);
    assert.deepEqual(errors, []);
  });

  test('two logits make a difference, which has their links subtracted', async () => {
    const opened = await openGraph({ prompt: 'The', target: '', distractor: '' });
    const { page, errors } = opened;
    const { nodes } = await ask<TraceResponse>('/api/trace', { prompt: 'The' });
    const [a, b] = nodes.filter(({ kind }) => kind === 'logit');
    await page.locator('.graph-picture').click({ position: await place(page, nodes.indexOf(a)) });
    await page.getByLabel('Minus').selectOption(b.key);
    await addressHas(opened, 'logitPair', [a.key, b.key]);
    await addressHas(opened, 'node', `${a.key}__vs__${b.key}`);
    assert.equal(await page.locator('.graph-nodes path').count(), nodes.length + 1);
    assert.ok((await page.locator('.connection').count()) > 0);
    await page.getByRole('button', { name: 'Trace it exactly' }).click();
    await addressHas(opened, 'target', `#${a.index}`);
    await addressHas(opened, 'distractor', `#${b.index}`);
    assert.deepEqual(errors, []);
  });

  test('the subgraph: scores, dragging, arrow keys, letting go, renaming, members', async () => {
    const { nodes } = await ask<TraceResponse>('/api/trace', {
      ...ASKED,
      nodeShare: 0.8,
      edgeShare: 0.98,
    });
    const [a, b, c] = nodes.filter(({ kind }) => kind === 'feature').map(({ key }) => key);
    const opened = await openGraph({
      pins: JSON.stringify([a]),
      supernodes: JSON.stringify([['pair', b, c]]),
    });
    const { page, errors } = opened;
    const asked = { ...ASKED, nodes: [a, b, c] };
    const { replacement } = await ask<{ replacement: number }>('/api/subgraph-scores', asked);
    await page
      .locator('.subgraph-scores', { hasText: `${(100 * replacement).toFixed(1)}%` })
      .waitFor();
    const part = page.locator(`.subgraph-node[data-node="${a}"]`);
    await part.scrollIntoViewIfNeeded();
    const placed = async () => {
      const found = JSON.parse((await opened.state()).get('subgraphAt') ?? '[]');
      return found as [string, number, number][];
    };
    const box = (await part.boundingBox())!;
    await page.mouse.move(box.x + 60, box.y + 26);
    await page.mouse.down();
    await page.mouse.move(box.x + 90, box.y + 26, { steps: 3 });
    await page.mouse.up();
    await page.waitForFunction(() => location.hash.includes('subgraphAt'));
    assert.equal((await placed())[0][0], a);
    const before = (await placed())[0][1];
    await part.focus();
    await page.keyboard.press('ArrowLeft');
    await addressHas(opened, 'subgraphAt', [[a, before - 12, (await placed())[0][2]]]);
    await page.keyboard.press('Home');
    await addressHas(opened, 'subgraphAt', null);
    await page.keyboard.press('F2');
    await page.keyboard.type('mine');
    await page.keyboard.press('Enter');
    await addressHas(opened, 'nodeLabels', [[a, 'mine']]);
    await page.locator('.subgraph-expand').click();
    await addressHas(opened, 'expanded', ['super:0']);
    await page.locator('.subgraph-member').first().click();
    await addressHas(opened, 'node', b);
    await part.focus();
    await page.keyboard.press('Delete');
    await addressHas(opened, 'pins', null);
    assert.deepEqual(errors, []);
  });

  test('an ablation: prediction beside measurement, validity, heads and scores', async () => {
    const { features } = await ask<FeaturesResponse>('/api/features', { ...ASKED, limit: 1 });
    const change = { nodes: [features[0].key!], factor: 0 };
    const { page, errors } = await openGraph({
      nodeShare: '100',
      node: features[0].key!,
      change: JSON.stringify(change),
      graphMode: 'direct',
      validity: 'yes',
    });
    const {
      targets: [{ predicted, measured }],
    } = await ask<GraphInterventionResponse>('/api/graph-intervention', {
      ...ASKED,
      changes: [{ node: change.nodes[0], factor: 0 }],
      mode: 'direct',
    });
    const shown = page.locator('.outcome td.number');
    await shown.first().waitFor();
    const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
    assert.equal(await shown.nth(0).textContent(), signed(predicted));
    assert.equal(await shown.nth(1).textContent(), signed(measured));
    await page.locator('.validity svg circle').first().waitFor();
    assert.match((await page.locator('.validity .scroll-x svg').textContent()) ?? '', /n = 24/);
    await page.locator('.heads-button').first().click();
    await page.locator('.graph-heads .cell-button').first().click();
    await page.locator('.graph-heads table').nth(1).waitFor();
    const svg = await saved(page, 'graph', 'SVG');
    assert.match(svg, /^<svg [^>]*xmlns/);
    assert.doesNotMatch(svg, /var\(--|NaN|undefined/);
    assert.match(await saved(page, 'graph', 'CSV'), /^source,source label,/);
    const json = JSON.parse(await saved(page, 'graph', 'JSON'));
    assert.match(json.provenance.command, /^glassbox trace /);
    assert.deepEqual(errors, []);
  });

  test('a public graph file opens with its pins, prunes, stays quick, and is written again', async () => {
    const { page, errors, state } = await openGraph();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Open a graph file' }).click(),
    ]);
    await chooser.setFiles(join(folder, 'large.json'));
    await page.locator('.graph-scores', { hasText: 'large.json' }).waitFor();
    const shown = await page.locator('.graph-nodes path').count();
    assert.ok(shown > 600, `${shown} nodes`);
    assert.equal(JSON.parse((await state()).get('pins')!).length, 1);
    assert.equal(JSON.parse((await state()).get('supernodes')!)[0][0], 'a pair');

    // Hover along a path for two seconds and count frames. What this machine does is told, not judged.
    const box = (await page.locator('.graph-picture').boundingBox())!;
    await page.evaluate(() => {
      const times: number[] = [];
      Object.assign(window, { frames: times });
      const tick = (now: number) => {
        times.push(now);
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    const [scrollWidth, began] = [Math.min(box.width, 900), Date.now()];
    let steps = 0;
    while (Date.now() - began < 2000) {
      const t = steps++ / 120;
      const x = box.x + 60 + (scrollWidth - 120) * (0.5 + 0.5 * Math.sin(3 * t));
      await page.mouse.move(x, box.y + 200 + 150 * Math.cos(2 * t));
    }
    const frames = await page.evaluate(() => (window as unknown as { frames: number[] }).frames);
    const gaps = frames.slice(1).map((time, i) => time - frames[i]);
    const sorted = [...gaps].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1);
    console.log(
      `hovering over ${shown} nodes: ${steps} moves, ${(1000 / (gaps.reduce((a, b) => a + b, 0) / gaps.length)).toFixed(0)} frames/s, gap ms median ${at(0.5)}, 95 % ${at(0.95)}`,
    );

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as a graph file' }).click(),
    ]);
    const file = parseGraphFile(JSON.parse(await readFile(await download.path(), 'utf8')));
    assert.equal(file.nodes.length, shown);
    assert.equal(file.qParams?.supernodes?.[0][0], 'a pair');

    const [again] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Open a graph file' }).click(),
    ]);
    const broken = { name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{') };
    await again.setFiles(broken);
    await page.locator('[role=alert]', { hasText: 'not JSON' }).waitFor();
    assert.deepEqual(errors, []);
  });

  test('features: the table, the card, a text of one’s own', async () => {
    const opened = await lab.open({
      ...ASKED,
      panel: 'features',
      ownText: 'Mary gave John the ball',
    });
    const { page, errors } = opened;
    const names = page.locator('.feature-name');
    await names.first().waitFor();
    const { features } = await ask<FeaturesResponse>('/api/features', { ...ASKED, limit: 4000 });
    const rows = await page.locator('.virtual table').getAttribute('aria-rowcount');
    assert.equal(Number(rows), features.length + 1);
    const { layer, index } = features[0];
    assert.equal(await names.first().textContent(), `L${layer} #${index}`);
    await names.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await addressHas(opened, 'feature', `${features[1].layer}.${features[1].index}`);
    await page.locator('.feature-card .shaded').nth(1).waitFor();
    await page.locator('.feature-figures svg').first().waitFor();
    assert.match(await saved(page, 'features', 'CSV'), /^layer,feature,dictionary,position/);
    assert.doesNotMatch(await saved(page, 'features', 'SVG'), /var\(--|NaN|undefined/);
    assert.deepEqual(errors, []);
  });

  test('a model without dictionaries gets one line that says how to make some', async () => {
    const bare = join(folder, 'bare');
    await mkdir(bare);
    await writeTinyModel(bare);
    const { page, errors } = await lab.open({ prompt: 'Alice met Tom', model: bare });
    const line = page.locator('.no-dictionaries');
    await line.waitFor();
    assert.match((await line.textContent()) ?? '', /glassbox dict train/);
    assert.equal(await page.locator('[data-panel=graph], [data-panel=features]').count(), 0);
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      line.getByRole('button').click(),
    ]);
    await chooser.setFiles(join(folder, 'large.json'));
    await page.locator('[data-panel=graph] .graph-nodes path').first().waitFor();
    assert.deepEqual(errors, []);
  });

  for (const [theme, lang] of [
    ['light', 'en'],
    ['dark', 'zh-Hant'],
    ['light', 'zh-Hans'],
  ]) {
    test(`nothing serious stands in a reader's way: ${theme}, ${lang}`, async () => {
      for (const panel of ['graph', 'features']) {
        const state = { ...ASKED, panel, theme, lang, node: 'E_0_0', nodeShare: '40' };
        const { page, errors } = await lab.open(state);
        await page.locator('.graph-nodes path, .feature-figures svg').first().waitFor();
        const found = await new AxeBuilder({ page }).include(`[data-panel=${panel}]`).analyze();
        const grave = found.violations.filter(({ impact }) =>
          ['serious', 'critical'].includes(impact ?? ''),
        );
        assert.deepEqual(
          grave.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          [],
        );
        assert.deepEqual(errors, []);
        await page.context().close();
      }
    });
  }
});
