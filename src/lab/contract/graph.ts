/** The contract of dictionaries, attribution graphs and features. */
import { z } from 'zod';
import { LOCALES } from '../../i18n/locale.ts';
import type { DictionaryKind } from '../../microscope/dictionary/set.ts';
import {
  model,
  preference,
  prompt,
  type Sourced,
  seed,
  type TokenChoice,
  type Tokens,
} from './base.ts';

const share = z.number().min(0).max(1);
/** The name of a node: `2_155_7` (layer, feature, position), `err_2_7`, `E_41_7`, `5_388_11` (a logit). */
const key = z.string().min(1).max(64);
const mode = z.enum(['open', 'frozen', 'direct']);

/** What makes one graph; all questions about the same graph repeat it and share its computation. */
const traced = {
  model,
  prompt,
  /** With both, their difference is explained; with a target alone, that token; else the likeliest. */
  ...preference,
  maxLogits: z
    .int()
    .min(1)
    .max(50)
    .optional()
    .describe('likeliest tokens to explain; 10 if absent'),
  logitShare: share.optional().describe('probability they must carry; .95 if absent'),
  maxFeatures: z.int().min(1).max(20_000).optional().describe('7,500 if absent'),
};

export const dictionariesSchema = z.strictObject({ model });

export const traceSchema = z.strictObject({
  ...traced,
  nodeShare: share.optional().describe('influence that kept nodes carry; .8 if absent'),
  edgeShare: share.optional().describe('influence that kept links carry; .98 if absent'),
});

export const graphInterventionSchema = z.strictObject({
  ...traced,
  changes: z
    .array(z.strictObject({ node: key, factor: z.number().min(-100).max(100) }))
    .min(1)
    .max(500)
    .readonly()
    .describe('features as multiples of their activation: 0 ablates, 2 doubles'),
  mode: mode.optional().describe('what answers to the change; everything (open) if absent'),
});

export const graphValiditySchema = z.strictObject({
  ...traced,
  mode: mode.optional(),
  features: z.int().min(3).max(200).optional().describe('features to ablate; 24 if absent'),
  seed,
});

export const headLoadingsSchema = z.strictObject({
  ...traced,
  edge: z.strictObject({ source: key, target: key }),
});

export const qkSchema = z.strictObject({
  ...traced,
  layer: z.int().min(0),
  head: z.int().min(0),
  query: z.int().min(0),
  key: z.int().min(0),
  limit: z.int().min(1).max(200).optional().describe('pairs to return; 20 if absent'),
});

export const groupsSchema = z.strictObject({
  ...traced,
  nodes: z.array(key).max(2000).readonly().optional().describe('features to group; all if absent'),
  threshold: z.number().min(-1).max(1).optional().describe('.5 if absent'),
});

export const subgraphScoresSchema = z.strictObject({
  ...traced,
  nodes: z.array(key).max(2000).readonly().describe('features that count as explained'),
});

/** A dictionary by a name of `/api/dictionaries`. */
const dictionary = z.string().min(1).max(300);

export const featuresSchema = z.strictObject({
  ...traced,
  of: z
    .enum(['set', 'autoencoders'])
    .optional()
    .describe('the transcoders that graphs are traced with, or the autoencoders; set if absent'),
  position: z.int().min(0).optional().describe('all positions if absent'),
  limit: z
    .int()
    .min(1)
    .max(20_000)
    .optional()
    .describe('rows, the largest effects first; 500 if absent'),
});

/** A feature: of a named dictionary, or of the transcoder of a layer. */
const oneFeature = {
  model,
  dictionary: dictionary.optional().describe('the transcoder of `layer` if absent'),
  layer: z.int().min(0).optional(),
  index: z.int().min(0),
};

export const featureSchema = z.strictObject({
  ...oneFeature,
  prompt: prompt.optional().describe('a text to show its activations on'),
});

export const featureExampleSchema = z.strictObject({
  model,
  dictionary: dictionary.optional().describe('the transcoder of `layer` if absent'),
  layer: z.int().min(0).optional(),
  row: z.int().min(0).describe('row of the harvested text'),
  start: z.int().min(0),
  count: z.int().min(1).max(200),
  topK: z.int().min(1).max(20).optional().describe('guesses per token; 5 if absent'),
});

export const findFeaturesSchema = z.strictObject({
  model,
  query: z.string().max(200).describe('words of a label or raised tokens, all of them; or #number'),
  language: z.enum(LOCALES).optional().describe('language of concepts; en if absent'),
  kind: z.enum(['all', 'transcoder', 'autoencoder']).optional(),
  dictionary: dictionary.optional(),
  source: z
    .enum(['all', 'concept', 'tokens', 'explanation', 'weak', 'imported', 'none'])
    .optional(),
  sort: z.enum(['match', 'score', 'density', 'max']).optional(),
  offset: z.int().min(0).optional(),
  limit: z.int().min(1).max(1000).optional().describe('100 if absent'),
});

export type DictionariesRequest = z.input<typeof dictionariesSchema>;
export type TraceRequest = z.input<typeof traceSchema>;
export type GraphInterventionRequest = z.input<typeof graphInterventionSchema>;
export type GraphValidityRequest = z.input<typeof graphValiditySchema>;
export type HeadLoadingsRequest = z.input<typeof headLoadingsSchema>;
export type QkRequest = z.input<typeof qkSchema>;
export type GroupsRequest = z.input<typeof groupsSchema>;
export type SubgraphScoresRequest = z.input<typeof subgraphScoresSchema>;
export type FeaturesRequest = z.input<typeof featuresSchema>;
export type FeatureRequest = z.input<typeof featureSchema>;
export type FeatureExampleRequest = z.input<typeof featureExampleSchema>;
export type FindFeaturesRequest = z.input<typeof findFeaturesSchema>;

/** What was measured of a dictionary on held-out text, where its card says so. */
export interface DictionaryFiguresView {
  /** Features per token. */
  readonly l0: number;
  readonly explainedVariance: number;
  readonly ceRecovered: number;
  readonly dead: number;
}

export type { DictionaryKind };

export interface DictionaryListing {
  /** Its folder below `dictionaries/`, or below a folder that the lab was given. */
  readonly name: string;
  readonly kind: DictionaryKind;
  /** The layer it reads; null where it reads several. */
  readonly layer: number | null;
  /** The layer whose MLP it stands in for; null for dictionaries of other kinds. */
  readonly replaces: number | null;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly activation: string;
  readonly features: number;
  readonly figures: DictionaryFiguresView | null;
}

export interface DictionariesResponse extends Sourced {
  /** What graphs are traced with; null when some layer has no transcoder. */
  readonly set: {
    readonly kind: 'per-layer' | 'cross-layer';
    readonly features: number;
    /** The dictionary of every layer. */
    readonly names: readonly string[];
  } | null;
  readonly dictionaries: readonly DictionaryListing[];
  /** Changes whenever dictionaries, harvests, labels or imported descriptions do: answers from them are then old. */
  readonly files: string;
}

/** A node of the graph. Everything is about the whole graph, before pruning. */
export interface TraceNode {
  readonly key: string;
  readonly kind: 'feature' | 'error' | 'token' | 'logit';
  /** −1 for tokens, the number of layers for logits. */
  readonly layer: number;
  readonly position: number;
  /** Feature index, or token id; −1 for errors. */
  readonly index: number;
  /**
   * Of a feature: one that reached the bar on held-out text, else what another project calls it, else with `? ` in front
   * the tokens it fires on or raises.
   */
  readonly label: string | null;
  /** The dictionary as that project names it. Such a label has no score here. */
  readonly labelFrom?: string;
  /** Nothing confirms the label: none reached the bar. */
  readonly unscored?: true;
  /** Id of the planted concept that the label names, for its words in other languages. */
  readonly concept?: string;
  readonly activation: number | null;
  readonly probability: number | null;
  /** Of a feature: share of tokens it fires on in the harvested corpus; null without a harvest. */
  readonly density: number | null;
  /** Of a feature: share of the prompt's positions at which the graph has it; null otherwise. */
  readonly presence: number | null;
  /** Influence on the explained logits through all paths. */
  readonly influence: number;
  /** Share of all influence carried by nodes at least as influential; null for logits. */
  readonly cumulative: number | null;
  /** Sum of the magnitudes of its inputs. */
  readonly inputs: number;
  /** Part of `inputs` that comes from errors, in [0, 1]. */
  readonly errorShare: number;
}

/** Links in columns: ends are indices into the nodes. */
export interface TraceLinks {
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly weight: readonly number[];
}

/** Why something of the graph is not among what is returned. */
export interface HiddenCount {
  readonly what: 'features' | 'nodes' | 'links';
  /**
   * Weakest features left untraced; pruned away; more than a page can show; or, where a reader asked for it, firing on
   * too many tokens of a corpus, or at too many positions of the prompt.
   */
  readonly why: 'untraced' | 'pruned' | 'limit' | 'dense' | 'present';
  readonly count: number;
}

/** A node that is not among those returned. */
export type HiddenNode = Pick<
  TraceNode,
  'key' | 'kind' | 'layer' | 'position' | 'index' | 'label' | 'labelFrom' | 'unscored' | 'influence'
> & { readonly why: HiddenCount['why'] };

export interface TraceTarget {
  /** Key of its node. */
  readonly key: string;
  readonly id: number;
  /** The token, or `a − b`. */
  readonly label: string;
  readonly probability: number;
}

export interface TraceScores {
  /** Influence that starts at tokens, of that which starts at tokens or errors. */
  readonly replacement: number;
  /** Inputs that do not come from errors, weighted by how much the receiving node matters. */
  readonly completeness: number;
  /** Influence carried by error nodes, of that of all features, errors and tokens. */
  readonly errorShare: number;
}

export interface TraceResponse extends Sourced, Tokens {
  readonly layers: number;
  readonly targets: readonly TraceTarget[];
  readonly nodes: readonly TraceNode[];
  readonly links: TraceLinks;
  readonly shown: { readonly nodes: number; readonly links: number };
  readonly total: { readonly nodes: number; readonly links: number; readonly features: number };
  readonly hidden: readonly HiddenCount[];
  /** The most influential of the nodes that are not returned. */
  readonly largestHidden: readonly HiddenNode[];
  readonly scores: TraceScores;
  readonly nodeShare: number;
  readonly edgeShare: number;
}

/** One explained logit under a change; logits, the mean over the vocabulary taken off. */
export interface ChangedTarget extends TraceTarget {
  readonly predicted: number;
  readonly measured: number;
}

export interface GraphInterventionResponse extends Sourced {
  readonly mode: 'open' | 'frozen' | 'direct';
  readonly targets: readonly ChangedTarget[];
}

export interface ValidityPointView {
  readonly key: string;
  readonly label: string | null;
  /** Change of the first target's logit when the feature is ablated. */
  readonly predicted: number;
  readonly measured: number;
}

export interface GraphValidityResponse extends Sourced {
  readonly mode: 'open' | 'frozen' | 'direct';
  /** Pearson's, with a 95 % bootstrap interval; null with fewer than three points or no spread. */
  readonly correlation: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  readonly target: TraceTarget;
  readonly points: readonly ValidityPointView[];
}

export interface HeadLoadingsResponse extends Sourced {
  readonly edge: number;
  /** The parts of a layer, heads and bypass, sum to the edge. */
  readonly layers: readonly {
    readonly layer: number;
    readonly heads: readonly number[];
    readonly bypass: number;
  }[];
}

/** A part of the residual stream: a node by its key, a head by its name, or `rest`. */
export interface StreamPartView {
  readonly kind: 'node' | 'head' | 'rest';
  readonly name: string;
}

export interface QkResponse extends Sourced {
  /** The attention score before the mask and the softmax. */
  readonly score: number;
  /** Largest magnitude first. */
  readonly pairs: readonly {
    readonly query: StreamPartView;
    readonly key: StreamPartView;
    readonly value: number;
  }[];
  /** Pairs in all. */
  readonly total: number;
}

export interface GroupsResponse extends Sourced {
  readonly groups: readonly {
    readonly label: string;
    readonly nodes: readonly string[];
    /** Mean similarity of its pairs, in [−1, 1]. */
    readonly cohesion: number;
  }[];
}

/** Scores of the graph when only some features count as explained. */
export interface SubgraphScoresResponse extends Sourced {
  readonly replacement: number;
  readonly completeness: number;
}

export interface ActiveFeatureView {
  /** Its node of the graph; null for features that no graph is made of. */
  readonly key: string | null;
  readonly dictionary: string;
  readonly layer: number;
  readonly index: number;
  readonly position: number;
  readonly activation: number;
  /** Share of tokens it fires on in the harvested corpus; null without a harvest. */
  readonly density: number | null;
  /** On the first explained logit along direct paths, in logits; null where it writes elsewhere. */
  readonly effect: number | null;
  /** Through all paths of the graph; null for features that no graph is made of. */
  readonly influence: number | null;
  readonly label: LabelView | null;
  /** What another project calls it, where it has no label here. */
  readonly imported: ImportedNameView | null;
}

export interface FeaturesResponse extends Sourced, Tokens {
  readonly target: TraceTarget;
  /** Largest effect first. */
  readonly features: readonly ActiveFeatureView[];
  readonly total: number;
}

export interface WeightedToken extends TokenChoice {
  readonly value: number;
}

export interface HistogramView {
  /** Edges of the bins, one more than counts. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** A stretch of text with the feature's activation on every token. */
export interface ExampleView {
  /** Row of the harvested text, and the position in it of the first token shown. */
  readonly row: number;
  readonly start: number;
  /** Index of the token that the example is about. */
  readonly at: number;
  readonly tokens: readonly string[];
  readonly activations: readonly number[];
}

/** What was collected of a feature over a corpus. */
export interface HarvestView {
  readonly corpus: string;
  /** Tokens looked at, and on how many, and which share, of them it fires. */
  readonly tokens: number;
  readonly fired: number;
  readonly density: number;
  readonly max: number;
  /** Mean activation where it fires. */
  readonly mean: number;
  /** Of activations where it fires; null when it never does. */
  readonly histogram: HistogramView | null;
  /** log10 of the densities of all features of the dictionary that fire. */
  readonly densities: HistogramView;
  /** Features of the dictionary that never fire. */
  readonly silent: number;
  readonly groups: readonly {
    /** `top`, or the number of the interval from the highest down. */
    readonly name: string;
    readonly low: number;
    readonly high: number;
    /** Share of the feature's activations in the interval. */
    readonly share: number;
    readonly examples: readonly ExampleView[];
  }[];
}

/** A feature's name and how well it stood a test. */
export interface LabelView {
  /** In English where it is a planted concept. */
  readonly text: string;
  /** Id of the planted concept in it, after the tokens it narrows down if any, for its words in other languages. */
  readonly concept: string | null;
  /** How it was made and scored, e.g. `planted concept, F1 on held-out text`. */
  readonly method: string;
  /** `weak` labels did not reach the bar. */
  readonly source: 'concept' | 'tokens' | 'weak' | 'explanation';
  /** With its 95 % interval and the tokens it was measured on. */
  readonly score: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** Share of the feature's largest activations at which it holds; null for explanations. */
  readonly largest: number | null;
  /** Of labels that are scored by F1. */
  readonly precision?: number;
  readonly recall?: number;
}

/** Another feature and how alike it is: a cosine, or a correlation. */
export interface RelatedView {
  readonly index: number;
  readonly value: number;
  readonly label: LabelView | null;
}

/** The feature of another dictionary that writes most alike. */
export interface TwinView extends RelatedView {
  readonly dictionary: string;
  readonly kind: DictionaryKind;
  readonly layer: number | null;
}

/** A description by another project: it has no score here. */
export interface ImportedNameView {
  readonly text: string;
  /** The model or method that wrote it, where it is known. */
  readonly by: string | null;
  /** The dictionary as that project names it. */
  readonly source: string;
}

/** What another project says of a feature, imported with `glassbox dict import`. */
export interface ImportedView {
  /** The dictionary as that project names it. */
  readonly source: string;
  readonly format: 'neuronpedia' | 'neuronpedia-batch' | 'anthropic';
  /** Descriptions, with the model or method that wrote them; they have no score here. */
  readonly labels: readonly { readonly text: string; readonly by: string | null }[];
  readonly density: number | null;
  readonly max: number | null;
  readonly top: readonly { readonly text: string; readonly value: number | null }[];
  readonly bottom: readonly { readonly text: string; readonly value: number | null }[];
  readonly groups: readonly {
    readonly name: string;
    readonly low: number | null;
    readonly high: number | null;
    readonly share: number | null;
    readonly examples: readonly {
      readonly tokens: readonly string[];
      readonly activations: readonly number[];
      readonly at: number;
    }[];
  }[];
}

export interface FeatureResponse extends Sourced {
  readonly dictionary: string;
  readonly kind: DictionaryKind;
  /** The layer its dictionary reads; null where it reads several. */
  readonly layer: number | null;
  readonly index: number;
  /** Features of its dictionary. */
  readonly of: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly label: LabelView | null;
  /** Other labels that were found for it, best score first. */
  readonly others: readonly LabelView[];
  /** What it adds to logits on the direct path per unit of activation, the norm's scale left out. */
  readonly top: readonly WeightedToken[];
  readonly bottom: readonly WeightedToken[];
  /** The same over the whole vocabulary. */
  readonly logits: HistogramView;
  /** By the cosine of decoders, same dictionary. */
  readonly neighbours: readonly RelatedView[];
  /** By Pearson's correlation of activations over the harvested tokens; null without a harvest. */
  readonly correlated: readonly RelatedView[] | null;
  /** The likest decoder of every other dictionary; null where comparing all would take too long. */
  readonly twins: readonly TwinView[] | null;
  /** On the text of the request; null without one. */
  readonly on: (Tokens & { readonly activations: readonly number[] }) | null;
  /** Null while nothing has been harvested for this dictionary. */
  readonly harvest: HarvestView | null;
  /** By source. */
  readonly imported: readonly ImportedView[];
}

/** What the model expects after every token of an example. */
export interface FeatureExampleResponse extends Sourced {
  readonly row: number;
  readonly start: number;
  readonly tokens: readonly TokenChoice[];
  readonly next: readonly (readonly (TokenChoice & { readonly prob: number })[])[];
}

/** A feature that fits what was searched for. */
export interface FoundFeature {
  readonly dictionary: string;
  readonly kind: DictionaryKind;
  readonly layer: number | null;
  readonly index: number;
  readonly label: LabelView | null;
  /** What another project calls it, where it has no label here. */
  readonly imported: ImportedNameView | null;
  /** Share of harvested tokens it fires on, and its largest activation; null without a harvest. */
  readonly density: number | null;
  readonly max: number | null;
  /** Texts of the tokens it raises most. */
  readonly raises: readonly string[];
}

export interface FindFeaturesResponse extends Sourced {
  readonly features: readonly FoundFeature[];
  /** Features that fit. */
  readonly total: number;
  /** Features that were looked through. */
  readonly searched: number;
}

export interface GraphPosts {
  '/api/dictionaries': { request: DictionariesRequest; response: DictionariesResponse };
  '/api/trace': { request: TraceRequest; response: TraceResponse };
  '/api/graph-intervention': {
    request: GraphInterventionRequest;
    response: GraphInterventionResponse;
  };
  '/api/graph-validity': { request: GraphValidityRequest; response: GraphValidityResponse };
  '/api/head-loadings': { request: HeadLoadingsRequest; response: HeadLoadingsResponse };
  '/api/qk': { request: QkRequest; response: QkResponse };
  '/api/groups': { request: GroupsRequest; response: GroupsResponse };
  '/api/subgraph-scores': { request: SubgraphScoresRequest; response: SubgraphScoresResponse };
  '/api/features': { request: FeaturesRequest; response: FeaturesResponse };
  '/api/feature': { request: FeatureRequest; response: FeatureResponse };
  '/api/feature-example': { request: FeatureExampleRequest; response: FeatureExampleResponse };
  '/api/find-features': { request: FindFeaturesRequest; response: FindFeaturesResponse };
}
