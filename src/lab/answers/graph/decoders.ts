import type { Dictionary } from '../../../microscope/dictionary/types.ts';

/** What one unit of every feature writes, `[d_dict, d_out]`, over all layers written, and its length. */
interface Decoders {
  readonly rows: Float32Array;
  readonly lengths: Float32Array;
}

const kept = new WeakMap<Dictionary, Decoders>();

function decodersOf(dictionary: Dictionary): Decoders {
  const known = kept.get(dictionary);
  if (known) return known;
  const { params, config } = dictionary;
  const { dOut, dDict, scale, writes } = config;
  const first = params['W_dec.0'].data as Float32Array;
  // One decoder without a scale is used where it lies; anything else is summed once.
  const rows = writes.length === 1 && scale === 1 ? first : new Float32Array(dDict * dOut);
  if (rows !== first) {
    writes.forEach((_, j) => {
      const weight = params[`W_dec.${j}`].data as Float32Array;
      for (let i = 0; i < rows.length; i++) rows[i] += weight[i] / scale;
    });
  }
  const lengths = new Float32Array(dDict);
  for (let f = 0; f < dDict; f++) {
    let square = 0;
    for (let i = f * dOut; i < (f + 1) * dOut; i++) square += rows[i] ** 2;
    lengths[f] = Math.sqrt(square);
  }
  const made = { rows, lengths };
  kept.set(dictionary, made);
  return made;
}

/** What one unit of a feature writes, the input's scale undone, over all layers written. */
export function written(dictionary: Dictionary, index: number): Float32Array {
  const { dOut } = dictionary.config;
  return decodersOf(dictionary).rows.slice(index * dOut, (index + 1) * dOut);
}

/** The features whose decoders have the largest cosine with a direction. */
export function likest(
  dictionary: Dictionary,
  direction: Float32Array,
  options: { readonly count: number; readonly without?: number },
): { readonly index: number; readonly value: number }[] {
  const { dOut, dDict } = dictionary.config;
  const { rows, lengths } = decodersOf(dictionary);
  const own = Math.hypot(...direction);
  // A few of thousands are wanted: ordering all of them took longer than comparing them.
  const best: { readonly index: number; readonly value: number }[] = [];
  for (let f = 0; f < dDict; f++) {
    if (f === options.without || lengths[f] === 0) continue;
    let dot = 0;
    for (let i = 0, at = f * dOut; i < dOut; i++, at++) dot += rows[at] * direction[i];
    const value = Math.fround(dot / Math.max(own * lengths[f], 1e-12));
    if (best.length === options.count && value <= best[best.length - 1].value) continue;
    const place = best.findIndex((one) => one.value < value);
    best.splice(place < 0 ? best.length : place, 0, { index: f, value });
    if (best.length > options.count) best.pop();
  }
  return best;
}
