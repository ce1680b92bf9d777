import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { tensorData } from '../graph/build.ts';
import type { TensorData } from '../graph/op.ts';
import type { LinearHead } from './export-onnx.ts';
import type { Edit } from './run/edit-types.ts';
import { at, loadFixture, maxDifference } from './testing/fixtures.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-export-'));
after(() => rm(scratch, { recursive: true }));

async function run(path: string, rows: readonly (readonly number[])[]) {
  const session = await InferenceSession.create(path);
  const tokens = BigInt64Array.from(rows.flat(), BigInt);
  const feeds = { tokens: new Tensor('int64', tokens, [rows.length, rows[0].length]) };
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data, dims }]): [string, TensorData] => [
      name,
      { dtype: 'float32', shape: dims, data: data as Float32Array },
    ]),
  );
}

const ROWS = [
  [3, 14, 15, 9, 26],
  [40, 2, 7, 7, 1],
];

for (const name of ['gpt2', 'gemma3', 'gpt-neox', 'phi3-longrope-long']) {
  for (const externalBytes of [0, 2 ** 20]) {
    test(`${name} runs elsewhere with its edits and heads, external above ${externalBytes} bytes`, async () => {
      const model = await loadFixture(name);
      const { dModel, dVocab } = model.config;
      const vector = Float32Array.from({ length: dModel }, (_, i) => Math.sin(3 * i));
      const edits: Edit[] = [
        { at: 'blocks.0.hook_resid_post', op: 'add', vector, strength: 2, positions: [1, -1] },
        { at: 'blocks.0.attn.hook_z', op: 'zero', heads: [1] },
        { at: 'blocks.0.hook_mlp_out', op: 'project', direction: vector },
        { at: 'blocks.0.mlp.hook_post', op: 'mean', over: 'positions' },
      ];
      const site = 'blocks.0.hook_resid_post';
      const probe: LinearHead = {
        name: 'probe',
        at: site,
        weight: tensorData(
          Array.from({ length: 2 * dModel }, (_, i) => Math.cos(i)),
          [dModel, 2],
        ),
        bias: tensorData([0.5, -1], [2]),
      };
      const path = join(scratch, `${name}-${externalBytes}.onnx`);
      const written = await model.exportOnnx(path, {
        edits,
        heads: [probe],
        record: 'blocks.0.attn.hook_pattern',
        externalBytes,
      });
      assert.deepEqual(written.inputs, ['tokens']);
      assert.equal(written.dataPath, externalBytes === 0 ? `${path}.data` : null);
      const size = (await stat(path)).size;
      const dataSize = written.dataPath ? (await stat(written.dataPath)).size : 0;
      assert.ok(size + dataSize >= written.bytes);
      const ours = await model.runWithEdits(ROWS, edits, [site, 'blocks.0.attn.hook_pattern']);
      const theirs = await run(path, ROWS);
      assert.deepEqual(theirs.logits.shape, [2, 5, dVocab]);
      assert.ok(maxDifference(theirs.logits, ours.logits) < 1e-4);
      assert.ok(
        maxDifference(
          theirs['blocks.0.attn.hook_pattern'],
          ours.cache['blocks.0.attn.hook_pattern'],
        ) < 1e-5,
      );
      const x = at(ours.cache[site], 1, 2);
      const value = x.reduce((sum, v, i) => sum + v * Math.cos(2 * i), 0.5);
      assert.ok(Math.abs(at(theirs.probe, 1, 2)[0] - value) < 1e-4);
      // The same file serves other batch sizes and lengths.
      const other = await run(path, [[5, 6]]);
      assert.ok(
        maxDifference(other.logits, (await model.runWithEdits([5, 6], edits)).logits) < 1e-4,
      );
      await model.release();
    });
  }
}

test('what belongs to one run is refused', async () => {
  const model = await loadFixture('gpt2');
  const { cache } = await model.runWithCache([1, 2, 3, 4], 'hook_embed');
  const path = join(scratch, 'refused.onnx');
  const edits: Edit[] = [
    { at: 'hook_embed', op: 'zero', batch: [0] },
    { at: 'hook_embed', op: 'zero', positions: 'generated' },
    {
      at: 'hook_embed',
      op: 'patch',
      from: tensorData(new Array(6 * model.config.dModel).fill(0), [2, 3, model.config.dModel]),
    },
  ];
  for (const edit of edits) {
    await assert.rejects(model.exportOnnx(path, { edits: [edit] }), { code: 'bad-export' });
  }
  await assert.rejects(
    model.exportOnnx(path, { edits: [{ at: 'hook_embed', op: 'patch', from: cache }] }),
    { code: 'bad-edit-shape' },
  );
  const weight = tensorData([1, 2], [1, 2]);
  const heads = [{ name: 'probe', at: 'hook_embed', weight }];
  await assert.rejects(model.exportOnnx(path, { heads }), { code: 'bad-export' });
  await assert.rejects(model.exportOnnx(join(scratch, 'no', 'folder.onnx')), {
    code: 'write-failed',
  });
});
