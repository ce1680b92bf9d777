import type { TensorData } from '../../graph/op.ts';
import type { Dictionary, DictionarySet } from '../dictionary/types.ts';
import type { Decomposition } from './features.ts';
import { sourcesName, writesOf } from './frozen.ts';

/** Where the vectors of `length` sources in a row lie: from `slot` on at `position` of a layer's sources. */
interface SourceRun {
  readonly column: number;
  readonly position: number;
  readonly slot: number;
  length: number;
}

/**
 * All sources of edges: features, then errors by layer and position, then tokens. `columns` is their
 * number; `feeds` are their vectors as the edge programs take them.
 */
export interface Sources {
  readonly columns: number;
  readonly firstError: number;
  readonly firstToken: number;
  readonly feeds: Readonly<Record<string, TensorData>>;
  /** Runs by the MLP output they write to. A feature of a cross-layer transcoder is in several. */
  readonly runs: readonly (readonly Readonly<SourceRun>[])[];
  /** Padded number of slots per layer. */
  readonly widths: readonly number[];
}

/** What one unit of a feature adds to the j-th address written: its decoder row, input scale undone. */
export function decoderVector(dictionary: Dictionary, index: number, j: number): Float32Array {
  const { dOut, scale } = dictionary.config;
  const weight = dictionary.params[`W_dec.${j}`].data as Float32Array;
  const row = weight.slice(index * dOut, (index + 1) * dOut);
  return scale === 1 ? row : row.map((value) => value / scale);
}

/** The direction a feature reads: the gradient of its pre-activation. */
export function encoderVector(dictionary: Dictionary, index: number): Float32Array {
  return encoderVectors(dictionary, [index]);
}

/** {@link encoderVector} of several features, `[features, d_in]`. */
export function encoderVectors(dictionary: Dictionary, indices: readonly number[]): Float32Array {
  const { dIn, dDict, scale, activation } = dictionary.config;
  const weight = dictionary.params['W_enc.0'].data as Float32Array;
  const factors = indices.map((index) =>
    activation.kind === 'gated'
      ? scale * Math.exp(Number(dictionary.params.r_mag.data[index]))
      : scale,
  );
  const out = new Float32Array(indices.length * dIn);
  // Features lie in columns: a row of weights is read for all of them while it is at hand.
  for (let i = 0; i < dIn; i++) {
    const row = i * dDict;
    for (let f = 0; f < indices.length; f++)
      out[f * dIn + i] = weight[row + indices[f]] * factors[f];
  }
  return out;
}

/** Lays the vectors of all sources out for the edge programs. */
export function layOutSources(
  set: DictionarySet,
  decomposition: Decomposition,
  options: { readonly embeddings: Float32Array; readonly pos: number; readonly dModel: number },
): Sources {
  const { features, errors } = decomposition;
  const { pos, dModel, embeddings } = options;
  const nLayers = set.dictionaries.length;
  const runs: SourceRun[][] = Array.from({ length: nLayers }, () => []);
  const used = Array.from({ length: nLayers }, () => new Array<number>(pos).fill(0));
  const place = (column: number, layer: number, position: number) => {
    const slot = used[layer][position]++;
    const last = runs[layer].at(-1);
    if (
      last?.position === position &&
      last.column + last.length === column &&
      last.slot + last.length === slot
    ) {
      last.length++;
    } else runs[layer].push({ column, position, slot, length: 1 });
    return { layer, position, slot };
  };
  const vectors: { at: ReturnType<typeof place>; values: Float32Array; factor: number }[] = [];
  features.forEach(({ layer, position, index, activation }, column) => {
    for (const { j, to } of writesOf(set, layer)) {
      const values = decoderVector(set.dictionaries[layer], index, j);
      vectors.push({ at: place(column, to, position), values, factor: activation });
    }
  });
  const firstError = features.length;
  for (let layer = 0; layer < nLayers; layer++) {
    for (let position = 0; position < pos; position++) {
      const values = errors[layer].subarray(position * dModel, (position + 1) * dModel);
      const at = place(firstError + layer * pos + position, layer, position);
      vectors.push({ at, values, factor: 1 });
    }
  }
  const widths = used.map((counts) => Math.max(...counts));
  const arrays = widths.map((width) => new Float32Array(pos * width * dModel));
  for (const { at, values, factor } of vectors) {
    const start = (at.position * widths[at.layer] + at.slot) * dModel;
    for (let i = 0; i < dModel; i++) arrays[at.layer][start + i] = values[i] * factor;
  }
  const feeds: Record<string, TensorData> = {
    embeddings: { dtype: 'float32', shape: [pos, 1, dModel], data: embeddings },
  };
  arrays.forEach((data, layer) => {
    feeds[sourcesName(layer)] = { dtype: 'float32', shape: [pos, widths[layer], dModel], data };
  });
  const firstToken = firstError + nLayers * pos;
  return { columns: firstToken + pos, firstError, firstToken, feeds, runs, widths };
}
