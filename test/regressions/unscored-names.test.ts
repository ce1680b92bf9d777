import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startLab } from '../../src/lab/server.ts';
import { labClient } from '../../src/lab/testing/client.ts';
import { featureLabels } from '../../src/microscope/dictionary/labels/index.ts';
import { findModel } from '../../src/model/index.ts';
import { glassboxJson } from '../support/cli.ts';

const PROMPT = 'The river of the state containing Daekwell is';

// Features whose labels stay below the bars had a number on the page, and in files a label that nothing told from a
// confirmed one.
test('a feature without a confirmed label is named by what it fires on, marked, everywhere alike', async () => {
  const lab = await startLab({ port: 0, warm: false, page: null });
  const { post } = labClient(lab.url);
  const { nodes } = (await post('/api/trace', { prompt: PROMPT })).body;
  await lab.close();
  const { graph } = await glassboxJson('trace', PROMPT);
  const clerps = new Map(
    graph.nodes.map((one: { node_id: string; clerp: string }) => [one.node_id, one.clerp]),
  );
  const { folder } = await findModel('glassbox-atlas');
  const labels = await featureLabels(`${folder}/dictionaries`);
  let [confirmed, marked] = [0, 0];
  for (const { kind, key, layer, index, label, unscored } of nodes) {
    if (kind !== 'feature') continue;
    const found = labels(layer, index);
    const isConfirmed = found !== null && found.source !== 'weak';
    assert.equal(unscored ?? false, !isConfirmed);
    assert.match(label ?? '', isConfirmed ? /^[^?]/ : /^\? .*'/);
    assert.equal(clerps.get(key), label);
    if (isConfirmed) confirmed++;
    else marked++;
  }
  assert.ok(confirmed > 0 && marked > 0, `${confirmed} confirmed, ${marked} marked`);
});
