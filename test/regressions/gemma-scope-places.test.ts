import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { loadAnyDictionary } from '../../src/microscope/dictionary/formats/index.ts';

const fixtures = join(import.meta.dirname, '../fixtures/dictionaries');
const NPZ = join(fixtures, 'gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_71/params.npz');
const SECOND =
  'gemma-scope-2-270m-pt/transcoder/layer_5_width_16k_l0_small_affine/params.safetensors';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-gemma-scope-'));
after(() => rm(scratch, { recursive: true }));

async function placeOf(from: string, path: string) {
  const to = join(scratch, path);
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
  const { reads, writes } = (await loadAnyDictionary(to)).dictionaries[0].config;
  return [...reads, ...writes];
}

// The transcoders of the first release were taken to read behind the norm's gain, which they hold themselves, and attention's
// dictionaries to be of what attention adds to the stream.
test('dictionaries of Gemma Scope stand where its releases say', async () => {
  const first = (kind: string) =>
    placeOf(NPZ, `gemma-scope-2b-pt-${kind}/layer_3/width_16k/average_l0_71/params.npz`);
  assert.deepEqual(await first('transcoders'), [
    'blocks.3.ln2.hook_normalized',
    'blocks.3.hook_mlp_out',
  ]);
  const z = 'blocks.3.attn.hook_z';
  assert.deepEqual(await first('att'), [z, z]);
  const mlp = 'blocks.3.hook_mlp_out';
  assert.deepEqual(await first('mlp'), [mlp, mlp]);
  const stream = 'blocks.3.hook_resid_post';
  assert.deepEqual(await first('res'), [stream, stream]);
  assert.deepEqual(await placeOf(join(fixtures, SECOND), SECOND), [
    'blocks.5.mlp.hook_in',
    'blocks.5.hook_mlp_out',
  ]);
});

// Ahead of the norm behind the MLP, and in the stream behind it: in Gemma 2 and 3 these are two places.
test('a set that writes ahead of the norm behind an MLP of Gemma is refused', async () => {
  const folder = join(scratch, 'set');
  await cp(join(fixtures, 'circuit-tracer-set'), folder, { recursive: true });
  const config = await readFile(join(folder, 'config.yaml'), 'utf8');
  const named = (model: string) =>
    writeFile(
      join(folder, 'config.yaml'),
      config
        .replace(/^model_name:.*$/m, `model_name: ${model}`)
        .replace(/^feature_output_hook:.*$/m, 'feature_output_hook: mlp.hook_out'),
    );
  await named('google/gemma-2-2b');
  await assert.rejects(loadAnyDictionary(folder), {
    code: 'bad-dictionary',
    message: /mlp\.hook_out of google\/gemma-2-2b lies ahead of the norm/,
  });
  await named('google/gemma-2b');
  const { dictionaries } = await loadAnyDictionary(folder);
  assert.deepEqual(dictionaries[0].config.writes, ['blocks.0.hook_mlp_out']);
});
