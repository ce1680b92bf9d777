import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { circuitFromJson } from '../../src/microscope/circuits/index.ts';
import { refusal } from '../support/cli.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-circuit-files-'));
after(() => rm(scratch, { recursive: true }));

const cfg = { n_layers: 4, n_heads: 6, parallel_attn_mlp: false, d_model: 192 };
const edges = { 'input->logits': { score: 1, in_graph: true } };

// A file that claimed 100,000 layers ended the process without a word.
test('sizes beyond memory are refused before anything is built', () => {
  for (const size of [{ n_layers: 100_000 }, { n_heads: 1e6 }, { n_layers: 1e9, n_heads: 1e9 }]) {
    assert.throws(() => circuitFromJson({ cfg: { ...cfg, ...size }, nodes: {}, edges }), {
      code: 'bad-circuit',
    });
  }
  const small = { ...cfg, n_layers: 12, n_heads: 12 };
  assert.equal(circuitFromJson({ cfg: small, nodes: {}, edges }).graph.edges.length, 32_491);
});

// MLPs beside attention have fewer edges, so a file of such a model was judged on another graph.
test('a circuit of a model with parallel blocks is not one of a model without', async () => {
  const file = join(scratch, 'parallel.json');
  const document = { cfg: { ...cfg, parallel_attn_mlp: true }, nodes: {}, edges };
  await writeFile(file, JSON.stringify(document));
  assert.equal(await refusal('circuit', 'eval', file, '--ioi', '2'), 'circuit-mismatch');
});
