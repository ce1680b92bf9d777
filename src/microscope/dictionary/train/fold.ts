import type { Dictionary, DictionaryConfig } from '../types.ts';
import { type Arrays, array } from './params.ts';
import { activationOf, biasOwner, type DictionaryTask } from './rule.ts';

/**
 * The dictionaries of a task from its training parameters: encoders turned round to `[d_in, d_dict]` and the
 * scaling of activations folded in, so that they take and give activations as the model has them
 * (W_enc · s, W_dec / s, b_dec / s; thresholds and b_enc live after the encoder and stay).
 *
 * @param options.thresholds fixed threshold of every part of a BatchTopK task
 */
export function foldedDictionaries(
  task: DictionaryTask,
  params: Readonly<Arrays>,
  options: {
    readonly scales: Readonly<Record<string, number>>;
    readonly thresholds: readonly number[];
    readonly model: DictionaryConfig['model'];
  },
): Dictionary[] {
  const { scales, thresholds, model } = options;
  const { dIn, dOut, dDict, rule } = task;
  const values = (name: string) => params[name].data as Float32Array;
  return task.parts.map(({ reads, writes }, part) => {
    const out: Arrays = {};
    reads.forEach((address, i) => {
      const data = transpose(values(`${part}.W_enc.${i}`), dDict, scales[address]);
      out[`W_enc.${i}`] = array(data, [dIn, dDict]);
    });
    writes.forEach((address, j) => {
      const factor = 1 / scales[address];
      const data = values(`${part}.W_dec.${j}`).map((value) => value * factor);
      out[`W_dec.${j}`] = array(data, [dDict, dOut]);
      const owner = biasOwner(task, address);
      if (!owner.startsWith(`${part}.`)) return;
      const bias = values(owner).map((value) => value * factor);
      out[owner.slice(owner.indexOf('.') + 1)] = array(bias, [dOut]);
    });
    if (rule.kind === 'batchtopk') {
      const fixed = new Float32Array(dDict).fill(thresholds[part]);
      out.threshold = array(fixed, [dDict]);
    }
    for (const name of ['b_enc', 'b_gate', 'b_mag', 'r_mag', 'threshold']) {
      const value = params[`${part}.${name}`];
      if (value) out[name] = array((value.data as Float32Array).slice(), value.shape);
    }
    if (task.skip) {
      const factor = scales[reads[0]] / scales[writes[0]];
      out.W_skip = array(
        values('0.W_skip').map((value) => value * factor),
        [dIn, dOut],
      );
    }
    const prefixes = rule.kind === 'batchtopk' ? rule.prefixes : undefined;
    const config: DictionaryConfig = {
      activation: activationOf(rule),
      reads,
      writes,
      dIn,
      dOut,
      dDict,
      centreInput: task.centreInput,
      skip: task.skip,
      scale: 1,
      ...(prefixes && { prefixes }),
      model,
    };
    return { config, params: out };
  });
}

/** `[rows, width]` to `[width, rows]`, times a factor. */
function transpose(data: Float32Array, rows: number, factor: number): Float32Array {
  const width = data.length / rows;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < width; d++) out[d * rows + row] = data[row * width + d] * factor;
  }
  return out;
}
