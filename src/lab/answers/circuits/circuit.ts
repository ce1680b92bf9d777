import {
  countEdges,
  evaluateCircuit,
  type FaithfulnessCurve,
  faithfulness,
  faithfulnessCurve,
  nodesOf,
  pruneDeadEnds,
  type RandomCurve,
  randomCurve,
  receiverName,
  topEdges,
} from '../../../microscope/circuits/index.ts';
import { bootstrapMean } from '../../../microscope/index.ts';
import type { CurveView } from '../../contract/circuits.ts';
import { choice, type Handler, viewTokens } from '../session.ts';
import { circuitOf, circuitOfFile, estimateView, runnerOf, taskOf } from './task.ts';

export const circuit: Handler<'circuit'> = async (session, request, job) => {
  const task = taskOf(session, request);
  const { graph, scores, mask } = await circuitOf(session, request, { task, job });
  const runner = await runnerOf(session, request, task);
  const { method = 'eap-ig-inputs', metric = 'logit-diff', ablation = 'corrupted' } = request;
  const [{ clean, corrupted, target, distractor }] = task.examples;
  const { nLayers, nHeads, dModel, parallel } = graph.shape;
  return {
    shape: { nLayers, nHeads, dModel, parallel },
    nodes: graph.nodes,
    receivers: graph.receivers.map(receiverName),
    sender: graph.edges.map(({ sender }) => sender),
    receiver: graph.edges.map(({ receiver }) => receiver),
    scores: graph.edges.map(({ index }) => scores[index]),
    kept: graph.edges.flatMap(({ index }, i) => (mask[index] === 1 ? [i] : [])),
    method,
    metric,
    ablation,
    unit: metric === 'logit-diff' ? 'logits' : 'nats',
    n: task.examples.length,
    full: estimateView(bootstrapMean(runner.full)),
    empty: estimateView(bootstrapMean(runner.empty)),
    sample: {
      clean: viewTokens(session, clean),
      corrupted: viewTokens(session, corrupted),
      target: choice(session, target),
      distractor: task.compares ? choice(session, distractor) : null,
    },
    sentences: task.sentences,
  };
};

function curveView({ points, cpr, cmd }: FaithfulnessCurve | RandomCurve): CurveView {
  return {
    points: points.map((point) => ({
      fraction: point.fraction,
      edges: point.edges,
      connected: 'connected' in point ? (point.connected as number) : null,
      faithfulness: estimateView(point.faithfulness),
    })),
    cpr,
    cmd,
  };
}

export const circuitCurve: Handler<'circuit-curve'> = async (session, request, job) => {
  const { file, random = 8, ...search } = request;
  const task = taskOf(session, search);
  const { scores } = file
    ? circuitOfFile(session, file)
    : await circuitOf(session, search, { task, job });
  const runner = await runnerOf(session, search, task);
  const { progress } = job;
  const curve = await faithfulnessCurve(runner, scores, { progress });
  const control = random > 0 ? await randomCurve(runner, { draws: random, progress }) : null;
  return {
    n: task.examples.length,
    curve: curveView(curve),
    random: control && curveView(control),
  };
};

export const circuitEval: Handler<'circuit-eval'> = async (session, request, job) => {
  const { file, edges, checks = false, sets, seed, ...search } = request;
  const task = taskOf(session, search);
  const found = file
    ? circuitOfFile(session, file)
    : await circuitOf(session, search, { task, job });
  const { graph, scores } = found;
  const mask =
    edges === undefined
      ? pruneDeadEnds(graph, found.mask)
      : pruneDeadEnds(graph, topEdges(graph, scores, { count: edges }));
  const runner = await runnerOf(session, search, task);
  if (!checks) {
    const share = await faithfulness(runner, mask);
    const [full, empty] = [runner.full, runner.empty].map((list) => bootstrapMean(list).value);
    return {
      edges: countEdges(mask),
      nodes: nodesOf(graph, mask),
      metric: { circuit: empty + share.value * (full - empty), full, empty },
      faithfulness: estimateView(share),
      checks: null,
    };
  }
  const { progress } = job;
  const judged = await evaluateCircuit(runner, { graph, scores, mask }, { sets, seed, progress });
  const { completeness, minimality } = judged;
  return {
    edges: judged.edges,
    nodes: nodesOf(graph, mask),
    metric: judged.metric,
    faithfulness: estimateView(judged.faithfulness),
    checks: {
      completeness: { ...completeness, mean: estimateView(completeness.mean) },
      minimality: minimality.map((one) => ({ ...one, effect: estimateView(one.effect) })),
    },
  };
};
