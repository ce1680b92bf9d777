import { computed, effect, signal } from '@preact/signals';
import type { HiddenNode, TraceResponse } from '../../../src/lab/api.ts';
import { type Call, post, resource } from '../../api.ts';
import { tokenText } from '../../components/token.tsx';
import { formatProbability, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { tokenLabels } from '../attention/labels.ts';
import { followingFiles, graphRequest, PATIENCE } from '../dictionaries.ts';
import { labelText } from '../labels.ts';
import type { FileFault } from './file.ts';
import { hideFrequent, MOST_PRESENT, withDifference } from './filter.ts';
import { shelves } from './lists.ts';
import { pruneView, sparseSubgraphScores } from './prune.ts';
import {
  connections,
  type GraphNode,
  type GraphView,
  groupsOf,
  viewOfTrace,
  weightsTo,
} from './view.ts';

/** A graph read from a file, which then stands in place of the prompt's. It is not part of the address. */
export const opened = signal<GraphView | null>(null);

/** What was wrong with the last file. */
export const fileFault = signal<FileFault | null>(null);

/** The graph of the prompt. */
export const traced = followingFiles(
  resource<TraceResponse>(
    () => {
      const request = graphRequest.value;
      if (request === undefined) return undefined;
      return post('/api/trace', {
        ...request,
        nodeShare: state.nodeShare.value / 100,
        edgeShare: state.edgeShare.value / 100,
      });
    },
    { delay: PATIENCE, progress: true },
  ),
);

/** The graph before the reader's own limits: of the file, or of the prompt. */
const pruned = computed<GraphView | undefined>(() => {
  const file = opened.value;
  if (file !== null) {
    const shares = { nodes: state.nodeShare.value / 100, links: state.edgeShare.value / 100 };
    return pruneView(file, shares);
  }
  const { value } = traced.data;
  if (value === undefined) return undefined;
  const labels = tokenLabels(value, tokenText);
  return viewOfTrace(value, { prompt: state.prompt.peek(), tokens: labels });
});

/** The part of it that is shown, as a file holds it. */
export const plain = computed(() => {
  const graph = pruned.value;
  const density = state.densityLimit.value / 100;
  const presence = state.everywhere.value === 'hidden' ? MOST_PRESENT : 1;
  return graph && hideFrequent(graph, { density, presence });
});

/** The graph that is looked at. */
export const view = computed<GraphView | undefined>(() => {
  const graph = plain.value;
  return graph && withDifference(graph, state.logitPair.value, differenceLabel);
});

function differenceLabel(a: GraphNode, b: GraphNode): string {
  return `${logitName(a)} − ${logitName(b)}`;
}

/** A label in the language of the page. */
function ownLabel({ label, concept }: Pick<GraphNode, 'label' | 'concept'>) {
  return label === null ? null : labelText({ text: label, concept: concept ?? null });
}

/** A logit's token. */
export function logitName(node: GraphNode): string {
  const target = traced.data.value?.targets.find(({ key }) => key === node.key);
  return opened.value !== null && node.label
    ? node.label
    : tokenText(target?.label ?? `#${node.index}`);
}

/** The node under the pointer, by index; null for none. */
export const pointed = signal<number | null>(null);

/** The chosen node, by index. */
export const chosen = computed(() => {
  const name = state.node.value;
  return name === '' ? undefined : view.value?.indexOf.get(name);
});

/** Names of nodes gathered for a supernode; null while none is being made. */
export const gathered = signal<readonly string[] | null>(null);

/** The supernode that a change is made to, by its name in the subgraph; empty for the chosen feature. */
export const causalPick = signal('');

/** Whether the pointer is on the node in a list: what is pointed at there must not replace the list. */
export const fromList = signal(false);

/** Milliseconds that the pointer rests on a node before the lists follow: drawing them costs more than a frame. */
const REST = 60;

/** The node that the pointer has come to rest on. */
const rested = signal<number | null>(null);

effect(() => {
  const next = pointed.value;
  const timer = setTimeout(() => {
    rested.value = next;
  }, REST);
  return () => clearTimeout(timer);
});

/** The node that the lists are about: the chosen one, else the one under the pointer. */
export const shownNode = computed(() => {
  const index = chosen.value ?? (fromList.value ? undefined : rested.value) ?? undefined;
  return index !== undefined && index < (view.value?.nodes.length ?? 0) ? index : undefined;
});

/** Names that the reader gave, by node. */
export const renamed = computed(
  () => new Map(state.nodeLabels.value.map(([name, label]) => [name, label])),
);

/** What a node is called where there is room for a few words. */
export function nodeLabel(node: GraphNode): string {
  const own = renamed.value.get(node.key) ?? ownLabel(node);
  if (own) return own;
  const words = t().graph;
  switch (node.kind) {
    case 'feature':
      return `L${node.layer} #${node.index}`;
    case 'error':
      return `L${node.layer} ${words.errorNode}`;
    case 'token':
      return tokenName(node.position);
    case 'logit': {
      const name = logitName(node);
      return opened.value !== null || node.probability === 1
        ? name
        : `${name} ${formatProbability(node.probability)}`;
    }
  }
}

/** Tokens that occur more than once: their positions tell them apart. */
const repeated = computed(() => {
  const tokens = view.value?.tokens ?? [];
  return new Set(tokens.filter((token, i) => tokens.indexOf(token) < i));
});

/** A token, with its position where the prompt has it twice. */
export function tokenName(position: number): string {
  const token = view.value?.tokens[position] ?? '';
  return repeated.value.has(token) ? `${token} (${position})` : token;
}

/** What a hidden node is called. */
export function hiddenLabel({ kind, layer, index, label }: HiddenNode): string {
  if (label !== null) return label;
  const words = t().graph;
  if (kind === 'error') return `L${layer} ${words.errorNode}`;
  return kind === 'feature' ? `L${layer} #${index}` : words.kinds[kind];
}

/** The label with where the node is, and who calls it so where that is another project. */
export function nodePlace(node: GraphNode): string {
  const words = t().graph;
  const token = view.value?.tokens[node.position] ?? '';
  const named = node.kind === 'feature' && (node.label !== null || renamed.value.has(node.key));
  const from = sourceOf(node);
  return [
    node.kind === 'token' ? words.kinds.token : `${words.kinds[node.kind]} ${nodeLabel(node)}`,
    ...(named ? [`L${node.layer} #${node.index}`] : []),
    `${token} (${node.position})`,
    ...(from === undefined ? [] : [t().features.importedFrom(from)]),
  ].join(' · ');
}

/** The same, with the warning that nothing confirms a name that is only a guess. */
export function nodeTitle(node: GraphNode): string {
  const guessed = node.unscored && !renamed.value.has(node.key);
  return guessed ? `${nodePlace(node)} · ${t().features.unscored}` : nodePlace(node);
}

/** The project that a node's label is from; undefined for labels made here, or given by the reader. */
export function sourceOf({ key, labelFrom }: GraphNode): string | undefined {
  return renamed.value.has(key) ? undefined : labelFrom;
}

/** Weights of all nodes to the chosen one; undefined while none is. */
export const nodeWeights = computed(() => {
  const graph = view.value;
  const index = chosen.value;
  return graph === undefined || index === undefined ? undefined : weightsTo(graph, index);
});

/** Links by sign as chosen. */
export function signFits(weight: number): boolean {
  const sign = state.linkSign.value;
  return sign === 'both' || sign === 'none' || (sign === 'negative') === weight < 0;
}

/** Links that the picture draws; the colours of nodes may do without. */
export function linkDrawn(weight: number): boolean {
  return state.linkSign.value !== 'none' && signFits(weight);
}

export const inputs = computed(() => listed('inputs'));
export const outputs = computed(() => listed('outputs'));

function listed(side: 'inputs' | 'outputs') {
  const graph = view.value;
  const index = shownNode.value;
  if (graph === undefined || index === undefined) return [];
  return connections(graph, index, side).filter(({ weight }) => signFits(weight));
}

/** Nodes whose label has the searched text; undefined without a search. */
export const matches = computed(() => {
  const text = state.label.value.trim().toLowerCase();
  const graph = view.value;
  if (text === '' || graph === undefined) return undefined;
  const found = graph.nodes.map((node) => nodeTitle(node).toLowerCase().includes(text));
  return found;
});

/** What was found, as indices in the order of the list. */
export const found = computed<readonly number[]>(() => {
  const graph = view.value;
  const wanted = matches.value;
  if (graph === undefined || wanted === undefined) return [];
  return shelves(graph, { by: state.nodeList.value, found: wanted }).flatMap(({ nodes }) => nodes);
});

/** Pins and supernodes of this graph. */
export const groups = computed(() => {
  const graph = view.value;
  if (graph === undefined) return { groups: [], missing: 0 };
  const { pins, supernodes } = state;
  return groupsOf(graph, { pins: pins.value, supernodes: supernodes.value });
});

/** Features that are pinned or in a supernode. */
const keptFeatures = computed<readonly string[]>(() => {
  const graph = view.value;
  if (graph === undefined) return [];
  return groups.value.groups
    .flatMap(({ members }) => members)
    .map((i) => graph.nodes[i])
    .filter(({ kind }) => kind === 'feature')
    .map(({ key }) => key);
});

/** The subgraph's scores beside the graph's: exact for a trace, of what is in the file for a file. */
export const subgraphTraced = resource(() => {
  const request = graphRequest.value;
  const keys = keptFeatures.value;
  if (request === undefined || keys.length === 0 || opened.value !== null) return undefined;
  return post('/api/subgraph-scores', { ...request, nodes: keys });
});

/** Replacement and completeness when only the subgraph's features count; undefined while unknown. */
export const subgraphScores = computed(() => {
  const graph = view.value;
  const keys = keptFeatures.value;
  if (graph === undefined || keys.length === 0) return undefined;
  if (opened.value === null) return subgraphTraced.data.value;
  return sparseSubgraphScores(graph, new Set(keys.map((key) => graph.indexOf.get(key)!)));
});

/** The heads of one link, asked for when wanted. */
export const splitLink = signal<{ readonly source: string; readonly target: string } | null>(null);

export const loadings = resource(() => {
  const request = graphRequest.value;
  const edge = splitLink.value;
  if (request === undefined || edge === null || opened.value !== null) return undefined;
  return post('/api/head-loadings', { ...request, edge });
});

/** The place whose attention score is split over pairs. */
export const splitScore = signal<{
  readonly layer: number;
  readonly head: number;
  readonly query: number;
  readonly key: number;
} | null>(null);

export const qk = resource(() => {
  const request = graphRequest.value;
  const place = splitScore.value;
  if (request === undefined || place === null || opened.value !== null) return undefined;
  return post('/api/qk', { ...request, ...place, limit: 12 });
});

/** What a change of features does: predicted and measured. */
export const changed = resource(
  () => {
    const request = graphRequest.value;
    const change = state.change.value;
    if (request === undefined || change === null || change.nodes.length === 0) return undefined;
    return post('/api/graph-intervention', {
      ...request,
      changes: change.nodes.map((node) => ({ node, factor: change.factor })),
      mode: state.graphMode.value,
    });
  },
  { delay: PATIENCE, progress: true },
);

export const validity = resource(
  () => {
    const request = graphRequest.value;
    if (request === undefined || state.validity.value === 'no') return undefined;
    return post('/api/graph-validity', { ...request, mode: state.graphMode.value });
  },
  { delay: PATIENCE, progress: true },
);

/** Asks for groups of the features that are shown; they are added to the supernodes. */
export function groupsCall(graph: GraphView): Call<unknown> & { readonly keys: string[] } {
  const keys = graph.nodes.filter(({ kind }) => kind === 'feature').map(({ key }) => key);
  return { ...post('/api/groups', { ...graphRequest.peek()!, nodes: keys }), keys };
}
