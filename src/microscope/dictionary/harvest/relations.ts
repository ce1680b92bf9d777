import {
  add,
  div,
  input,
  matmul,
  maximum,
  mean,
  mul,
  sqrt,
  square,
  sub,
  sum,
  topK,
} from '../../../graph/build.ts';
import type { Tensor, TensorData } from '../../../graph/op.ts';
import { createProgram } from '../../../graph/program.ts';
import type { Model } from '../../../model/model.ts';
import { reachesLogits } from '../data/source.ts';
import type { Dictionary } from '../types.ts';
import type { Chunk } from './chunk.ts';
import { BINS, LISTED } from './types.ts';

/** Features whose rows are worked on together. */
const AT_ONCE = 256;

/** Per feature: likest decoders, and the logits it raises and lowers most. Arrays are `[d_dict, n]`. */
export interface StaticRelations {
  readonly neighbours: { readonly index: Int32Array; readonly value: Float32Array };
  readonly top: { readonly index: Int32Array; readonly value: Float32Array };
  readonly bottom: { readonly index: Int32Array; readonly value: Float32Array };
  /** Counts of logits, `[d_dict, BINS]`, over the range from `low` to `high`, `[d_dict]`. */
  readonly logits: {
    readonly counts: Int32Array;
    readonly low: Float32Array;
    readonly high: Float32Array;
  };
}

/**
 * Compares every decoder with every other and with the unembedding. The last address written decides for
 * dictionaries that write several.
 */
export async function staticRelations(
  model: Model,
  dictionary: Dictionary,
): Promise<StaticRelations> {
  const { dDict, dOut, writes } = dictionary.config;
  const { config, params, runtime } = model;
  const decoder = dictionary.params[`W_dec.${writes.length - 1}`];
  const rows = input('rows', ['n', dOut]);
  const all = input('all', [dDict, dOut]);
  const unit = (x: Tensor) => {
    const length = sqrt(sum(square(x), { axes: -1, keepDims: true }));
    // A decoder row of zeros is like nothing, itself included.
    return div(x, maximum(length, 1e-12));
  };
  const near = topK(
    matmul(unit(rows), unit(all), { transposeB: true }),
    Math.min(LISTED + 1, dDict),
  );
  const outputs: Record<string, Tensor> = { nearValue: near.values, nearIndex: near.indices };
  const reaches = reachesLogits(model, writes[writes.length - 1]);
  const unembedding = config.tieEmbeddings ? 'embed.weight' : 'unembed.weight';
  const count = Math.min(LISTED, config.dVocab);
  if (reaches) {
    const weight = input('ln_final.weight', [config.dModel]);
    const vocabulary = input(unembedding, params[unembedding].shape);
    // Layer norm takes the mean of its input away; the gain of Gemma's norms is more than their weight.
    const isLayer = config.norm === 'layer';
    const centred = isLayer ? sub(rows, mean(rows, { axes: -1, keepDims: true })) : rows;
    const gain = isLayer || config.rmsOffset === 0 ? weight : add(weight, config.rmsOffset);
    const raw = matmul(mul(centred, gain), vocabulary, { transposeB: true });
    const logits = sub(raw, mean(raw, { axes: -1, keepDims: true }));
    const [top, bottom] = [topK(logits, count), topK(mul(logits, -1), count)];
    outputs.logits = logits;
    outputs.topValue = top.values;
    outputs.topIndex = top.indices;
    outputs.bottomValue = mul(bottom.values, -1);
    outputs.bottomIndex = bottom.indices;
  }
  const executable = await runtime.compile(createProgram(outputs));
  const lists = () => ({
    index: new Int32Array(dDict * LISTED).fill(-1),
    value: new Float32Array(dDict * LISTED),
  });
  const result: StaticRelations = {
    neighbours: lists(),
    top: lists(),
    bottom: lists(),
    logits: {
      counts: new Int32Array(dDict * BINS),
      low: new Float32Array(dDict),
      high: new Float32Array(dDict),
    },
  };
  const fixed: Record<string, TensorData> = { all: decoder };
  if (reaches) {
    fixed['ln_final.weight'] = params['ln_final.weight'];
    fixed[unembedding] = params[unembedding];
  }
  const data = decoder.data as Float32Array;
  for (let start = 0; start < dDict; start += AT_ONCE) {
    const n = Math.min(AT_ONCE, dDict - start);
    const slice = data.subarray(start * dOut, (start + n) * dOut);
    const out = await executable.run({
      ...fixed,
      rows: { dtype: 'float32', shape: [n, dOut], data: slice },
    });
    for (let i = 0; i < n; i++) {
      const feature = start + i;
      copyList(result.neighbours, feature, listAt(out.nearIndex, out.nearValue, i), feature);
      if (!reaches) continue;
      copyList(result.top, feature, listAt(out.topIndex, out.topValue, i));
      copyList(result.bottom, feature, listAt(out.bottomIndex, out.bottomValue, i));
      const width = config.dVocab;
      const row = (out.logits.data as Float32Array).subarray(i * width, (i + 1) * width);
      fillHistogram(result.logits, feature, row);
    }
  }
  await executable.release();
  return result;
}

function listAt(index: TensorData, value: TensorData, row: number): [number, number][] {
  const width = index.shape[1];
  return Array.from({ length: width }, (_, i) => [
    Number(index.data[row * width + i]),
    Number(value.data[row * width + i]),
  ]);
}

function copyList(
  to: { readonly index: Int32Array; readonly value: Float32Array },
  feature: number,
  list: readonly (readonly [number, number])[],
  without?: number,
): void {
  const kept = list.filter(([index, value]) => index !== without && Number.isFinite(value));
  kept.slice(0, LISTED).forEach(([index, value], i) => {
    to.index[feature * LISTED + i] = index;
    to.value[feature * LISTED + i] = value;
  });
}

function fillHistogram(to: StaticRelations['logits'], feature: number, values: Float32Array): void {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  to.low[feature] = low;
  to.high[feature] = high;
  const step = (high - low) / BINS || 1;
  for (const value of values) {
    to.counts[feature * BINS + Math.min(BINS - 1, Math.floor((value - low) / step))]++;
  }
}

/** Memory for sums of products. */
const PRODUCT_BYTES = 128 << 20;

/**
 * The features whose activations correlate most with each, by Pearson's r over all counted tokens. Only pairs that
 * fire together are looked at, in blocks of features that fit into memory.
 *
 * @param chunks gives every chunk, as often as it is called
 */
export async function correlations(options: {
  readonly dDict: number;
  readonly counted: number;
  readonly chunks: () => AsyncIterable<Chunk>;
}): Promise<{ readonly index: Int32Array; readonly value: Float32Array }> {
  const { dDict, counted, chunks } = options;
  const [sums, squares] = [new Float64Array(dDict), new Float64Array(dDict)];
  for await (const { feature, value } of chunks()) {
    for (let i = 0; i < feature.length; i++) {
      sums[feature[i]] += value[i];
      squares[feature[i]] += value[i] ** 2;
    }
  }
  const spread = squares.map((square, f) => Math.sqrt(square - sums[f] ** 2 / counted));
  const out = {
    index: new Int32Array(dDict * LISTED).fill(-1),
    value: new Float32Array(dDict * LISTED),
  };
  const block = Math.max(1, Math.min(dDict, Math.floor(PRODUCT_BYTES / (8 * dDict))));
  for (let first = 0; first < dDict; first += block) {
    const last = Math.min(dDict, first + block);
    const products = new Float64Array((last - first) * dDict);
    for await (const chunk of chunks()) addProducts(products, chunk, { first, last, dDict });
    for (let f = first; f < last; f++) {
      const row = products.subarray((f - first) * dDict, (f - first + 1) * dDict);
      const list: [number, number][] = [];
      row.forEach((product, g) => {
        if (product === 0 || g === f) return;
        const r = (product - (sums[f] * sums[g]) / counted) / (spread[f] * spread[g]);
        // A feature that never changes has no correlation, and what is no number cannot be sorted.
        if (Number.isFinite(r)) list.push([g, r]);
      });
      list.sort((a, b) => b[1] - a[1]);
      copyList(out, f, list);
    }
  }
  return out;
}

function addProducts(
  products: Float64Array,
  { token, feature, value }: Chunk,
  range: { readonly first: number; readonly last: number; readonly dDict: number },
): void {
  const { first, last, dDict } = range;
  for (let start = 0; start < token.length; ) {
    let end = start;
    while (end < token.length && token[end] === token[start]) end++;
    for (let i = start; i < end; i++) {
      if (feature[i] < first || feature[i] >= last) continue;
      const row = (feature[i] - first) * dDict;
      for (let j = start; j < end; j++) products[row + feature[j]] += value[i] * value[j];
    }
    start = end;
  }
}
