/**
 * Writes random dictionaries in the forms of other projects, with what Glassbox computes from them, for
 * check_interop.py to load with those projects' own code.
 *
 * Usage: node scripts/reference/write_interop.ts FOLDER
 */
import { join } from 'node:path';
import { Rng } from '../../src/base/rng.ts';
import { writeSafetensors } from '../../src/base/safetensors/index.ts';
import {
  saveCircuitTracer,
  saveDictionaryLearning,
  saveSaeLens,
  saveSparsify,
} from '../../src/microscope/dictionary/formats/index.ts';
import { runDictionary } from '../../src/microscope/dictionary/run.ts';
import {
  type Dictionary,
  type DictionaryActivation,
  type DictionaryConfig,
  dictionaryShapes,
} from '../../src/microscope/dictionary/types.ts';
import { referenceRuntime } from '../../src/runtime/index.ts';

const [WIDTH, FEATURES, ROWS, LAYERS] = [6, 10, 5, 3];
const rng = new Rng(11);
const draw = (shape: readonly number[], scale = 0.6) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, () => rng.normal() * scale);
};
const x = draw([ROWS, WIDTH], 1.5);

function dictionary(activation: DictionaryActivation, more: Partial<DictionaryConfig> = {}) {
  const config: DictionaryConfig = {
    activation,
    reads: ['blocks.1.hook_resid_post'],
    writes: ['blocks.1.hook_resid_post'],
    dIn: WIDTH,
    dOut: WIDTH,
    dDict: FEATURES,
    centreInput: true,
    skip: false,
    scale: 1,
    model: { name: 'gpt2', hash: null },
    ...more,
  };
  const params = Object.fromEntries(
    Object.entries(dictionaryShapes(config)).map(([name, shape]) => {
      const data = draw(shape);
      const positive = name !== 'threshold' ? data : data.map(Math.abs);
      const same = activation.kind === 'batchtopk' && name === 'threshold';
      return [
        name,
        { dtype: 'float32' as const, shape, data: same ? positive.fill(0.4) : positive },
      ];
    }),
  );
  return { config, params } satisfies Dictionary;
}

async function expect(folder: string, dictionaries: readonly Dictionary[]): Promise<void> {
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {
    x: { shape: [ROWS, WIDTH], data: x },
  };
  for (const [layer, one] of dictionaries.entries()) {
    const { acts, outputs } = await runDictionary(referenceRuntime, one, [x]);
    tensors[`acts.${layer}`] = { shape: [ROWS, FEATURES], data: acts };
    outputs.forEach((data, j) => {
      const name = `out.${layer + j}`;
      const before = tensors[name]?.data;
      const sum = before ? data.map((value, i) => value + before[i]) : data;
      tensors[name] = { shape: [ROWS, one.config.dOut], data: sum };
    });
  }
  await writeSafetensors(join(folder, 'expected.safetensors'), tensors);
}

const [out] = process.argv.slice(2);
if (!out) throw new Error('give a folder');
const jumprelu = { kind: 'jumprelu' } as const;
const across = {
  reads: ['blocks.1.mlp.hook_in'],
  writes: ['blocks.1.hook_mlp_out'],
  centreInput: false,
} as const;
const autoencoders: Record<string, Dictionary> = {
  relu: dictionary({ kind: 'relu' }),
  'relu-plain': dictionary({ kind: 'relu' }, { centreInput: false }),
  'relu-scaled': dictionary({ kind: 'relu' }, { scale: 1.7 }),
  gated: dictionary({ kind: 'gated' }),
  'gated-plain': dictionary({ kind: 'gated' }, { centreInput: false }),
  topk: dictionary({ kind: 'topk', k: 3 }),
  batchtopk: dictionary({ kind: 'batchtopk', k: 3 }),
  matryoshka: dictionary({ kind: 'batchtopk', k: 3 }, { prefixes: [4, 10] }),
  jumprelu: dictionary(jumprelu),
};
for (const [name, one] of Object.entries(autoencoders)) {
  for (const [project, save] of [
    ['saelens', saveSaeLens],
    ['dictionary_learning', saveDictionaryLearning],
  ] as const) {
    const folder = join(out, project, name);
    await save(folder, one);
    await expect(folder, [one]);
  }
}
const others: Record<string, Dictionary> = {
  'layer-norm': dictionary({ kind: 'relu' }, { normalise: 'layer-norm' }),
  'constant-norm': dictionary({ kind: 'gated' }, { normalise: 'constant-norm' }),
  transcoder: dictionary({ kind: 'relu' }, { ...across, dOut: 4 }),
  'transcoder-layer-norm': dictionary({ kind: 'relu' }, { ...across, normalise: 'layer-norm' }),
  'skip-transcoder': dictionary({ kind: 'relu' }, { ...across, dOut: 4, skip: true }),
  'jumprelu-transcoder': dictionary(jumprelu, { ...across, dOut: 4 }),
  'jumprelu-skip-transcoder': dictionary(jumprelu, { ...across, dOut: 4, skip: true }),
};
for (const [name, one] of Object.entries(others)) {
  const folder = join(out, 'saelens', name);
  await saveSaeLens(folder, one);
  await expect(folder, [one]);
}
const ranked: Record<string, Dictionary> = {
  topk: autoencoders.topk,
  'topk-plain-scaled': dictionary({ kind: 'topk', k: 3 }, { centreInput: false, scale: 1.7 }),
  groupmax: dictionary({ kind: 'groupmax', k: 5 }),
  transcoder: dictionary({ kind: 'topk', k: 3 }, across),
  'skip-transcoder': dictionary({ kind: 'groupmax', k: 2 }, { ...across, skip: true }),
};
for (const [name, one] of Object.entries(ranked)) {
  const folder = join(out, 'sparsify', name);
  await saveSparsify(folder, [one]);
  await expect(folder, [one]);
}
const kinds: Record<string, readonly Partial<DictionaryConfig>[]> = {
  relu: [{}, {}, {}],
  skip: [{}, { skip: true }, {}],
};
const layersOf = (activation: DictionaryActivation, more: readonly Partial<DictionaryConfig>[]) =>
  more.map((config, layer) =>
    dictionary(activation, {
      reads: [`blocks.${layer}.mlp.hook_in`],
      writes: [`blocks.${layer}.hook_mlp_out`],
      centreInput: false,
      ...config,
    }),
  );
const sets: Record<string, Dictionary[]> = {
  relu: layersOf({ kind: 'relu' }, kinds.relu),
  skip: layersOf(jumprelu, kinds.skip),
};
for (const [name, dictionaries] of Object.entries(sets)) {
  const folder = join(out, 'circuit-tracer', name);
  await saveCircuitTracer(folder, { kind: 'per-layer', dictionaries });
  await expect(folder, dictionaries);
}
for (const activation of [{ kind: 'relu' }, jumprelu] as const) {
  const writes = Array.from({ length: LAYERS }, (_, layer) => ({
    writes: Array.from({ length: LAYERS - layer }, (__, j) => `blocks.${layer + j}.hook_mlp_out`),
  }));
  const dictionaries = layersOf(activation, writes);
  const folder = join(out, 'circuit-tracer', `clt-${activation.kind}`);
  await saveCircuitTracer(folder, { kind: 'cross-layer', dictionaries });
  await expect(folder, dictionaries);
}
