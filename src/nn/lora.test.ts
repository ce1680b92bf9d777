import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Rng } from '../base/rng.ts';
import { matmul, tensorData } from '../graph/build.ts';
import { createProgram } from '../graph/program.ts';
import { nodeRuntime } from '../runtime/node/index.ts';
import { init } from './init.ts';
import { lora, loraSpecs, mergeLora, withLora } from './lora.ts';
import { readLora, writeLora } from './lora-files.ts';
import { meanSquaredError } from './losses.ts';
import { adam } from './optimisers.ts';
import { initParams, type ParamLookup, type Params, paramInputs } from './params.ts';
import { createTrainer } from './trainer.ts';

const IN = 6;
const OUT = 4;
const normal = init.normal({ std: 1 });
const weightsOf = (inAxis: 0 | 1) =>
  initParams(
    {
      'up.weight': { shape: inAxis === 0 ? [IN, OUT] : [OUT, IN], init: normal },
      'norm.weight': { shape: [OUT], init: normal },
    },
    new Rng(3),
  );
const x = tensorData(Array.from(normal([8, IN], new Rng(5))), [8, IN]);

async function apply(lookup: ParamLookup, feeds: Params, inAxis: 0 | 1): Promise<number[]> {
  const out = matmul(paramInputs({ x })('x'), lookup('up.weight'), { transposeB: inAxis === 1 });
  const executable = await nodeRuntime().compile(createProgram({ out }));
  const names = executable.program.inputs.map(({ attrs }) => attrs.name);
  const all: Params = { ...feeds, x };
  const result = await executable.run(Object.fromEntries(names.map((n) => [n, all[n]])));
  const values = Array.from(result.out.data, Number);
  await executable.release();
  return values;
}

for (const inAxis of [0, 1] as const) {
  describe(`LoRA on a weight ${inAxis === 0 ? '[in, out]' : '[out, in]'}`, () => {
    const weights = weightsOf(inAxis);
    const adapter = lora(weights, 'up.weight', { rank: 2, alpha: 6, inAxis });
    const specs = loraSpecs([adapter]);

    it('starts as the unchanged model', async () => {
      const all = { ...weights, ...initParams(specs, new Rng(1)) };
      const lookup = paramInputs(all);
      assert.deepEqual(
        await apply(withLora(lookup, [adapter]), all, inAxis),
        await apply(lookup, weights, inAxis),
      );
      assert.equal(withLora(lookup, [adapter])('norm.weight'), lookup('norm.weight'));
    });

    const random = Object.fromEntries(
      Object.entries(specs).map(([name, { shape }]) => [name, { shape, init: normal }]),
    );
    const trained = initParams(random, new Rng(2));
    const merged = mergeLora(weights, trained, [adapter]);

    it('merged weights give what the adapter gives', async () => {
      const all = { ...weights, ...trained };
      const adapted = await apply(withLora(paramInputs(all), [adapter]), all, inAxis);
      const plain = await apply(paramInputs(merged), merged, inAxis);
      adapted.forEach((value, i) => {
        assert.ok(Math.abs(value - plain[i]) < 1e-4, `${value} is not ${plain[i]}`);
      });
      assert.notDeepEqual(merged['up.weight'].data, weights['up.weight'].data);
      assert.equal(merged['norm.weight'], weights['norm.weight']);
    });

    it('trains alone, and learns a rank-2 change of the weight', async () => {
      const y = tensorData(await apply(paramInputs(merged), merged, inAxis), [8, OUT]);
      const trainer = await createTrainer({
        runtime: nodeRuntime(),
        params: initParams(specs, new Rng(1)),
        fixed: weights,
        batch: {
          x: { shape: ['batch', IN], dtype: 'float32' },
          y: { shape: ['batch', OUT], dtype: 'float32' },
        },
        loss: (p, batch) => {
          const w = withLora(p, [adapter])('up.weight');
          return meanSquaredError(matmul(batch.x, w, { transposeB: inAxis === 1 }), batch.y);
        },
        optimiser: adam(),
      });
      assert.deepEqual(trainer.trained, ['up.weight.lora_A', 'up.weight.lora_B']);
      const before = weights['up.weight'].data.slice();
      let loss = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 400; i++) ({ loss } = await trainer.step([{ x, y }], 0.03));
      assert.ok(loss < 1e-4, `loss is still ${loss}`);
      assert.deepEqual(weights['up.weight'].data, before);
      await trainer.release();
    });
  });
}

describe('LoRA files', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glassbox-lora-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const weights = weightsOf(1);
  const adapters = [lora(weights, 'up.weight', { rank: 2, alpha: 4, inAxis: 1 })];
  const params = initParams(loraSpecs(adapters), new Rng(1));

  it('come back as they were written, under the names peft uses', async () => {
    await writeLora(folder, { adapters, params, baseModel: 'a/model' });
    const back = await readLora(folder, weights);
    assert.deepEqual(back.adapters, adapters);
    assert.deepEqual(back.params, params);
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
    assert.deepEqual([config.r, config.lora_alpha, config.target_modules], [2, 4, ['up']]);
    const bytes = await readFile(join(folder, 'adapter_model.safetensors'), 'latin1');
    assert.match(bytes, /"base_model\.model\.up\.lora_A\.weight"/);
  });

  it('made for another model are refused', async () => {
    await writeLora(folder, { adapters, params, baseModel: 'a/model' });
    const other = { 'down.weight': { shape: [4, 6] } };
    await assert.rejects(readLora(folder, other), { code: 'bad-adapter', message: /lora_A/ });
    const wider = { 'up.weight': { shape: [4, 7] } };
    await assert.rejects(readLora(folder, wider), { code: 'bad-adapter', message: /\[2, 7\]/ });
    await writeFile(join(folder, 'adapter_config.json'), '{"peft_type":"IA3"}');
    await assert.rejects(readLora(folder, weights), { code: 'bad-adapter', message: /peft_type/ });
  });

  it('are refused for weights that cannot be adapted', () => {
    const bad = { code: 'bad-lora' };
    assert.throws(() => lora(weights, 'norm.weight', { rank: 1 }), bad);
    assert.throws(() => lora(weights, 'up.wieght', { rank: 1 }), { ...bad, remedy: /up\.weight/ });
    assert.throws(() => lora(weights, 'up.weight', { rank: 5 }), bad);
    assert.throws(() => lora(weights, 'up.weight', { rank: 0 }), bad);
  });
});
