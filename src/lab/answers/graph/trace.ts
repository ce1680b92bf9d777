import { graphScores, pruneGraph } from '../../../microscope/graph/index.ts';
import type { HiddenCount, HiddenNode, TraceLinks, TraceNode } from '../../contract/graph.ts';
import { type Handler, viewTokens } from '../session.ts';
import { densitiesOf } from './harvest.ts';
import { namesOf } from './labels.ts';
import { type Traced, traceOf } from './traced.ts';

/** What a page can show at sixty frames a second. */
const MOST_NODES = 700;
const MOST_LINKS = 10_000;
/** Hidden nodes that are named. */
const NAMED_HIDDEN = 20;

const UNNAMED: {
  readonly label: null;
  readonly labelFrom?: undefined;
  readonly unscored?: undefined;
} = { label: null };

/** The nodes to return, in the graph's order: those that pruning kept, the most influential first. */
function chooseNodes(keep: readonly boolean[], { found, influences }: Traced): number[] {
  const kept = [...keep.keys()].filter((i) => keep[i]);
  if (kept.length <= MOST_NODES) return kept;
  const always = (i: number) => ['token', 'logit'].includes(found.graph.nodes[i].kind);
  return kept
    .sort((a, b) => Number(always(b)) - Number(always(a)) || influences[b] - influences[a])
    .slice(0, MOST_NODES)
    .sort((a, b) => a - b);
}

interface ScoredLink {
  readonly source: number;
  readonly target: number;
  readonly weight: number;
  readonly score: number;
}

/** Sum of the magnitudes of a node's inputs, and the part of it that comes from errors. */
function inputsOf({ found }: Traced, node: number): { inputs: number; errorShare: number } {
  const { nodes, adjacency } = found.graph;
  let [inputs, errors] = [0, 0];
  for (let source = 0; source < nodes.length; source++) {
    const size = Math.abs(adjacency[node * nodes.length + source]);
    inputs += size;
    if (nodes[source].kind === 'error') errors += size;
  }
  return { inputs, errorShare: inputs > 0 ? errors / inputs : 0 };
}

/** Per feature, the share of positions at which the graph has it. */
function presences({ found }: Traced): (layer: number, index: number) => number {
  const counts = new Map<string, number>();
  for (const { kind, layer, index } of found.graph.nodes) {
    if (kind !== 'feature') continue;
    const name = `${layer}.${index}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const positions = found.graph.tokens.length;
  return (layer, index) => (counts.get(`${layer}.${index}`) ?? 0) / positions;
}

export const trace: Handler<'trace'> = async (session, request, job) => {
  const traced = await traceOf(session, request, job);
  const { found, influences, weights, keys } = traced;
  const { nodeShare = 0.8, edgeShare = 0.98 } = request;
  const { nodes, adjacency, tokens, nLayers } = found.graph;
  const n = nodes.length;
  const kinds = nodes.map(({ kind }) => kind);
  const pruned = pruneGraph(kinds, adjacency, weights, { nodeShare, edgeShare });
  const chosen = chooseNodes(pruned.keepNodes, traced);
  const names = await namesOf(session);
  const density = await densitiesOf(session);
  const presence = presences(traced);
  const nameAt = (i: number) => {
    const { kind, layer, index } = nodes[i];
    return (kind === 'feature' && names(layer, index)) || UNNAMED;
  };
  const views = chosen.map((i): TraceNode => {
    const { kind, layer, position, index, activation, probability } = nodes[i];
    return {
      key: keys[i],
      kind,
      layer,
      position,
      index,
      ...nameAt(i),
      activation,
      probability,
      density: kind === 'feature' ? density(layer, index) : null,
      presence: kind === 'feature' ? presence(layer, index) : null,
      influence: influences[i],
      cumulative: pruned.cumulative[i],
      ...inputsOf(traced, i),
    };
  });

  let total = 0;
  for (const value of adjacency) if (value !== 0) total++;
  let survived = 0;
  const all: ScoredLink[] = [];
  const at = new Map(chosen.map((node, i) => [node, i]));
  for (let target = 0; target < n; target++) {
    for (let source = 0; source < n; source++) {
      if (pruned.keepEdges[target * n + source] !== 1) continue;
      survived++;
      const [from, to] = [at.get(source), at.get(target)];
      if (from === undefined || to === undefined) continue;
      const weight = adjacency[target * n + source];
      const matters = (influences[target] + weights[target]) / Math.max(views[to].inputs, 1e-10);
      all.push({ source: from, target: to, weight, score: Math.abs(weight) * matters });
    }
  }
  const links = all.sort((a, b) => b.score - a.score).slice(0, MOST_LINKS);
  const columns: TraceLinks = {
    source: links.map(({ source }) => source),
    target: links.map(({ target }) => target),
    weight: links.map(({ weight }) => weight),
  };
  const traceable = kinds.filter((kind) => kind === 'feature').length;
  const keptNodes = pruned.keepNodes.filter(Boolean).length;
  const hidden: HiddenCount[] = [
    { what: 'features', why: 'untraced', count: found.activeFeatures - traceable },
    { what: 'nodes', why: 'pruned', count: n - keptNodes },
    { what: 'nodes', why: 'limit', count: keptNodes - chosen.length },
    { what: 'links', why: 'pruned', count: total - survived },
    { what: 'links', why: 'limit', count: survived - links.length },
  ];
  const largestHidden = [...nodes.keys()]
    .filter((i) => !at.has(i))
    .sort((a, b) => influences[b] - influences[a] || a - b)
    .slice(0, NAMED_HIDDEN)
    .map((i): HiddenNode => {
      const { kind, layer, position, index } = nodes[i];
      const why = pruned.keepNodes[i] ? 'limit' : 'pruned';
      const influence = influences[i];
      const { label, labelFrom, unscored } = nameAt(i);
      const name = { label, labelFrom, unscored };
      return { key: keys[i], kind, layer, position, index, ...name, influence, why };
    });
  const sum = (kind?: string) =>
    kinds.reduce(
      (all, own, i) => (kind === undefined || own === kind ? all + influences[i] : all),
      0,
    );
  const whole = sum();
  return {
    ...viewTokens(
      session,
      tokens.map(({ id }) => id),
    ),
    layers: nLayers,
    targets: traced.targets,
    nodes: views,
    links: columns,
    shown: { nodes: views.length, links: links.length },
    total: { nodes: n, links: total, features: found.activeFeatures },
    hidden: hidden.filter(({ count }) => count > 0),
    largestHidden,
    scores: {
      ...graphScores(kinds, adjacency, weights),
      errorShare: whole > 0 ? sum('error') / whole : 0,
    },
    nodeShare,
    edgeShare,
  };
};
