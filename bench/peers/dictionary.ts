import { join } from 'node:path';
import { Rng } from '../../src/base/rng.ts';
import { writeSafetensors } from '../../src/base/safetensors/index.ts';
import { autoencoder, createDictionaryTrainer } from '../../src/microscope/dictionary/index.ts';
import { nodeRuntime } from '../../src/runtime/node/index.ts';
import { relativeDistance } from './compare.ts';
import { uniform } from './inputs.ts';
import type { Bench } from './types.ts';

const LEARNING_RATE = 1e-4;

function transposed(data: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  }
  return out;
}

/** One training step of a TopK dictionary beside two libraries' trainers, from the same start. */
export const dictionaryBench: Bench = {
  about: 'dictionary training step, TopK k 32, d 512 → 16,384, batch 4,096',
  bar: 1.5,
  peers: ['dictionary-learning', 'sae-lens', 'sae-lens-sparse'],
  async prepare({ folder, threads, tiny }) {
    const [width, dDict, rows, k] = tiny ? [16, 64, 32, 4] : [512, 16_384, 4096, 32];
    const x = uniform([rows, width], 1, new Rng(0)).data as Float32Array;
    const trainer = await createDictionaryTrainer({
      task: autoencoder({ name: 'bench', rule: { kind: 'topk', k }, width, dDict, at: 'x' }),
      runtime: nodeRuntime({ threads }),
      rows,
      statistics: { x: { mean: new Float32Array(width), meanNorm: Math.sqrt(width) } },
      scales: { x: 1 },
    });
    /** Our parameters under the names of the peers, features in the rows of both weights. */
    const parameters = (): Record<string, Float32Array> => {
      const { params } = trainer.state();
      const data = (name: string) => (params[name].data as Float32Array).slice();
      return {
        W_enc: data('0.W_enc.0'),
        W_dec: data('0.W_dec.0'),
        b_enc: data('0.b_enc'),
        b_dec: data('0.b_dec.0'),
      };
    };
    const start = parameters();
    await writeSafetensors(join(folder, 'dictionary.safetensors'), {
      x: { shape: [rows, width], data: x },
      W_enc: { shape: [width, dDict], data: transposed(start.W_enc, dDict, width) },
      W_dec: { shape: [dDict, width], data: start.W_dec },
      b_dec: { shape: [width], data: start.b_dec },
    });
    let told = '';
    return {
      settings: { width, features: dDict, k, lr: LEARNING_RATE },
      async run() {
        const { mse } = await trainer.step({ x }, { lr: LEARNING_RATE });
        told = `squared error ${mse.toFixed(4)}`;
        return told;
      },
      async compare(peer, saved) {
        const own = parameters();
        const list = [];
        for (const name of ['W_enc', 'W_dec', 'b_enc', 'b_dec']) {
          const { data } = await saved.readTensor(name);
          const theirs =
            name === 'W_enc'
              ? transposed(data as Float32Array, width, dDict)
              : (data as Float32Array);
          const difference = relativeDistance(own[name], theirs, start[name]);
          // SAELens lets decoder norms drift, where we and dictionary_learning keep them.
          const limit = peer === 'dictionary-learning' ? 1e-2 : null;
          list.push({ what: `${name}, share of its change`, difference, limit });
        }
        return list;
      },
      release: () => trainer.release(),
    };
  },
};
