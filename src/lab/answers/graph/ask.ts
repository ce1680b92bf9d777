import {
  graphValidity,
  groupFeatures,
  measureChange,
  predictChange,
  qkAttribution,
  type StreamPart,
  headLoadings as splitOverHeads,
  subgraphScores,
} from '../../../microscope/graph/index.ts';
import type { StreamPartView } from '../../contract/graph.ts';
import type { Handler } from '../session.ts';
import { namesOf } from './labels.ts';
import { nodeAt, traceOf } from './traced.ts';

export const graphIntervention: Handler<'graph-intervention'> = async (session, request, job) => {
  const { changes: named, mode = 'open', ...graph } = request;
  const traced = await traceOf(session, graph, job);
  const { found, set, targets } = traced;
  const changes = named.map(({ node, factor }) => ({ node: nodeAt(traced, node), factor }));
  const predicted = predictChange(found, changes, { mode });
  const measured = await measureChange(session.model, set, found, { changes, mode });
  return {
    mode,
    targets: targets.map((target, i) => ({
      ...target,
      predicted: predicted[i],
      measured: measured[i],
    })),
  };
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export const graphValidityAnswer: Handler<'graph-validity'> = async (session, request, job) => {
  const { mode, features, seed, ...graph } = request;
  const { found, set, targets, keys } = await traceOf(session, graph, job);
  const names = await namesOf(session);
  const { correlation, low, high, n, points, ...result } = await graphValidity(
    session.model,
    set,
    found,
    { mode, features, seed, progress: job.progress, signal: job.signal },
  );
  return {
    mode: result.mode,
    correlation: finite(correlation),
    low: finite(low),
    high: finite(high),
    n,
    target: targets[0],
    points: points.map(({ node, predicted, measured }) => {
      const { layer, index } = found.graph.nodes[node];
      return { key: keys[node], label: names(layer, index)?.label ?? null, predicted, measured };
    }),
  };
};

export const headLoadings: Handler<'head-loadings'> = async (session, request, job) => {
  const { edge: named, ...graph } = request;
  const traced = await traceOf(session, graph, job);
  const edge = { source: nodeAt(traced, named.source), target: nodeAt(traced, named.target) };
  return splitOverHeads(session.model, traced.set, traced.found, edge);
};

export const qk: Handler<'qk'> = async (session, request, job) => {
  const { layer, head, query, key, limit = 20, ...graph } = request;
  const { found, set, keys } = await traceOf(session, graph, job);
  const place = { layer, head, query, key };
  const { score, pairs } = await qkAttribution(session.model, set, found, place);
  const view = ({ kind, node, label }: StreamPart): StreamPartView => ({
    kind,
    name: kind === 'node' ? keys[node] : label,
  });
  return {
    score,
    pairs: pairs
      .slice(0, limit)
      .map((pair) => ({ query: view(pair.query), key: view(pair.key), value: pair.value })),
    total: pairs.length,
  };
};

export const groups: Handler<'groups'> = async (session, request, job) => {
  const { nodes, threshold, ...graph } = request;
  const traced = await traceOf(session, graph, job);
  const names = await namesOf(session);
  const found = groupFeatures(traced.found.graph, traced.set, {
    nodes: nodes?.map((name) => nodeAt(traced, name)),
    threshold,
    // A name that nothing confirms is no reason to keep two features apart.
    labels: ({ layer, index }) => {
      const name = names(layer, index);
      return name && !name.unscored ? name.label : null;
    },
  });
  return {
    groups: found.map((group) => ({
      label: group.label,
      nodes: group.nodes.map((i) => traced.keys[i]),
      cohesion: group.cohesion,
    })),
  };
};

export const subgraphScoresAnswer: Handler<'subgraph-scores'> = async (session, request, job) => {
  const { nodes, ...graph } = request;
  const traced = await traceOf(session, graph, job);
  return subgraphScores(
    traced.found.graph,
    nodes.map((name) => nodeAt(traced, name)),
  );
};
