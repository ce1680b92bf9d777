import { GlassboxError } from '../../../base/error.ts';
import { OTHER } from '../data/source.ts';
import type { Dictionary } from '../types.ts';

/** Whose a feature is, by its relative decoder norm. */
export type Ownership = 'shared' | 'only-first' | 'only-other' | 'between';

/**
 * What a crosscoder of two models says about their difference (Lindsey et al. 2024). `first` is the model that
 * the dictionary names, `other` the one whose addresses are written `other:ADDRESS`.
 */
export interface CrosscoderComparison {
  /**
   * (1 + (‖d_first‖ − ‖d_other‖) / max) / 2 per feature, in [0, 1]: 1 writes in `first` only, 0 in `other` only,
   * .5 equally in both. Decoders are in units of their model's mean activation length. NaN where both are 0.
   */
  readonly relativeNorm: Float32Array;
  /** Cosine of a feature's two decoders. */
  readonly cosine: Float32Array;
  /** Above .9, below .1, within .1 of .5, or none of these. */
  readonly ownership: readonly Ownership[];
  readonly counts: Readonly<Record<Ownership, number>>;
  /**
   * Per feature, how well its owner's decoder explains what the model that lacks it misses, as a share of the same for the
   * owner, the feature's own part left in (latent scaling, Minder et al. 2025). Near 0: the other model does not have it.
   * Near 1: it does, and training shrank the decoder away (complete shrinkage). NaN where it never fired.
   */
  readonly shrinkage: Float32Array;
  /**
   * The same for the two reconstructions, without their biases, which the authors' code leaves in. Near 1: other features write the
   * same there (latent decoupling).
   */
  readonly decoupling: Float32Array;
  /** Features of one model alone that fired, and those of them that pass both checks: ratios below .2 and .5. */
  readonly exclusive: {
    readonly first: { readonly fired: number; readonly passed: number };
    readonly other: { readonly fired: number; readonly passed: number };
  };
}

const MOST_SHRINKAGE = 0.2;
const MOST_DECOUPLING = 0.5;

function ownershipOf(relative: number): Ownership {
  if (relative > 0.9) return 'only-first';
  if (relative < 0.1) return 'only-other';
  return Math.abs(relative - 0.5) < 0.1 ? 'shared' : 'between';
}

interface Side {
  /** Indices into what is written. */
  readonly writes: readonly number[];
  /** Sum of activation lengths per write, to measure decoders by. */
  readonly lengths: Float64Array;
  /** Σ_t f_t (d · error_t) and Σ_t f_t (d · x̂_t) per feature, for d of either side. */
  readonly error: readonly Float64Array[];
  readonly guess: readonly Float64Array[];
}

/** Collects what {@link CrosscoderComparison} follows from, one batch at a time. */
export class ComparisonSums {
  readonly #dictionary: Dictionary;
  readonly #sides: readonly [Side, Side];
  readonly #squares: Float64Array;
  #rows = 0;

  constructor(dictionary: Dictionary) {
    const { writes, dDict } = dictionary.config;
    this.#dictionary = dictionary;
    this.#squares = new Float64Array(dDict);
    const side = (isOther: boolean): Side => {
      const own = writes.flatMap((address, j) =>
        address.startsWith(OTHER) === isOther ? [j] : [],
      );
      const pair = () => [new Float64Array(dDict), new Float64Array(dDict)];
      return { writes: own, lengths: new Float64Array(own.length), error: pair(), guess: pair() };
    };
    this.#sides = [side(false), side(true)];
    const [first, other] = this.#sides;
    if (first.writes.length !== other.writes.length || first.writes.length === 0) {
      throw new GlassboxError('the two models of the crosscoder are written at different places', {
        code: 'bad-crosscoder',
        remedy: 'Name the same addresses for both models, in the same order.',
        details: { writes },
      });
    }
  }

  /** The decoder of a feature at the j-th write. */
  #decoder(feature: number, j: number): Float32Array {
    const { dOut } = this.#dictionary.config;
    const data = this.#dictionary.params[`W_dec.${j}`].data as Float32Array;
    return data.subarray(feature * dOut, (feature + 1) * dOut);
  }

  /**
   * @param acts `[rows, d_dict]`
   * @param inputs `[rows, d_out]` per address written
   * @param outputs their reconstructions
   */
  add(acts: Float32Array, inputs: readonly Float32Array[], outputs: readonly Float32Array[]): void {
    const { dDict, dOut } = this.#dictionary.config;
    const rows = acts.length / dDict;
    this.#rows += rows;
    for (const { writes, lengths } of this.#sides) {
      writes.forEach((j, i) => {
        for (let row = 0; row < rows; row++) {
          lengths[i] += length(inputs[j].subarray(row * dOut, (row + 1) * dOut));
        }
      });
    }
    const bias = outputs.map((_, j) => this.#dictionary.params[`b_dec.${j}`].data as Float32Array);
    for (let i = 0; i < acts.length; i++) {
      const f = acts[i];
      if (f <= 0) continue;
      const [row, feature] = [Math.floor(i / dDict), i % dDict];
      this.#squares[feature] += f * f;
      for (const target of this.#sides) {
        this.#sides.forEach((from, own) => {
          from.writes.forEach((source, n) => {
            const d = this.#decoder(feature, source);
            const j = target.writes[n];
            const start = row * dOut;
            let [error, guess] = [0, 0];
            for (let k = 0; k < dOut; k++) {
              const made = outputs[j][start + k];
              error += d[k] * (inputs[j][start + k] - made);
              guess += d[k] * (made - bias[j][k]);
            }
            target.error[own][feature] += f * error;
            target.guess[own][feature] += f * guess;
          });
        });
      }
    }
  }

  result(): CrosscoderComparison {
    const { dDict } = this.#dictionary.config;
    const relativeNorm = new Float32Array(dDict);
    const cosine = new Float32Array(dDict);
    const shrinkage = new Float32Array(dDict).fill(Number.NaN);
    const decoupling = new Float32Array(dDict).fill(Number.NaN);
    const [first, other] = this.#sides;
    // Two models may differ in how long their activations are.
    const size = ({ lengths }: Side) => Math.hypot(...lengths) / this.#rows;
    for (let feature = 0; feature < dDict; feature++) {
      const norms = this.#sides.map(({ writes, lengths }) =>
        Math.hypot(
          ...writes.map((j, i) => length(this.#decoder(feature, j)) / (lengths[i] / this.#rows)),
        ),
      );
      const largest = Math.max(...norms);
      relativeNorm[feature] = largest > 0 ? (1 + (norms[0] - norms[1]) / largest) / 2 : Number.NaN;
      // Without weights of its own the larger decoder is the feature's.
      const own = norms[0] >= norms[1] ? 0 : 1;
      const [owner, lacking] = own === 0 ? [first, other] : [other, first];
      let [product, ownSquare, otherSquare] = [0, 0, 0];
      owner.writes.forEach((j, n) => {
        const [a, b] = [this.#decoder(feature, j), this.#decoder(feature, lacking.writes[n])];
        for (let k = 0; k < a.length; k++) {
          product += a[k] * b[k];
          ownSquare += a[k] * a[k];
          otherSquare += b[k] * b[k];
        }
      });
      cosine[feature] = product / Math.max(Math.sqrt(ownSquare * otherSquare), 1e-12);
      const squares = this.#squares[feature];
      if (squares === 0 || ownSquare === 0) continue;
      // The feature's own part goes back into what each model misses, as if it had not been there.
      const missed = (side: Side, self: number) => side.error[own][feature] + squares * self;
      const unit = size(owner) / size(lacking);
      shrinkage[feature] = (unit * missed(lacking, product)) / missed(owner, ownSquare);
      decoupling[feature] = (unit * lacking.guess[own][feature]) / owner.guess[own][feature];
    }
    const ownership = Array.from(relativeNorm, ownershipOf);
    const counts = { shared: 0, 'only-first': 0, 'only-other': 0, between: 0 };
    for (const one of ownership) counts[one]++;
    const exclusive = (whose: Ownership) => {
      const features = ownership.flatMap((one, f) =>
        one === whose && this.#squares[f] > 0 ? [f] : [],
      );
      const passed = features.filter(
        (f) => shrinkage[f] < MOST_SHRINKAGE && decoupling[f] < MOST_DECOUPLING,
      );
      return { fired: features.length, passed: passed.length };
    };
    return {
      relativeNorm,
      cosine,
      ownership,
      counts,
      shrinkage,
      decoupling,
      exclusive: { first: exclusive('only-first'), other: exclusive('only-other') },
    };
  }
}

function length(values: Float32Array): number {
  let square = 0;
  for (const value of values) square += value * value;
  return Math.sqrt(square);
}
