import { LOCALES, type Locale } from '../../src/i18n/locale.ts';
import { type CircuitSettings, isCircuit } from './circuits.ts';
import type { StackedEdit, SweepSettings } from './edits.ts';
import type { GraphChange, SubgraphPlace } from './graph.ts';
import {
  isChange,
  isFeatureName,
  isNameList,
  isPlaces,
  isStack,
  isSupernodes,
  isSweep,
} from './guards.ts';

/** How one part of the page's state is written in the address. */
export interface Field<T> {
  /** The value that is never written. */
  readonly initial: T;
  /** Undefined when the text is not a value; the initial value then stands. */
  readonly read: (text: string) => T | undefined;
  readonly write: (value: T) => string;
}

/** Which number shades the token strip. */
export const SHADES = ['loss', 'probability', 'rank', 'entropy'] as const;
/** Which number shades a cell of the lens: of its top-1 token, or of the target. */
export const LENS_SHADES = ['top', 'target', 'rank', 'entropy'] as const;
/** By what the heads are ordered. */
export const HEAD_SORTS = [
  'effect',
  'layer',
  'previousToken',
  'duplicateToken',
  'induction',
] as const;
/** Whose attention the large picture shows: one head's, or all heads' of its layer taken together. */
export const PATTERN_VIEWS = ['head', 'average', 'maximum'] as const;
/** Links of the attribution graph that are shown. */
export const LINK_SIGNS = ['both', 'positive', 'negative', 'none'] as const;
/** How the list of the graph's nodes is ordered. */
export const NODE_LISTS = ['influence', 'token', 'layer'] as const;
/** What answers to a change of the graph's features. */
export const GRAPH_MODES = ['open', 'frozen', 'direct'] as const;
/** By what the table of active features is ordered. */
export const FEATURE_SORTS = [
  'effect',
  'influence',
  'activation',
  'density',
  'score',
  'token',
  'label',
] as const;
/** By what features found in whole dictionaries are ordered. */
export const FOUND_SORTS = ['match', 'score', 'density', 'max'] as const;
/** Whether the table holds what fires on the prompt, or every feature. */
export const FEATURE_SCOPES = ['prompt', 'all'] as const;
export const FEATURE_KINDS = ['set', 'autoencoders'] as const;
/** Rows of active features that are taken together. */
export const FEATURE_GROUPS = ['no', 'token', 'feature'] as const;
export const DICTIONARY_VIEWS = ['quality', 'training'] as const;
export const LABEL_SOURCES = [
  'all',
  'concept',
  'tokens',
  'explanation',
  'weak',
  'imported',
  'none',
] as const;
export const THEMES = ['auto', 'light', 'dark'] as const;

/** A head by its layer and number, written `3.1`. */
export interface HeadId {
  readonly layer: number;
  readonly head: number;
}

/**
 * Everything that a link carries. A prompt may be text of any kind; positions count from 0 and layers
 * count the rows of the lens, 0 being the stream that enters the first block.
 */
export const FIELDS = {
  /** Name, folder or hub id; empty for the one the lab was started with. */
  model: text(),
  prompt: text(),
  /** Second prompt to compare with; empty for none. */
  promptB: text(),
  /** Token texts, or `#id`; empty for what the model itself thinks likeliest. */
  target: text(),
  distractor: text(),
  position: optional(whole(0, 1e6)),
  layer: optional(whole(0, 1e4)),
  head: optional(headId()),
  /** Guesses that a popup lists. */
  k: whole(1, 20, 8),
  shade: oneOf(SHADES),
  lensShade: oneOf(LENS_SHADES),
  headSort: oneOf(HEAD_SORTS),
  pattern: oneOf(PATTERN_VIEWS),
  edits: json<readonly StackedEdit[]>([], isStack),
  sweep: json<SweepSettings | null>(null, isSweep),
  /** Tokens that the interventions panel continues the prompt by, without and with the edits. */
  length: whole(0, 256, 16),
  /** Chosen node of the attribution graph by its name; empty for none. */
  node: text(),
  /** Pinned nodes by name. */
  pins: json<readonly string[]>([], isNameList),
  /** Each a label followed by the names of its nodes, as graph files have them. */
  supernodes: json<readonly (readonly string[])[]>([], isSupernodes),
  /** Names that a reader gave to nodes, as pairs. */
  nodeLabels: json<readonly (readonly [name: string, label: string])[]>([], isSupernodes),
  /** Percent of influence that kept nodes and links carry. */
  nodeShare: whole(1, 100, 80),
  edgeShare: whole(1, 100, 98),
  linkSign: oneOf(LINK_SIGNS),
  /** Percent of a corpus's tokens that a shown feature fires on at most. */
  densityLimit: whole(1, 100, 100),
  /** Whether features at more than two thirds of the prompt's positions are shown. */
  everywhere: oneOf(['shown', 'hidden']),
  nodeList: oneOf(NODE_LISTS),
  /** Two logits of the graph by name, whose difference is a node of its own. */
  logitPair: json<readonly string[]>([], isNameList),
  /** Where a reader put parts of the subgraph: name, then place in thousandths of its width and height. */
  subgraphAt: json<readonly SubgraphPlace[]>([], isPlaces),
  /** Supernodes whose members the subgraph shows one by one, by number. */
  expanded: json<readonly string[]>([], isNameList),
  /** Text that labels of nodes and features are searched for. */
  label: text(),
  change: json<GraphChange | null>(null, isChange),
  graphMode: oneOf(GRAPH_MODES),
  /** Whether the validity of the graph is measured. */
  validity: oneOf(['no', 'yes']),
  /** Chosen feature, `layer.index` of the transcoders or `dictionary:index`; empty for none. */
  feature: featureName(),
  featureScope: oneOf(FEATURE_SCOPES),
  featureKind: oneOf(FEATURE_KINDS),
  featureSort: oneOf(FEATURE_SORTS),
  featureGroup: oneOf(FEATURE_GROUPS),
  foundSort: oneOf(FOUND_SORTS),
  /** Name of the dictionary that the table is narrowed to; empty for all. */
  dictionary: text(),
  labelSource: oneOf(LABEL_SOURCES),
  dictionaryView: oneOf(DICTIONARY_VIEWS),
  /** Dictionary that is marked in the comparison; empty for none. */
  compared: text(),
  /** Training whose course is shown; empty for the newest. */
  run: text(),
  /** A text to test the chosen feature on. */
  ownText: text(),
  /** What a circuit was looked for with; null before. */
  circuit: json<CircuitSettings | null>(null, isCircuit),
  /** Edges kept, the strongest first; what the method keeps where there is none. */
  edges: optional(whole(1, 1e9)),
  /** Chosen edge, `a3.h0->logits`, and chosen node of the circuit; empty for none. */
  edge: text(),
  circuitNode: text(),
  /** Pinned edges and nodes of the circuit by name. */
  circuitPins: json<readonly string[]>([], isNameList),
  edgeSearch: text(),
  /** Whether completeness and minimality are measured. */
  circuitChecks: oneOf(['no', 'yes']),
  /** Whether roles of heads are looked for. */
  headRoles: oneOf(['no', 'yes']),
  /** Whether the prediction is attributed to tokens, and other wordings to compare with. */
  attributions: oneOf(['no', 'yes']),
  paraphrases: json<readonly string[]>([], isNameList),
  /** Id of the panel that fills the page; empty for none. */
  panel: text(),
  lang: oneOf(['auto', ...LOCALES] as const satisfies readonly ('auto' | Locale)[]),
  theme: oneOf(THEMES),
};

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The page's state: what {@link FIELDS} declares. */
export type State = { readonly [K in keyof typeof FIELDS]: ValueOf<(typeof FIELDS)[K]> };
export type StateKey = keyof State;

function text(): Field<string> {
  return { initial: '', read: (value) => value, write: (value) => value };
}

function whole(low: number, high: number, initial = low): Field<number> {
  const read = (value: string) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= low && number <= high ? number : undefined;
  };
  return { initial, read, write: String };
}

function optional<T>(field: Field<T>): Field<T | null> {
  const write = (value: T | null) => (value === null ? '' : field.write(value));
  return { initial: null, read: field.read, write };
}

function oneOf<const T extends string>(values: readonly T[]): Field<T> {
  return {
    initial: values[0],
    read: (value) => values.find((one) => one === value),
    write: (value) => value,
  };
}

function headId(): Field<HeadId> {
  return {
    initial: { layer: 0, head: 0 },
    read: (value) => {
      const [, layer, head] = /^(\d{1,4})\.(\d{1,4})$/.exec(value) ?? [];
      return head === undefined ? undefined : { layer: Number(layer), head: Number(head) };
    },
    write: ({ layer, head }) => `${layer}.${head}`,
  };
}

function featureName(): Field<string> {
  return { ...text(), read: (value) => (isFeatureName(value) ? value : undefined) };
}

/** A value as JSON. `fits` says whether it can be shown; the server checks the rest and names a fault. */
function json<T>(initial: T, fits: (value: unknown) => boolean): Field<T> {
  const read = (value: string) => {
    try {
      const parsed: unknown = JSON.parse(value);
      return fits(parsed) ? (parsed as T) : undefined;
    } catch {
      return undefined;
    }
  };
  return { initial, read, write: (value) => JSON.stringify(value) };
}
