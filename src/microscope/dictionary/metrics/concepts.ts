import { Rng } from '../../../base/rng.ts';
import type { Model } from '../../../model/model.ts';
import { readActivations, type TokenActivations, type TokenFilter } from '../data/source.ts';
import { createEncoder } from '../run.ts';
import type { Dictionary } from '../types.ts';
import { type BinaryScores, binaryScores, fitLogistic, probeScores } from './logistic.ts';
import {
  type Absorption,
  absorption,
  type ProbedRows,
  type SparseProbe,
  sparseProbing,
} from './probing.ts';

/** Token rows of which it is known what each is about. */
export interface LabelledText {
  readonly rows: readonly (readonly number[])[];
  /** One label per row. */
  readonly labels: readonly string[];
  /** The token of each row that must tell; one drawn at random unless told. */
  readonly positions?: readonly number[];
}

/** How well features tell one concept from everything else. */
export interface ConceptReport {
  readonly concept: string;
  /** Probes on 1, 2 and 5 features. */
  readonly sparse: readonly SparseProbe[];
  /** A probe on the model's own activations, the most a dictionary can keep. */
  readonly model: BinaryScores;
  readonly absorption: Absorption;
}

/**
 * Probes a dictionary for concepts: one token per row, drawn at random or given, must tell the row's label. Half of the
 * rows train the probes and half test them. Absorption is measured where features write, since that is where their
 * decoders stand; for autoencoders that is where they read.
 *
 * @param options.seed draws the tokens and the halves; 0 unless told
 */
export async function probeConcepts(
  model: Model,
  dictionary: Dictionary,
  text: LabelledText,
  options: { readonly filter?: TokenFilter; readonly seed?: number } = {},
): Promise<ConceptReport[]> {
  const [read] = dictionary.config.reads;
  const [written] = dictionary.config.writes;
  const addresses = [...new Set([...dictionary.config.reads, written])];
  const { values, at } = await readInParts(model, addresses, text.rows, options.filter);
  const rng = new Rng(options.seed ?? 0);
  const byRow = new Map<number, number[]>();
  at.forEach(({ row }, i) => {
    byRow.set(row, [...(byRow.get(row) ?? []), i]);
  });
  const chosen = rng.shuffle([...byRow]).flatMap(([row, places]) => {
    const wanted = text.positions?.[row];
    if (wanted === undefined) return [{ row, at: rng.pick(places) }];
    return places
      .filter((place) => at[place].position === wanted)
      .map((place) => ({ row, at: place }));
  });
  const encoder = await createEncoder(model.runtime, dictionary);
  const { acts } = await encoder.run(
    dictionary.config.reads.map((address) => pickRows(values[address], at.length, chosen)),
  );
  const features = acts.slice();
  await encoder.release();
  const x = pickRows(values[read], at.length, chosen);
  const target = pickRows(values[written], at.length, chosen);
  const half = Math.floor(chosen.length / 2);
  const decoder = dictionary.params['W_dec.0'].data as Float32Array;
  return [...new Set(text.labels)].sort().map((concept) => {
    const labels = chosen.map(({ row }) => text.labels[row] === concept);
    const [train, test] = halves({ x, acts: features, labels }, half);
    const [trainTarget, testTarget] =
      written === read ? [train, test] : halves({ x: target, acts: features, labels }, half);
    const probe = fitLogistic(train);
    const guesses = Array.from(probeScores(probe, test.x), (score) => score > 0);
    const as = ({ acts: data, labels: own }: ProbedRows) => ({ x: data, labels: own });
    return {
      concept,
      sparse: sparseProbing(as(train), as(test)),
      model: binaryScores(guesses, test.labels),
      absorption: absorption(trainTarget, testTarget, decoder),
    };
  });
}

/** Rows that the model runs over at a time: a thousand at once took gigabytes, which the runtime keeps. */
const ROWS = 64;

async function readInParts(
  model: Model,
  addresses: readonly string[],
  rows: LabelledText['rows'],
  filter?: TokenFilter,
) {
  const parts: TokenActivations[] = [];
  for (let first = 0; first < rows.length; first += ROWS) {
    const part = rows.slice(first, first + ROWS);
    parts.push(await readActivations([{ model, addresses }], part, filter));
  }
  const join = (address: string) => {
    const out = new Float32Array(parts.reduce((sum, part) => sum + part.values[address].length, 0));
    let start = 0;
    for (const { values } of parts) {
      out.set(values[address], start);
      start += values[address].length;
    }
    return out;
  };
  const at = parts.flatMap((part, i) =>
    part.at.map(({ row, position }) => ({ row: row + i * ROWS, position })),
  );
  return { at, values: Object.fromEntries(addresses.map((address) => [address, join(address)])) };
}

function pickRows(
  data: Float32Array,
  rows: number,
  chosen: readonly { readonly at: number }[],
): Float32Array {
  const width = data.length / rows;
  const out = new Float32Array(chosen.length * width);
  chosen.forEach(({ at }, i) => {
    out.set(data.subarray(at * width, (at + 1) * width), i * width);
  });
  return out;
}

function halves({ x, acts, labels }: ProbedRows, half: number): [ProbedRows, ProbedRows] {
  const rows = labels.length;
  const part = (start: number, end: number): ProbedRows => ({
    x: x.slice((start * x.length) / rows, (end * x.length) / rows),
    acts: acts.slice((start * acts.length) / rows, (end * acts.length) / rows),
    labels: labels.slice(start, end),
  });
  return [part(0, half), part(half, rows)];
}
