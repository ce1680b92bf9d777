import type { Progress } from '../base/progress.ts';
import type {
  AnalyseRequest,
  AttentionRequest,
  AttributeRequest,
  AttributionRequest,
  CircuitCurveRequest,
  CircuitEvalRequest,
  CircuitRequest,
  CompareDictionariesRequest,
  DictionariesRequest,
  DoseRequest,
  FeatureExampleRequest,
  FeatureRequest,
  FeaturesRequest,
  FindFeaturesRequest,
  GenerateLine,
  GenerateRequest,
  GenerationView,
  GraphInterventionRequest,
  GraphValidityRequest,
  GroupsRequest,
  HeadLoadingsRequest,
  HeadsRequest,
  InterventionsRequest,
  IoiRequest,
  LabGets,
  LabPosts,
  LensRequest,
  PatchingRequest,
  QkRequest,
  Sourced,
  SubgraphScoresRequest,
  TokenSearchRequest,
  TokensRequest,
  TraceRequest,
} from './api.ts';

/** What a model's thread is asked, by name. The model itself is the thread's. */
export interface Requests {
  readonly model: object;
  readonly examples: object;
  readonly analyse: AnalyseRequest;
  readonly lens: LensRequest;
  readonly attention: AttentionRequest;
  readonly heads: HeadsRequest;
  readonly interventions: InterventionsRequest;
  readonly dose: DoseRequest;
  readonly attribution: AttributionRequest;
  readonly patching: PatchingRequest;
  readonly tokens: TokensRequest;
  readonly 'token-search': TokenSearchRequest;
  readonly generate: GenerateRequest;
  readonly dictionaries: DictionariesRequest;
  readonly 'compare-dictionaries': CompareDictionariesRequest;
  readonly trace: TraceRequest;
  readonly 'graph-intervention': GraphInterventionRequest;
  readonly 'graph-validity': GraphValidityRequest;
  readonly 'head-loadings': HeadLoadingsRequest;
  readonly qk: QkRequest;
  readonly groups: GroupsRequest;
  readonly 'subgraph-scores': SubgraphScoresRequest;
  readonly features: FeaturesRequest;
  readonly feature: FeatureRequest;
  readonly circuit: CircuitRequest;
  readonly 'circuit-curve': CircuitCurveRequest;
  readonly 'circuit-eval': CircuitEvalRequest;
  readonly ioi: IoiRequest;
  readonly attribute: AttributeRequest;
  readonly 'feature-example': FeatureExampleRequest;
  readonly 'find-features': FindFeaturesRequest;
}

export type Question = keyof Requests;

type Response<Q extends Question> = Q extends 'generate'
  ? { readonly generation: GenerationView } & Sourced
  : `/api/${Q}` extends keyof LabPosts
    ? LabPosts[`/api/${Q}`]['response']
    : `/api/${Q}` extends keyof LabGets
      ? LabGets[`/api/${Q}`]
      : never;

/** An answer before its provenance is added. */
export type Answer<Q extends Question> = Omit<Response<Q>, 'provenance'>;

export type GeneratedToken = Extract<GenerateLine, { type: 'token' }>;

/** What a thread is started with. */
export interface ThreadOptions {
  readonly folder: string;
  readonly name: string;
  /** Folders of dictionaries beside the model's own. */
  readonly dictionaries?: readonly string[];
}

/** What is known of a model once its thread has it. */
export interface ModelFacts {
  readonly hash: string;
  readonly dataHash: string | null;
  /** Weights in memory. */
  readonly bytes: number;
}

export type ToThread =
  | {
      readonly kind: 'ask';
      readonly call: number;
      readonly question: Question;
      readonly request: object;
    }
  | { readonly kind: 'cancel'; readonly call: number }
  /** Stop what runs, free the model and end the thread. */
  | { readonly kind: 'close' };

export interface ErrorParcel {
  readonly message: string;
  readonly code?: string;
  readonly remedy?: string;
  readonly failure: boolean;
}

export type FromThread =
  | { readonly kind: 'ready'; readonly facts: ModelFacts }
  | { readonly kind: 'unusable'; readonly error: ErrorParcel }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'token'; readonly token: GeneratedToken }
  | {
      readonly kind: 'answer';
      readonly call: number;
      /** UTF-8 of the JSON object. */
      readonly json: Uint8Array;
      readonly seconds: number;
    }
  | { readonly kind: 'error'; readonly call: number; readonly error: ErrorParcel };
