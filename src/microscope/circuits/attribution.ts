import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Program } from '../../graph/program.ts';
import type { Model } from '../../model/model.ts';
import { toBatch } from '../../model/run/batch.ts';
import { eapActivationsProgram, eapInputsProgram, eapProgram } from './attribution-program.ts';
import { lastPositions, requireExamples, requireFinite } from './examples.ts';
import {
  type CircuitGraph,
  circuitGraph,
  circuitShape,
  type EdgeValues,
  edgeValues,
  firstReceiver,
  firstSender,
} from './graph.ts';
import { type CircuitExample, type CircuitMetric, metricFeeds } from './metric.ts';
import { type NodeGroup, nodeGroups } from './nodes.ts';

/** How edges are scored from gradients. */
export const attributionMethods = ['eap', 'eap-ig-inputs', 'eap-ig-activations'] as const;
/** The name of a method that scores edges. */
export type AttributionMethod = (typeof attributionMethods)[number];

/** How edges are scored. */
export interface EdgeAttributionOptions {
  /** `eap-ig-inputs` unless told. */
  readonly method?: AttributionMethod;
  /** `logit-diff` unless told. */
  readonly metric?: CircuitMetric;
  /** Points of the integral for the `eap-ig` methods; 5 unless told, 30 in the paper. */
  readonly steps?: number;
  /** Examples per native run, 4 unless told. */
  readonly batch?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** A score per edge, mean over examples, in units of the metric. */
export interface EdgeAttribution {
  readonly graph: CircuitGraph;
  readonly scores: EdgeValues;
  readonly method: AttributionMethod;
  readonly metric: CircuitMetric;
  readonly steps: number;
  readonly n: number;
}

/** The first receiver of a point, as an index of the graph. */
function receiverAt({ shape }: CircuitGraph, point: string): number {
  if (point === 'end') return firstReceiver(shape, shape.nLayers);
  const [at, layer] = point.split('.');
  return firstReceiver(shape, Number(layer)) + (at === 'mid' ? 3 * shape.nHeads : 0);
}

/** The first sender of a group, as an index of the graph. */
function senderAt({ shape }: CircuitGraph, group: NodeGroup): number {
  if (group === 'input') return 0;
  const [kind, layer] = group.split('.');
  return firstSender(shape, Number(layer)) + (kind === 'mlp' ? shape.nHeads : 0);
}

/** Adds a program's scores, whose columns begin at a sender, to those of all edges. */
function accumulate(
  graph: CircuitGraph,
  into: EdgeValues,
  found: Readonly<Record<string, TensorData>>,
  firstColumn: number,
): void {
  for (const [name, { shape, data }] of Object.entries(found)) {
    if (!name.startsWith('edges.')) continue;
    const [receivers, senders] = shape;
    const first = receiverAt(graph, name.slice('edges.'.length));
    for (let r = 0; r < receivers; r++) {
      const start = (first + r) * graph.senders.length + firstColumn;
      for (let s = 0; s < senders; s++) into[start + s] += Number(data[r * senders + s]);
    }
  }
}

/** Programs of a method with the first sender of each one's columns. */
function programsOf(
  model: Model,
  graph: CircuitGraph,
  method: AttributionMethod,
): readonly {
  readonly key: string;
  readonly first: number;
  readonly trace: (metric: CircuitMetric) => Program;
}[] {
  const { config } = model;
  if (method === 'eap') {
    return [{ key: 'eap', first: 0, trace: (metric) => eapProgram(config, metric) }];
  }
  if (method === 'eap-ig-inputs') {
    return [{ key: 'eap-ig', first: 0, trace: (metric) => eapInputsProgram(config, metric) }];
  }
  return nodeGroups(config).map((group) => ({
    key: `eap-ig ${group}`,
    first: senderAt(graph, group),
    trace: (metric) => eapActivationsProgram(config, metric, group),
  }));
}

async function cleanLogits(model: Model, examples: readonly CircuitExample[]): Promise<TensorData> {
  const prompts = examples.map(({ clean }) => clean);
  const { logits } = await model.forward(prompts, { logits: 'last' });
  return logits!;
}

/**
 * Scores every edge of a model at once by gradients. A positive score means that the edge, as it is on the
 * clean prompt instead of the corrupted one, raises the metric. Methods: EAP (Syed et al. 2023), EAP-IG over
 * inputs and over activations (Hanna et al. 2024), whose gradients are averaged at k / steps of the way from
 * corrupted to clean, k = 0 … steps − 1.
 *
 * @throws GlassboxError `no-prompts`, `prompts-differ-in-length`, `flat-metric` for plain EAP with `kl`,
 *   whose gradient is zero on the clean run; `not-finite`; `bad-option` for less than one step
 */
export async function edgeAttribution(
  model: Model,
  examples: readonly CircuitExample[],
  options: EdgeAttributionOptions = {},
): Promise<EdgeAttribution> {
  requireExamples(examples);
  const { method = 'eap-ig-inputs', metric = 'logit-diff', batch = 4 } = options;
  const steps = method === 'eap' ? 1 : (options.steps ?? 5);
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new GlassboxError(`${steps} points of the integral were asked for`, {
      code: 'bad-option',
      remedy: 'Use a whole number of steps, at least 1.',
    });
  }
  if (method === 'eap' && metric === 'kl') {
    throw new GlassboxError('the divergence from the clean run has no slope at the clean run', {
      code: 'flat-metric',
      remedy: 'Use the metric logit-diff, or the method eap-ig-inputs.',
    });
  }
  const { config, runner } = model;
  const graph = circuitGraph(circuitShape(config));
  const scores = edgeValues(graph);
  const programs = programsOf(model, graph, method);
  const alpha = Float32Array.from({ length: steps }, (_, k) => k / steps);
  const total = programs.length * Math.ceil(examples.length / batch);
  let done = 0;
  for (const { key, first, trace } of programs) {
    for (let start = 0; start < examples.length; start += batch) {
      options.signal?.throwIfAborted();
      const chunk = examples.slice(start, start + batch);
      const prompts = chunk.map(({ clean }) => clean);
      const logits = metric === 'kl' ? await cleanLogits(model, chunk) : null;
      const kept = runner.program(`${key} ${metric}`, 'fed', () => trace(metric));
      const found = await runner.run(kept, {
        clean: toBatch(config, prompts).tokens,
        corrupted: toBatch(
          config,
          chunk.map(({ corrupted }) => corrupted),
        ).tokens,
        last: lastPositions(prompts),
        alpha: { dtype: 'float32', shape: [steps], data: alpha },
        ...metricFeeds(metric, chunk, logits!),
      });
      // One metric per step and example, steps first.
      requireFinite([...(found.metric.data as Float32Array)], chunk.length);
      accumulate(graph, scores, found, first);
      options.progress?.({ label: 'edges', done: ++done, total, unit: 'batches' });
    }
  }
  for (let i = 0; i < scores.length; i++) scores[i] /= examples.length;
  return { graph, scores, method, metric, steps, n: examples.length };
}
