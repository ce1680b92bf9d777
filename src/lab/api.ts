/**
 * The contract between the lab's server and its page: every request and every answer.
 *
 * All requests are POST with a JSON body, except the GETs of {@link LabGets}. An answer is one
 * JSON document; with `Accept: application/x-ndjson` long work answers as {@link LabLine} lines
 * instead, with progress on the way. The page imports the types of this file only.
 */
import { z } from 'zod';
import { type EditSpec, editSpecSchema } from '../microscope/edit-spec.ts';
import { patchSites } from '../microscope/patching.ts';
import {
  type IntervalView,
  model,
  type PackedFloats,
  preference,
  prompt,
  type Sourced,
  seed,
  type TokenChoice,
  type TokenGroupView,
  type Tokens,
  type TokenView,
  token,
  topK,
} from './contract/base.ts';
import type { CircuitPosts } from './contract/circuits.ts';
import type { DictionaryPosts, RunResponse, RunsResponse } from './contract/dictionaries.ts';
import type { GraphPosts } from './contract/graph.ts';

export type {
  IntervalView,
  PackedFloats,
  Provenance,
  Sourced,
  TokenChoice,
  TokenGroupView,
  Tokens,
  TokenView,
} from './contract/base.ts';
export * from './contract/circuits.ts';
export * from './contract/dictionaries.ts';
export * from './contract/graph.ts';

const edits = z.array(editSpecSchema).max(64).readonly();

export const analyseSchema = z.strictObject({
  model,
  prompt,
  /** A second prompt to show aligned beside the first. */
  promptB: prompt.optional(),
  topK: topK.describe('predictions per position; 10 if absent'),
  ...preference,
});

export const lensSchema = z.strictObject({
  model,
  prompt,
  target: token
    .optional()
    .describe('token to follow; the one that follows in the prompt if absent'),
  topK: topK.describe('guesses per cell; 10 if absent'),
});

export const attentionSchema = z.strictObject({
  model,
  prompt,
  layers: z.array(z.int().min(0)).readonly().optional().describe('layers to return; all if absent'),
  /** With a target, the direct effect of every head on it is measured. */
  ...preference,
  position: z.int().optional().describe('where the effect is measured; the last if absent'),
});

export const headsSchema = z.strictObject({ model, seed });

export const interventionsSchema = z.strictObject({
  model,
  prompt,
  edits,
  topK,
  ...preference,
});

export const doseSchema = z.strictObject({
  model,
  prompt,
  edits,
  /** Which edit of the list varies. */
  edit: z.int().min(0),
  strengths: z.array(z.number()).min(1).max(101).readonly(),
  target: token,
  distractor: token.optional(),
  baselines: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('random directions per strength; 8 if absent'),
  seed,
});

export const attributionSchema = z.strictObject({
  model,
  prompt,
  target: token,
  distractor: token.optional().describe('compared with the mean logit if absent'),
  position: z.int().optional(),
});

export const patchingSchema = z.strictObject({
  model,
  clean: prompt,
  corrupted: prompt,
  target: token,
  distractor: token,
  site: z.enum(patchSites).optional().describe('resid_pre if absent'),
  direction: z.enum(['denoise', 'noise']).optional(),
  byPosition: z.boolean().optional().describe('site z only: every head at every position'),
});

export const tokensSchema = z.strictObject({ model, text: z.string() });

export const tokenSearchSchema = z.strictObject({
  model,
  /** Part of a token's text, compared without regard to case; or `#id`. */
  query: z.string().min(1).max(200),
  limit: z.int().min(1).max(200).optional().describe('20 if absent'),
});

export const generateSchema = z.strictObject({
  model,
  prompt,
  maxTokens: z.int().min(1).max(1024).optional().describe('32 if absent'),
  temperature: z.number().min(0).max(10).optional().describe('0, the likeliest token, if absent'),
  topK: z.int().min(1).optional(),
  topP: z.number().gt(0).max(1).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: z.number().gt(0).max(10).optional(),
  seed,
  stop: z.array(z.string().min(1)).max(16).readonly().optional(),
  edits: edits.optional().describe('interventions that stay active while generating'),
});

export type AnalyseRequest = z.input<typeof analyseSchema>;
export type LensRequest = z.input<typeof lensSchema>;
export type AttentionRequest = z.input<typeof attentionSchema>;
export type HeadsRequest = z.input<typeof headsSchema>;
export type InterventionsRequest = z.input<typeof interventionsSchema>;
export type DoseRequest = z.input<typeof doseSchema>;
export type AttributionRequest = z.input<typeof attributionSchema>;
export type PatchingRequest = z.input<typeof patchingSchema>;
export type TokensRequest = z.input<typeof tokensSchema>;
export type TokenSearchRequest = z.input<typeof tokenSearchSchema>;
export type GenerateRequest = z.input<typeof generateSchema>;

/** Every failure: status 400 for a wrong request, 401/403/404, or 500 when we could not do it. */
export interface LabError {
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
}

export interface LabHealth {
  readonly ok: true;
  readonly glassboxVersion: string;
}

export interface ModelListing {
  readonly name: string;
  readonly source: 'built-in' | 'cache' | 'folder';
  readonly loaded: boolean;
}

export interface ModelsResponse {
  readonly models: readonly ModelListing[];
  /** The name used by requests that name no model. */
  readonly default: string;
}

export interface AddressListing {
  readonly address: string;
  /** Dimension words, e.g. `['batch', 'pos', 'd_model']`. */
  readonly shape: readonly string[];
  readonly meaning: string;
}

export interface ModelResponse extends Sourced {
  readonly name: string;
  readonly architecture: string;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  readonly parameters: number;
  /** The longest prompt in tokens. */
  readonly context: number;
  readonly tokenizer: boolean;
  readonly chatTemplates: readonly string[];
  readonly addresses: readonly AddressListing[];
  /** True when the built-in world knows the right answers to this model's prompts. */
  readonly world: boolean;
}

export interface Guess extends TokenChoice {
  /** In [0, 1]. */
  readonly prob: number;
}

/** One entry per position; nats. `loss`, `prob` and `rank` are null at position 0. */
export interface Measures {
  readonly loss: readonly (number | null)[];
  readonly prob: readonly (number | null)[];
  /** Tokens the model finds likelier; 0 is best. */
  readonly rank: readonly (number | null)[];
  /** Of the prediction made at this position. */
  readonly entropy: readonly number[];
  /** Likeliest next tokens at this position. */
  readonly next: readonly (readonly Guess[])[];
  /** Null for a single token. */
  readonly meanLoss: number | null;
}

/** What the model says at the last position about the chosen target. */
export interface TargetView {
  readonly target: TokenChoice;
  readonly distractor: TokenChoice | null;
  /** Logit of target minus distractor; without a distractor the target's log-probability in nats. */
  readonly metric: number;
  readonly targetProb: number;
  readonly unit: 'logits' | 'nats';
}

/** The right continuation by the built-in world. */
export interface TruthView {
  readonly mechanism: string;
  readonly answer: string;
  /** What the answer depends on, by role. */
  readonly entities: Readonly<Record<string, string>>;
  /** The right answer where the right continuation repeats a wrong speaker. */
  readonly knows: string | null;
}

export interface AnalysedPrompt extends Tokens, Measures {
  readonly answer: TargetView | null;
  readonly truth: TruthView | null;
}

/** One column of two aligned prompts: a position of each, or null where it has none. */
export interface AlignedColumn {
  readonly a: number | null;
  readonly b: number | null;
  /** Both have the same token here. */
  readonly same: boolean;
}

export interface AnalyseResponse extends Sourced {
  readonly prompt: AnalysedPrompt;
  readonly promptB: AnalysedPrompt | null;
  /** Null without a second prompt. */
  readonly alignment: readonly AlignedColumn[] | null;
}

/** Matrices are `[layer][pos]`. */
export interface LensResponse extends Sourced, Tokens {
  /** Addresses read, first to last. */
  readonly layers: readonly string[];
  readonly top: readonly (readonly (readonly Guess[])[])[];
  readonly entropy: readonly (readonly number[])[];
  readonly target: {
    /** The token followed everywhere; null when it is the one that follows in the prompt. */
    readonly token: TokenChoice | null;
    readonly prob: readonly (readonly number[])[];
    readonly rank: readonly (readonly number[])[];
  };
}

export interface HeadEffect {
  readonly layer: number;
  readonly head: number;
  /** Logits. */
  readonly effect: number;
}

export interface AttentionResponse extends Sourced, Tokens {
  /** Layers returned, in order. */
  readonly layers: readonly number[];
  readonly heads: number;
  /** `[layers, heads, query, key]`; rows sum to 1, keys after the query are 0. */
  readonly patterns: PackedFloats;
  /** Direct effect of each head of all layers on the target; null without a target. */
  readonly effects: readonly HeadEffect[] | null;
  readonly target: TokenChoice | null;
  readonly distractor: TokenChoice | null;
  /** Position the effects are measured at. */
  readonly position: number;
}

/** How much a head attends where known kinds of heads do; in [0, 1], 95 % intervals. */
export interface HeadKind {
  readonly layer: number;
  readonly head: number;
  readonly previousToken: IntervalView;
  readonly duplicateToken: IntervalView;
  readonly induction: IntervalView;
}

export interface HeadsResponse extends Sourced {
  readonly scores: readonly HeadKind[];
}

export interface InterventionsResponse extends Sourced, Tokens {
  readonly edits: readonly EditSpec[];
  readonly before: Measures & { readonly answer: TargetView | null };
  readonly after: Measures & { readonly answer: TargetView | null };
  /** KL(before ‖ after) of the prediction at every position, in nats. */
  readonly kl: readonly number[];
}

export interface DosePointView {
  readonly strength: number;
  readonly metric: number;
  /** At the last position, in nats. */
  readonly kl: number;
  /** Random directions that move the activation as far; 95 % interval of the mean. */
  readonly baseline: IntervalView | null;
}

export interface DoseResponse extends Sourced {
  readonly edit: number;
  readonly target: TokenChoice;
  readonly distractor: TokenChoice | null;
  readonly unit: 'logits' | 'nats';
  /** The metric without any edit. */
  readonly clean: number;
  readonly points: readonly DosePointView[];
  /** Why there is no baseline, when there is none. */
  readonly noBaseline: string | null;
}

export interface ComponentView {
  readonly name: string;
  readonly kind: 'embed' | 'pos_embed' | 'head' | 'attn_bias' | 'mlp';
  readonly layer: number | null;
  readonly head: number | null;
  /** Logits. */
  readonly effect: number;
}

/** `constant` and all effects sum to `logitDiff`. */
export interface AttributionResponse extends Sourced, Tokens {
  readonly target: TokenChoice;
  readonly distractor: TokenChoice | null;
  readonly position: number;
  readonly logitDiff: number;
  readonly constant: number;
  readonly components: readonly ComponentView[];
}

export interface PatchAxisView {
  readonly name: 'layer' | 'position' | 'head' | 'layer.head';
  readonly labels: readonly string[];
}

export interface PatchingResponse extends Sourced {
  readonly clean: Tokens;
  readonly corrupted: Tokens;
  readonly target: TokenChoice;
  readonly distractor: TokenChoice;
  readonly site: (typeof patchSites)[number];
  readonly direction: 'denoise' | 'noise';
  /** Logit differences of the two plain runs. */
  readonly metric: { readonly clean: number; readonly corrupted: number };
  readonly axes: { readonly rows: PatchAxisView; readonly columns: PatchAxisView };
  /** 1 is the clean run's answer, 0 the corrupted one's; `[row][column]`. */
  readonly effect: readonly (readonly number[])[];
  readonly logitDiff: readonly (readonly number[])[];
}

export interface TokensResponse extends Sourced, Tokens {
  /** The token when the text is one (also with a leading space added); else null. */
  readonly single: TokenChoice | null;
}

export interface TokenSearchResponse extends Sourced {
  readonly matches: readonly TokenChoice[];
  /** How many there are in all. */
  readonly total: number;
}

/** A ready state of the page. */
export interface Example {
  /** Stable name, e.g. `two-hop-1`. */
  readonly id: string;
  readonly mechanism: string;
  readonly prompt: string;
  /** A prompt of as many tokens with another answer, where there is one. */
  readonly promptB: string | null;
  /** Token texts; null where the answer does not begin with one known token. */
  readonly target: string | null;
  readonly distractor: string | null;
  /** Interventions worth trying first. */
  readonly edits: readonly EditSpec[];
  readonly truth: TruthView | null;
}

export interface ExamplesResponse extends Sourced {
  readonly examples: readonly Example[];
}

/** A line of a long request's progress stream. */
export type LabLine<Result> =
  | {
      readonly type: 'progress';
      readonly label: string;
      readonly done: number;
      readonly total: number | null;
      readonly unit: string;
    }
  | { readonly type: 'result'; readonly result: Result }
  | ({ readonly type: 'error' } & LabError);

/** A line of `/api/generate`, which always answers as `application/x-ndjson`. */
export type GenerateLine =
  | { readonly type: 'token'; readonly id: number; readonly text: string; readonly logprob: number }
  | ({ readonly type: 'done'; readonly generation: GenerationView } & Sourced)
  | ({ readonly type: 'error' } & LabError);

export interface GenerationView {
  readonly text: string;
  readonly tokens: readonly TokenView[];
  readonly groups: readonly TokenGroupView[];
  /** Nats, one per token. */
  readonly logprobs: readonly number[];
  readonly finish: 'stop-token' | 'stop-string' | 'length' | 'context' | 'cancelled';
}

/** GET paths; those about a model take `?model=NAME`. */
export interface LabGets {
  '/api/health': LabHealth;
  '/api/models': ModelsResponse;
  '/api/model': ModelResponse;
  '/api/examples': ExamplesResponse;
  '/api/runs': RunsResponse;
  '/api/run': RunResponse;
}

/** POST paths with their bodies and answers. `/api/generate` answers in {@link GenerateLine}s. */
export interface LabPosts extends CircuitPosts, GraphPosts, DictionaryPosts {
  '/api/analyse': { request: AnalyseRequest; response: AnalyseResponse };
  '/api/lens': { request: LensRequest; response: LensResponse };
  '/api/attention': { request: AttentionRequest; response: AttentionResponse };
  '/api/heads': { request: HeadsRequest; response: HeadsResponse };
  '/api/interventions': { request: InterventionsRequest; response: InterventionsResponse };
  '/api/dose': { request: DoseRequest; response: DoseResponse };
  '/api/attribution': { request: AttributionRequest; response: AttributionResponse };
  '/api/patching': { request: PatchingRequest; response: PatchingResponse };
  '/api/tokens': { request: TokensRequest; response: TokensResponse };
  '/api/token-search': { request: TokenSearchRequest; response: TokenSearchResponse };
}
