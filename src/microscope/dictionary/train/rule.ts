import type { DictionaryActivation } from '../types.ts';

/**
 * How features are kept few while training, with the settings of the method. What a rule does not say is
 * the default of the paper or library named.
 */
export type SparsityRule =
  /**
   * ReLU with λ · mean Σ f_i ‖W_dec,i‖ (Bricken et al. 2023; weighted by decoder norm as in Conerly et al.
   * 2024). Dead features are resampled every `resampleEvery` steps from rows with a large error.
   */
  | { readonly kind: 'standard'; readonly coefficient: number; readonly resampleEvery?: number }
  /** Separate gate and magnitude, λ on the gate, and a reconstruction from the gate alone (Rajamanoharan et al. 2024a). */
  | { readonly kind: 'gated'; readonly coefficient: number; readonly resampleEvery?: number }
  /**
   * The k largest per row, with the auxiliary loss on dead features (Gao et al. 2024); with `resampleEvery`, dead ones
   * also start anew at rows with a large error, in the first 70 % of the steps.
   */
  | {
      readonly kind: 'topk';
      readonly k: number;
      readonly aux?: AuxiliaryRule;
      readonly resampleEvery?: number;
    }
  /**
   * The k · rows largest of a batch (Bussmann et al. 2024). `rowLimit` times k is the most one row can have;
   * 4 unless told. With `prefixes`, nested parts of the dictionary reconstruct on their own (Matryoshka,
   * Bussmann et al. 2025): sizes that grow to d_dict.
   */
  | {
      readonly kind: 'batchtopk';
      readonly k: number;
      readonly aux?: AuxiliaryRule;
      readonly resampleEvery?: number;
      readonly rowLimit?: number;
      readonly prefixes?: readonly number[];
    }
  /**
   * A threshold per feature, learnt through a rectangle of width `bandwidth` (Rajamanoharan et al. 2024b). With
   * `targetL0` the penalty is coefficient · (L0 / target − 1)², else coefficient · L0.
   */
  | {
      readonly kind: 'jumprelu';
      readonly coefficient: number;
      readonly targetL0?: number;
      /**
       * Penalises coefficient · Σ tanh(this · f · ‖W_dec‖) instead of L0, which also moves encoders (Conerly et al. 2025;
       * 4 in SAELens). Not together with `targetL0`.
       */
      readonly tanhScale?: number;
      readonly bandwidth?: number;
      /** First threshold. Default .01 for a bandwidth of .05. */
      readonly threshold?: number;
      /** Pulls dead features up: this · relu(θ − pre) · ‖W_dec‖. Default 3e-6. */
      readonly deadCoefficient?: number;
    };

/** The auxiliary loss on dead features. */
export interface AuxiliaryRule {
  /** Weight of the loss, which is relative to the variance of the error. Default 1/32; 0 leaves it out. */
  readonly coefficient?: number;
  /** Dead features that explain the error of one row. Default d_in / 2. */
  readonly k?: number;
}

/** One dictionary among those trained with one loss. */
export interface TaskPart {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/**
 * What to train: one dictionary, or several with one loss (the layers of a cross-layer transcoder).
 * Make one with {@link autoencoder}, {@link transcoder}, {@link crossLayer} or {@link crosscoder}.
 */
export interface DictionaryTask {
  readonly name: string;
  readonly rule: SparsityRule;
  readonly parts: readonly TaskPart[];
  readonly dIn: number;
  readonly dOut: number;
  /** Features per part. */
  readonly dDict: number;
  readonly centreInput: boolean;
  readonly skip: boolean;
  readonly seed: number;
  /** Peak learning rate. */
  readonly learningRate: number;
}

/** Settings that every kind of dictionary shares. */
export interface TaskSettings {
  readonly name: string;
  readonly rule: SparsityRule;
  readonly width: number;
  readonly dDict: number;
  /** Default 0. */
  readonly seed?: number;
  /** Default 2e-4 / √(d_dict / 16384), as in dictionary_learning; 3e-4 (SAELens) for L1 kinds. */
  readonly learningRate?: number;
}

function task(
  settings: TaskSettings,
  shape: Pick<DictionaryTask, 'parts' | 'centreInput' | 'skip'>,
): DictionaryTask {
  const { name, rule, width, dDict, seed = 0 } = settings;
  const sparse = rule.kind === 'topk' || rule.kind === 'batchtopk';
  const learningRate = settings.learningRate ?? (sparse ? 2e-4 / Math.sqrt(dDict / 2 ** 14) : 3e-4);
  return { name, rule, dIn: width, dOut: width, dDict, seed, learningRate, ...shape };
}

/** A sparse autoencoder of one address. */
export function autoencoder(settings: TaskSettings & { readonly at: string }): DictionaryTask {
  const { at } = settings;
  return task(settings, {
    parts: [{ reads: [at], writes: [at] }],
    centreInput: true,
    skip: false,
  });
}

/** A transcoder from one address to another (Dunefsky et al. 2024), with a linear path beside it or not. */
export function transcoder(
  settings: TaskSettings & {
    readonly reads: string;
    readonly writes: string;
    readonly skip?: boolean;
  },
): DictionaryTask {
  const { reads, writes, skip = false } = settings;
  return task(settings, {
    parts: [{ reads: [reads], writes: [writes] }],
    centreInput: false,
    skip,
  });
}

/**
 * A cross-layer transcoder (Ameisen et al. 2025): features that read layer l write to the outputs of l and
 * every later layer.
 *
 * @param settings.reads MLP inputs by layer
 * @param settings.writes MLP outputs by layer
 */
export function crossLayer(
  settings: TaskSettings & {
    readonly reads: readonly string[];
    readonly writes: readonly string[];
  },
): DictionaryTask {
  const { reads, writes } = settings;
  return task(settings, {
    parts: reads.map((address, l) => ({ reads: [address], writes: writes.slice(l) })),
    centreInput: false,
    skip: false,
  });
}

/** A crosscoder (Lindsey et al. 2024) over several addresses, or one address of two models. */
export function crosscoder(
  settings: TaskSettings & { readonly at: readonly string[] },
): DictionaryTask {
  const { at } = settings;
  return task(settings, { parts: [{ reads: at, writes: at }], centreInput: false, skip: false });
}

/** How a trained dictionary of a rule chooses features. */
export function activationOf(rule: SparsityRule): DictionaryActivation {
  switch (rule.kind) {
    case 'standard':
      return { kind: 'relu' };
    case 'gated':
      return { kind: 'gated' };
    case 'topk':
      return { kind: 'topk', k: rule.k };
    case 'batchtopk':
      return { kind: 'batchtopk', k: rule.k };
    case 'jumprelu':
      return { kind: 'jumprelu' };
  }
}

/** Rules whose features come out of a top-k, so that a step can work on the chosen ones alone. */
export function isTopK(
  rule: SparsityRule,
): rule is Extract<SparsityRule, { readonly kind: 'topk' | 'batchtopk' }> {
  return rule.kind === 'topk' || rule.kind === 'batchtopk';
}

/** Every address a task reads or writes, once. */
export function taskAddresses({ parts }: DictionaryTask): string[] {
  return [...new Set(parts.flatMap(({ reads, writes }) => [...reads, ...writes]))];
}

/** Addresses that are reconstructed, once, in order. */
export function taskTargets({ parts }: DictionaryTask): string[] {
  return [...new Set(parts.flatMap(({ writes }) => writes))];
}

/** Throws nothing: the place in a task's parts that owns the bias of a target. */
export function biasOwner({ parts }: DictionaryTask, target: string): string {
  const part = parts.findIndex(({ writes }) => writes.includes(target));
  // In a cross-layer set every layer owns the bias of its own output, its first write.
  const own = parts.findIndex(({ writes }) => writes[0] === target);
  return own >= 0 && parts.length > 1
    ? `${own}.b_dec.0`
    : `${part}.b_dec.${parts[part].writes.indexOf(target)}`;
}
