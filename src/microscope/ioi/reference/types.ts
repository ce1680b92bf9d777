import type { CircuitMetric } from '../../circuits/metric.ts';
import type { PatchSite } from '../../patching/index.ts';
import type { IoiRole } from '../roles.ts';

/** A published figure: known to the reference's tolerance, or only read off a plot. */
export type Published = number | { readonly about: number; readonly within: number };

/** Published figures by name, e.g. of a head `9.9` or a layer `attn 9`. */
export type PublishedFigures = Readonly<Record<string, Published>>;

/** What ACDC found in a published run, beside the published circuit. */
export interface PublishedAcdc {
  readonly metric: CircuitMetric;
  readonly threshold: number;
  readonly edges: number;
  /** Rates against the published circuit, in [0, 1], where published. */
  readonly truePositiveRate?: number;
  readonly falsePositiveRate?: number;
  readonly precision?: number;
  readonly nodeTruePositiveRate?: number;
  readonly nodeFalsePositiveRate?: number;
  /** Divergence from the whole model in nats. */
  readonly divergence?: number;
}

/** Published figures of one model on fixed prompts. */
export interface IoiReference {
  readonly model: string;
  /** The shape of the model: figures of one say nothing about another. */
  readonly shape: { readonly nLayers: number; readonly nHeads: number; readonly dModel: number };
  /** Largest difference that passes, in the unit of each figure. */
  readonly tolerance: number;
  readonly prompts: readonly {
    readonly clean: string;
    readonly corrupted: string;
    readonly target: string;
    readonly distractor: string;
  }[];
  /** Logit difference of each clean prompt. */
  readonly logitDiffs: readonly number[];
  /** Mean logit differences of the prompts. */
  readonly mean?: { readonly clean: number; readonly corrupted: number };
  /** Mean logit difference of the stream so far, e.g. `9_mid`, with the final norm's scale. */
  readonly lens: PublishedFigures;
  /** Mean direct effects of layers, e.g. `attn 9`, `mlp 0`, and of heads, e.g. `9.9`. */
  readonly layers: PublishedFigures;
  readonly heads: PublishedFigures;
  /**
   * Effects of denoising, normalised, at one position (the begin-of-text token counted) or at all; rows are layers,
   * or heads as `layer.head`.
   */
  readonly patching: readonly {
    readonly site: PatchSite;
    readonly at: number | 'all';
    readonly effects: PublishedFigures;
  }[];
  /** Mean direct effects of heads, and mean logit difference, when one head writes nothing at the last position. */
  readonly knockOut?: {
    readonly head: string;
    readonly heads: PublishedFigures;
    readonly mean?: number;
  };
  /** What one prompt is answered with; logits minus their mean over the vocabulary. */
  readonly answers?: readonly {
    readonly prompt: string;
    readonly token: string;
    readonly logit: number;
    readonly probability?: number;
  }[];
  /** Logit differences of single prompts. */
  readonly differences?: readonly {
    readonly prompt: string;
    readonly target: string;
    readonly distractor: string;
    readonly logitDiff: number;
  }[];
  /** Mean loss in nats on a text, as it is and with the values of one head set to zero. */
  readonly loss?: {
    readonly text: string;
    readonly head: string;
    readonly plain: number;
    readonly ablated: number;
    /** Likewise with the constant part of the values set to zero as well. */
    readonly ablatedUnfolded?: number;
  };
  /**
   * Mean attention on random tokens that are repeated once, nothing before them: along the diagonals one token back,
   * one repetition back, and one repetition less one token back.
   */
  readonly headScores?: {
    /** The halves that are repeated, `[sequences][tokens]`. */
    readonly halves: readonly (readonly number[])[];
    readonly previousToken?: PublishedFigures;
    readonly duplicateToken?: PublishedFigures;
    readonly induction?: PublishedFigures;
  };
  /** Heads by role, as the paper has them. */
  readonly roles: Readonly<Partial<Record<IoiRole, readonly string[]>>>;
  /** Scores of edges from another tool on sentences that are not published: shown, never judged. */
  readonly edges?: { readonly scores: Readonly<Record<string, number>>; readonly kept: number };
  /** Likewise shown and not judged. */
  readonly acdc?: readonly PublishedAcdc[];
}

/** One published figure beside the measured one. */
export interface ReferenceFigure {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  /** Null where the published sentences are not known, so that a difference says nothing. */
  readonly ok: boolean | null;
}
