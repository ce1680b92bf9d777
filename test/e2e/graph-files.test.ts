import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { ROOT } from '../../scripts/lib/run.ts';
import { parseGraphFile } from '../../src/microscope/graph/file.ts';
import { type LabPage, openLabPage } from '../support/lab-page.ts';

describe('graph files of another program on the page', () => {
  let lab: LabPage;
  let source: ReturnType<typeof parseGraphFile>;

  before(async () => {
    const path = join(ROOT, 'test/fixtures/graphs/circuit-tracer-per-layer/graph.json');
    source = JSON.parse(await readFile(path, 'utf8'));
    lab = await openLabPage();
  });
  after(() => lab?.close());

  async function give(page: Page, name: string, file: object): Promise<void> {
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Open a graph file' }).click(),
    ]);
    const buffer = Buffer.from(JSON.stringify(file));
    await chooser.setFiles({ name, mimeType: 'application/json', buffer });
  }

  test('circuit-tracer’s graph opens whole, with what was saved in its front end, and is saved again', async () => {
    const { page, errors, state } = await lab.open({ panel: 'graph' });
    const qParams = {
      pinnedIds: '0_1_10,E_389_6',
      supernodes: '[["two of them","0_5_10","0_6_10"]]',
      clerps: '[["20","about foxes"]]',
      clickedId: '3_234_10',
      sg_pos: '1 2',
    };
    await give(page, 'theirs.json', { ...source, qParams });
    const scores = page.locator('.graph-scores', { hasText: 'theirs.json' });
    await scores.waitFor();
    assert.equal(await page.locator('.graph-nodes path').count(), source.nodes.length);
    const all = `${source.nodes.length} of ${source.nodes.length} nodes`;
    assert.ok((await scores.textContent())?.includes(all), (await scores.textContent()) ?? '');
    assert.deepEqual(JSON.parse((await state()).get('pins')!), ['0_1_10', 'E_389_6']);
    assert.deepEqual(JSON.parse((await state()).get('supernodes')!), [
      ['two of them', '0_5_10', '0_6_10'],
    ]);
    assert.equal((await state()).get('node'), '3_234_10');
    const panel = page.locator('[data-panel=graph]');
    await panel.getByText('two of them').first().waitFor();
    // The feature and the error that share an id both feed the chosen output, with their own weights.
    // The weakest inputs are listed when they are asked for.
    await panel
      .getByRole('button', { name: /show all$/ })
      .first()
      .click();
    await panel.getByText('about foxes').first().waitFor();
    const text = (await panel.textContent()) ?? '';
    assert.match(text, /1\.82/);
    assert.match(text, /−0\.31|−0\.32/);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as a graph file' }).click(),
    ]);
    const saved = parseGraphFile(JSON.parse(await readFile(await download.path(), 'utf8')));
    assert.deepEqual(saved.metadata, source.metadata);
    assert.equal(saved.qParams?.sg_pos, '1 2');
    assert.equal(new Set(saved.nodes.map(({ node_id }) => node_id)).size, source.nodes.length);
    assert.equal(saved.links.length, source.links.length);
    assert.deepEqual(errors, []);
  });

  test('attention nodes and ids that are no nodes are named; a link into nothing is an error', async () => {
    const { page, errors } = await lab.open({ panel: 'graph' });
    const lorsa = { ...source.nodes[1], node_id: '0_7_3', feature_type: 'lorsa', ctx_idx: 3 };
    const odd = { ...source.nodes[1], node_id: 'n', feature_type: 'neuron' };
    await give(page, 'odd.json', {
      ...source,
      qParams: { pinnedIds: ['gone'] },
      nodes: [...source.nodes, lorsa, odd],
    });
    const scores = page.locator('.graph-scores', { hasText: 'odd.json' });
    await scores.waitFor();
    const told = (await scores.textContent()) ?? '';
    assert.match(told, /1 nodes of attention dictionaries/);
    assert.match(told, /1 pinned or grouped ids are no nodes/);
    assert.match(told, /1 nodes are of kinds not drawn here/);
    const links = [{ source: 'nowhere', target: '1_3_10', weight: 1 }];
    await give(page, 'dangling.json', { ...source, links });
    await page.locator('[role=alert]', { hasText: 'a link ends at nowhere' }).waitFor();
    assert.deepEqual(errors, []);
  });
});
