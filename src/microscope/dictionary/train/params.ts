import { Rng } from '../../../base/rng.ts';
import type { TensorData } from '../../../graph/op.ts';
import type { DictionaryTask } from './rule.ts';
import { biasOwner, taskTargets } from './rule.ts';

/** Arrays by name. */
export type Arrays = Record<string, TensorData>;

/** Mean row and mean length of activations, by address. */
export interface ActivationStatistics {
  /** `[width]` */
  readonly mean: Float32Array;
  readonly meanNorm: number;
}

export const array = (data: Float32Array, shape: readonly number[]): TensorData => ({
  dtype: 'float32',
  shape,
  data,
});

/**
 * First values of a task's parameters. While training, `W_enc` rows are features (`[d_dict, d_in]`, the transpose of
 * what a {@link Dictionary} holds), so that a sparse step touches whole rows. Names are `PART.NAME`.
 * Encoder rows start as decoder rows (Gao et al. 2024); decoders have length 1 for top-k kinds and .1
 * otherwise (Conerly et al. 2024); biases of reconstruction start at the mean. Where inputs are not centred, encoder
 * biases start at −W_enc · mean, so that every feature begins at zero for the mean input: without that, features
 * pointing away from a large mean (more than half of the squared length at the inputs of some MLPs) would never fire.
 *
 * @param scales what activations of each address are multiplied by before anything else
 */
export function initialParams(
  task: DictionaryTask,
  statistics: Readonly<Record<string, ActivationStatistics>>,
  scales: Readonly<Record<string, number>>,
): Arrays {
  const { rule, dIn, dOut, dDict, parts } = task;
  const out: Arrays = {};
  const vector = (value: number) => array(new Float32Array(dDict).fill(value), [dDict]);
  const length = rule.kind === 'topk' || rule.kind === 'batchtopk' ? 1 : 0.1;
  parts.forEach(({ reads, writes }, part) => {
    // Dictionaries of one run share a seed; with the same first weights, silent features of different layers
    // would look alike for ever.
    const [base] = task.name.split('@');
    const rng = new Rng(task.seed).fork(`${base} part ${part}`);
    const same = reads[0] === writes[0] && dIn === dOut;
    const decoders = writes.map(() =>
      randomRows(rng, dDict, dOut, length / Math.sqrt(writes.length)),
    );
    decoders.forEach((data, j) => {
      out[`${part}.W_dec.${j}`] = array(data, [dDict, dOut]);
    });
    reads.forEach((_, i) => {
      // A feature that reads what it writes starts by reading itself; a transcoder has no such guess.
      const data = same ? decoders[i].slice() : randomRows(rng, dDict, dIn, length);
      out[`${part}.W_enc.${i}`] = array(data, [dDict, dIn]);
    });
    if (rule.kind === 'gated') {
      for (const name of ['b_gate', 'b_mag', 'r_mag']) out[`${part}.${name}`] = vector(0);
    } else {
      const bias = vector(0);
      out[`${part}.b_enc`] = bias;
      if (!task.centreInput)
        reads.forEach((address, i) => {
          const scaled = statistics[address].mean.map((value) => value * scales[address]);
          subtractProjection(bias.data as Float32Array, out[`${part}.W_enc.${i}`].data, scaled);
        });
    }
    if (rule.kind === 'jumprelu') out[`${part}.threshold`] = vector(rule.threshold ?? 0.01);
    if (task.skip) out[`${part}.W_skip`] = array(new Float32Array(dIn * dOut), [dIn, dOut]);
  });
  for (const target of taskTargets(task)) {
    const scale = scales[target];
    const data = statistics[target].mean.map((value) => value * scale);
    out[biasOwner(task, target)] = array(data, [dOut]);
  }
  return out;
}

/** Takes rows · vector off a bias. */
function subtractProjection(
  bias: Float32Array,
  rows: TensorData['data'],
  vector: Float32Array,
): void {
  for (let row = 0; row < bias.length; row++) {
    let dot = 0;
    for (let d = 0; d < vector.length; d++) {
      dot += Number(rows[row * vector.length + d]) * vector[d];
    }
    bias[row] -= dot;
  }
}

/** Rows of independent directions, all of one length. */
function randomRows(rng: Rng, count: number, width: number, length: number): Float32Array {
  const out = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let d = row * width; d < (row + 1) * width; d++) {
      out[d] = rng.normal();
      square += out[d] ** 2;
    }
    const factor = length / Math.sqrt(square);
    for (let d = row * width; d < (row + 1) * width; d++) out[d] *= factor;
  }
  return out;
}
