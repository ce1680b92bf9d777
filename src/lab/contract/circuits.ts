/** The contract of circuits, roles of heads in indirect object identification, and token attributions. */
import { z } from 'zod';
import { ablations } from '../../microscope/circuits/examples.ts';
import { circuitMethods } from '../../microscope/circuits/find.ts';
import { circuitMetrics } from '../../microscope/circuits/metric.ts';
import type { IoiLook } from '../../microscope/ioi/attention.ts';
import { ioiCorruptions } from '../../microscope/ioi/dataset.ts';
import type { IoiRole, RoleThresholds } from '../../microscope/ioi/roles.ts';
import { type TokenMethod, tokenMethods } from '../../microscope/token-attribution/compare.ts';
import { tokenBaselines } from '../../microscope/token-attribution/token-game.ts';
import {
  model,
  preference,
  prompt,
  type Sourced,
  seed,
  type TokenChoice,
  type Tokens,
} from './base.ts';

/** What makes one circuit; all questions about the same one repeat it and share its computation. */
const searched = {
  model,
  clean: prompt.optional().describe('the prompt with the answer'),
  corrupted: prompt
    .optional()
    .describe('as many tokens without it; may be absent when edges are ablated with zeros'),
  ...preference,
  ioi: z
    .strictObject({
      count: z.int().min(1).max(512),
      corruption: z.enum(ioiCorruptions).optional().describe('s2-io if absent'),
      seed,
    })
    .optional()
    .describe('sentences with two people instead of a clean and a corrupted prompt'),
  method: z.enum(circuitMethods).optional().describe('eap-ig-inputs if absent'),
  metric: z
    .enum(circuitMetrics)
    .optional()
    .describe('logit-diff if absent; the others need no distractor'),
  ablation: z.enum(ablations).optional().describe('what cut edges carry; corrupted if absent'),
  steps: z.int().min(1).max(200).optional().describe('points of the integral of EAP-IG; 5'),
  threshold: z.number().min(0).optional().describe('acdc: cut what matters less; 0.01'),
};

/** A circuit from elsewhere that takes the place of the one that `method` finds. */
const file = z
  .looseObject({ cfg: z.unknown(), nodes: z.unknown(), edges: z.unknown() })
  .optional()
  .describe('a document as CircuitJson; what is wrong in it is named');

export const circuitSchema = z.strictObject(searched);

export const circuitCurveSchema = z.strictObject({
  ...searched,
  file,
  random: z.int().min(0).max(64).optional().describe('random circuits of each size; 8 if absent'),
});

export const circuitEvalSchema = z.strictObject({
  ...searched,
  file,
  edges: z
    .int()
    .min(0)
    .optional()
    .describe('strongest edges to keep; what the method or the file keeps if absent'),
  checks: z.boolean().optional().describe('also completeness and minimality'),
  sets: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('random sets of nodes for completeness; 8 if absent'),
  seed,
});

export const ioiSchema = z.strictObject({
  model,
  count: z.int().min(2).max(512).optional().describe('sentences; 64 if absent'),
  seed,
});

export const attributeSchema = z.strictObject({
  model,
  prompt,
  ...preference,
  methods: z.array(z.enum(tokenMethods)).min(1).readonly().optional().describe('all if absent'),
  baseline: z.enum(tokenBaselines).optional().describe('what replaces a token; mean if absent'),
  samples: z
    .int()
    .min(2)
    .max(100_000)
    .optional()
    .describe('runs of a random method; 256 if absent'),
  steps: z.int().min(1).max(1000).optional().describe('points of integrated gradients; 32'),
  seeds: z.int().min(1).max(50).optional().describe('seeds of a random method; 5 if absent'),
  paraphrases: z.array(prompt).max(16).readonly().optional().describe('the same in other words'),
});

export type CircuitRequest = z.input<typeof circuitSchema>;
export type CircuitCurveRequest = z.input<typeof circuitCurveSchema>;
export type CircuitEvalRequest = z.input<typeof circuitEvalSchema>;
export type IoiRequest = z.input<typeof ioiSchema>;
export type AttributeRequest = z.input<typeof attributeSchema>;

/** A figure with its 95 % interval; the ends are null where one sample says nothing about spread. */
export interface EstimateView {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

export interface CircuitShapeView {
  readonly nLayers: number;
  readonly nHeads: number;
  readonly dModel: number;
  readonly parallel: boolean;
}

export interface CircuitResponse extends Sourced {
  readonly shape: CircuitShapeView;
  /** Names of nodes in order of computation: `input`, `a0.h1`, `m0`, `logits`. */
  readonly nodes: readonly string[];
  /** Names of what reads the stream: `a0.h1<q>`, `m0`, `logits`. */
  readonly receivers: readonly string[];
  /** All edges in columns: indices into `nodes` and `receivers`. */
  readonly sender: readonly number[];
  readonly receiver: readonly number[];
  /** In the metric's unit; positive: as on the clean prompt the edge raises the metric. */
  readonly scores: readonly number[];
  /** Numbers of the edges that the method keeps. */
  readonly kept: readonly number[];
  readonly method: (typeof circuitMethods)[number];
  readonly metric: (typeof circuitMetrics)[number];
  readonly ablation: (typeof ablations)[number];
  readonly unit: 'logits' | 'nats';
  /** Pairs of prompts. */
  readonly n: number;
  /** The mean metric with all edges, and with none. */
  readonly full: EstimateView;
  readonly empty: EstimateView;
  /** The first pair. */
  readonly sample: {
    readonly clean: Tokens;
    readonly corrupted: Tokens;
    readonly target: TokenChoice;
    readonly distractor: TokenChoice | null;
  };
  /** Which sentences were used, where some were. */
  readonly sentences: 'english' | 'world' | null;
}

export interface CurvePointView {
  readonly fraction: number;
  /** Edges kept, and those of them on a path from input to logits. */
  readonly edges: number;
  readonly connected: number | null;
  readonly faithfulness: EstimateView;
}

export interface CurveView {
  readonly points: readonly CurvePointView[];
  /** Area under faithfulness, and of |1 − faithfulness|, over the share of edges. */
  readonly cpr: number;
  readonly cmd: number;
}

export interface CircuitCurveResponse extends Sourced {
  /** Pairs of prompts, over which the curve's intervals are. */
  readonly n: number;
  readonly curve: CurveView;
  /** Random circuits of the same sizes; `n` of a point counts circuits. Null when none were asked for. */
  readonly random: CurveView | null;
}

export interface CircuitEvalResponse extends Sourced {
  /** Edges on a path from input to logits. */
  readonly edges: number;
  readonly nodes: readonly string[];
  readonly metric: { readonly circuit: number; readonly full: number; readonly empty: number };
  readonly faithfulness: EstimateView;
  readonly checks: {
    readonly completeness: {
      /** Mean gap between circuit and model over random sets of nodes; `n` counts sets. */
      readonly mean: EstimateView;
      readonly worst: number;
      readonly sets: readonly {
        readonly removed: readonly string[];
        readonly circuit: number;
        readonly model: number;
        readonly gap: number;
      }[];
    };
    /** Shares of full − empty, by score, largest first. */
    readonly minimality: readonly {
      readonly node: string;
      /** What leaving the node alone out costs. */
      readonly effect: EstimateView;
      /** The largest change it makes, alone or with one of the random sets gone too. */
      readonly score: number;
      /** That set. */
      readonly without: readonly string[];
    }[];
  } | null;
}

export interface RateView {
  readonly n: number;
  readonly correct: number;
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** Evidence about one head, as `IoiEvidence` of the library describes it. */
export interface IoiHeadView {
  readonly layer: number;
  readonly head: number;
  readonly roles: readonly IoiRole[];
  readonly attention: Readonly<Record<IoiLook, EstimateView>>;
  readonly copies: RateView;
  readonly scores: {
    readonly previousToken: EstimateView;
    readonly duplicateToken: EstimateView;
    readonly induction: EstimateView;
  };
  readonly effects: {
    readonly logits: EstimateView;
    readonly nameMoverQueries: EstimateView | null;
    readonly withoutNameMovers: EstimateView | null;
    readonly inhibitionValues: EstimateView | null;
    readonly inductionKeys: EstimateView | null;
  };
}

export interface IoiResponse extends Sourced {
  readonly sentences: 'english' | 'world';
  readonly n: number;
  /** The first sentence. */
  readonly sample: string;
  readonly logitDiff: { readonly clean: EstimateView; readonly corrupted: EstimateView };
  readonly correct: RateView;
  readonly thresholds: RoleThresholds;
  /** Every head, in order. */
  readonly heads: readonly IoiHeadView[];
}

/** Mean and worst rank correlation over pairs of runs, with an interval over the runs where there are several. */
export interface StabilityView {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Runs: seeds, or paraphrases. */
  readonly n: number;
  /** Pairs without a rank correlation. */
  readonly notAssessed: number;
  readonly worst: number;
  readonly pairs: number;
}

export interface AttributeResponse extends Sourced, Tokens {
  readonly target: TokenChoice;
  readonly distractor: TokenChoice | null;
  readonly unit: 'logits' | 'nats';
  readonly seeds: number;
  /** The metric of the prompt, and with the baseline at all positions. */
  readonly metric: { readonly prompt: number; readonly baseline: number };
  /** Positions that got a value; the begin-of-text token is never left out and has none. */
  readonly positions: readonly number[];
  readonly results: readonly {
    readonly method: TokenMethod;
    /** `share` for attention, which is no part of the metric. */
    readonly unit: 'metric' | 'share';
    readonly values: readonly number[];
    readonly evaluations: number;
    /** Sum of the values minus what the prompt adds to the baseline; null for shares. */
    readonly gap: number | null;
    /** Null where no seed is used. */
    readonly overSeeds: StabilityView | null;
    /** Null without paraphrases that can be compared. */
    readonly overParaphrases: StabilityView | null;
  }[];
  /** Rank correlation of every two methods; null where it is not defined. */
  readonly agreement: readonly (readonly (number | null)[])[];
}

export interface CircuitPosts {
  '/api/circuit': { request: CircuitRequest; response: CircuitResponse };
  '/api/circuit-curve': { request: CircuitCurveRequest; response: CircuitCurveResponse };
  '/api/circuit-eval': { request: CircuitEvalRequest; response: CircuitEvalResponse };
  '/api/ioi': { request: IoiRequest; response: IoiResponse };
  '/api/attribute': { request: AttributeRequest; response: AttributeResponse };
}
