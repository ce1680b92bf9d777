import { Rng } from '../../src/base/rng.ts';
import {
  type DictionaryActivation,
  type DictionaryConfig,
  type DictionarySet,
  dictionaryShapes,
} from '../../src/microscope/dictionary/types.ts';
import type { Model } from '../../src/model/index.ts';

/** Random dictionaries for every layer of a model. */
export function randomSet(
  model: Model,
  options: {
    readonly kind?: DictionarySet['kind'];
    readonly skip?: boolean;
    /** Features per layer, 12 unless told. */
    readonly width?: number;
    /** All positive pre-activations become features unless told. */
    readonly activation?: DictionaryActivation;
    /** What they read in their block, `mlp.hook_in` unless told. */
    readonly site?: string;
    /** 5 unless told. */
    readonly seed?: number;
  },
): DictionarySet {
  const { kind = 'per-layer', skip = false, width = 12 } = options;
  const { dModel, nLayers } = model.config;
  const rng = new Rng(options.seed ?? 5);
  const dictionaries = Array.from({ length: nLayers }, (_, layer) => {
    const last = kind === 'per-layer' ? layer + 1 : nLayers;
    const config: DictionaryConfig = {
      activation: options.activation ?? { kind: 'relu' },
      reads: [`blocks.${layer}.${options.site ?? 'mlp.hook_in'}`],
      writes: Array.from({ length: last - layer }, (_, j) => `blocks.${layer + j}.hook_mlp_out`),
      dIn: dModel,
      dOut: dModel,
      dDict: width,
      centreInput: false,
      skip,
      scale: 1,
      model: { name: model.name, hash: null },
    };
    const params = Object.fromEntries(
      Object.entries(dictionaryShapes(config)).map(([name, shape]) => {
        const data = Float32Array.from(
          { length: shape.reduce((a, b) => a * b) },
          () => rng.normal() * 0.3,
        );
        return [name, { dtype: 'float32' as const, shape, data }];
      }),
    );
    return { config, params };
  });
  return { kind, dictionaries };
}
