import type { TensorData } from '../../graph/op.ts';

/**
 * Which pre-activations become features.
 * `relu`: the positive ones. `gated`: those whose gate is open (Rajamanoharan et al. 2024a). `topk`: the k
 * largest positive ones per token (Gao et al. 2024). `batchtopk`: the k · tokens largest of a batch in training
 * (Bussmann et al. 2024), a fixed threshold afterwards. `jumprelu`: those above a threshold of their own
 * (Rajamanoharan et al. 2024b). `groupmax`: the largest positive one of each of k equal groups of neighbours (sparsify);
 * read from files, not trained here.
 */
export type DictionaryActivation =
  | { readonly kind: 'relu' }
  | { readonly kind: 'gated' }
  | { readonly kind: 'topk'; readonly k: number }
  | { readonly kind: 'batchtopk'; readonly k: number }
  | { readonly kind: 'jumprelu' }
  | { readonly kind: 'groupmax'; readonly k: number };

/**
 * What is done to every input vector on its own before encoding: `layer-norm` takes its mean away and divides by its
 * standard deviation (of d − 1 degrees of freedom, plus 1e-5), `constant-norm` makes it √d_in long. SAELens calls them
 * `layer_norm` and `constant_norm_rescale`.
 */
export type InputNormalisation = 'layer-norm' | 'constant-norm';

/**
 * A dictionary: features that read some activations of a model and write (reconstruct) some.
 * Sparse autoencoder: reads and writes the same address. Transcoder: reads one, writes another. A layer of a
 * cross-layer transcoder: writes the outputs of its own and every later layer. Crosscoder: reads and
 * writes several addresses, or one address of several models.
 */
export interface DictionaryConfig {
  readonly activation: DictionaryActivation;
  /** Addresses that are read, e.g. `blocks.2.hook_resid_post`. */
  readonly reads: readonly string[];
  /** Addresses that are written. */
  readonly writes: readonly string[];
  /** Width of what is read, each. */
  readonly dIn: number;
  /** Width of what is written, each. */
  readonly dOut: number;
  /** Number of features. */
  readonly dDict: number;
  /** Subtract the decoder bias from the input first (autoencoders that do; never transcoders). */
  readonly centreInput: boolean;
  /** A linear path from input to output beside the features. */
  readonly skip: boolean;
  /** Inputs are multiplied by this before encoding and outputs divided; 1 when folded into the weights. */
  readonly scale: number;
  /**
   * Normalisation of every input vector; none unless told. What is written is brought back where the address read
   * is the one written.
   */
  readonly normalise?: InputNormalisation;
  /** Sizes of nested prefixes that were trained to reconstruct on their own (Matryoshka). */
  readonly prefixes?: readonly number[];
  /** The model it was trained on. */
  readonly model: { readonly name: string; readonly hash: string | null };
}

/**
 * A dictionary with its weights:
 * `W_enc.{i}` `[d_in, d_dict]` per address read, `b_enc` `[d_dict]`, `W_dec.{j}` `[d_dict, d_out]` and `b_dec.{j}` `[d_out]` per
 * address written (a cross-layer layer has `b_dec.0` only), `threshold` `[d_dict]` with jumprelu and batchtopk, `b_gate`,
 * `b_mag`, `r_mag` `[d_dict]` instead of `b_enc` with gated, `W_skip` `[d_in, d_out]` with a skip.
 */
export interface Dictionary {
  readonly config: DictionaryConfig;
  readonly params: Readonly<Record<string, TensorData>>;
}

/** Dictionaries that together stand in for the MLPs of a model, one per layer in order. */
export interface DictionarySet {
  readonly kind: 'per-layer' | 'cross-layer';
  readonly dictionaries: readonly Dictionary[];
}

/** Shapes of a dictionary's parameters by name. */
export function dictionaryShapes(config: DictionaryConfig): Record<string, readonly number[]> {
  const { reads, writes, dIn, dOut, dDict, activation, skip } = config;
  const shapes: Record<string, readonly number[]> = {};
  for (const i of reads.keys()) shapes[`W_enc.${i}`] = [dIn, dDict];
  if (activation.kind === 'gated') {
    for (const name of ['b_gate', 'b_mag', 'r_mag']) shapes[name] = [dDict];
  } else shapes.b_enc = [dDict];
  for (const j of writes.keys()) shapes[`W_dec.${j}`] = [dDict, dOut];
  const crossLayer = reads.length === 1 && writes.length > 1;
  for (const j of crossLayer ? [0] : writes.keys()) shapes[`b_dec.${j}`] = [dOut];
  if (activation.kind === 'jumprelu' || activation.kind === 'batchtopk') shapes.threshold = [dDict];
  if (skip) shapes.W_skip = [dIn, dOut];
  return shapes;
}
