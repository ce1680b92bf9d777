import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import { edgeInterventionProgram } from './edge-program.ts';
import {
  type Ablation,
  ablationRun,
  lastPositions,
  type NodeRun,
  requireExamples,
  requireFinite,
  runNodes,
} from './examples.ts';
import {
  type CircuitGraph,
  circuitGraph,
  circuitShape,
  type EdgeMask,
  edgeMask,
  firstReceiver,
  sendersBefore,
} from './graph.ts';
import { type CircuitExample, type CircuitMetric, metricFeeds } from './metric.ts';
import { streamPoints } from './nodes.ts';

/** How circuits of a model are run. */
export interface CircuitRunOptions {
  /** `logit-diff` unless told. */
  readonly metric?: CircuitMetric;
  /** What cut edges carry; `corrupted` unless told. */
  readonly ablation?: Ablation;
  /** Hold every norm's scale at the clean run's; off unless told. */
  readonly freezeNorms?: boolean;
  /** Rows per native run, 16 unless told. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

/** Runs circuits of one model on fixed examples: exact interventions on edges. */
export interface CircuitRunner {
  readonly graph: CircuitGraph;
  readonly examples: readonly CircuitExample[];
  readonly metric: CircuitMetric;
  /** The metric of every example with all edges kept, and with all cut. */
  readonly full: readonly number[];
  readonly empty: readonly number[];
  /**
   * The metric of every example under every mask, `[masks][examples]`. Throws `not-finite`.
   *
   * @param from no edge into a layer before this one is cut by any mask: those layers are not run again
   */
  run(masks: readonly EdgeMask[], options?: { readonly from?: number }): Promise<number[][]>;
}

interface Prepared {
  readonly model: Model;
  readonly graph: CircuitGraph;
  readonly options: CircuitRunOptions;
  readonly feeds: Readonly<Record<string, TensorData>>;
  readonly examples: number;
}

/** One layer's or the logits' part of masks, `[rows, receivers, senders]`. */
function maskFeed(
  graph: CircuitGraph,
  rows: readonly EdgeMask[],
  part: { readonly first: number; readonly receivers: number; readonly senders: number },
): TensorData {
  const { first, receivers, senders } = part;
  const data = new Float32Array(rows.length * receivers * senders);
  rows.forEach((mask, row) => {
    for (let r = 0; r < receivers; r++) {
      const start = (first + r) * graph.senders.length;
      data.set(mask.subarray(start, start + senders), (row * receivers + r) * senders);
    }
  });
  return { dtype: 'float32', shape: [rows.length, receivers, senders], data };
}

function maskFeeds(
  graph: CircuitGraph,
  rows: readonly EdgeMask[],
  from: number,
): Record<string, TensorData> {
  const { shape } = graph;
  const feeds: Record<string, TensorData> = {};
  for (let layer = from; layer < shape.nLayers; layer++) {
    const first = firstReceiver(shape, layer);
    feeds[`mask.pre.${layer}`] = maskFeed(graph, rows, {
      first,
      receivers: 3 * shape.nHeads,
      senders: sendersBefore(shape, { kind: 'head', layer, head: 0, input: 'q' }),
    });
    feeds[`mask.mid.${layer}`] = maskFeed(graph, rows, {
      first: first + 3 * shape.nHeads,
      receivers: 1,
      senders: sendersBefore(shape, { kind: 'mlp', layer }),
    });
  }
  feeds['mask.end'] = maskFeed(graph, rows, {
    first: firstReceiver(shape, shape.nLayers),
    receivers: 1,
    senders: graph.senders.length,
  });
  return feeds;
}

async function runRows(
  prepared: Prepared,
  rows: readonly { readonly mask: EdgeMask; readonly example: number }[],
  from: number,
): Promise<Float32Array> {
  const { model, graph, options, feeds } = prepared;
  const { metric = 'logit-diff', freezeNorms = false } = options;
  const key = `circuit ${metric} ${freezeNorms} ${from}`;
  const kept = model.runner.program(key, 'fed', () =>
    edgeInterventionProgram(model.config, { metric, freezeNorms, from }),
  );
  const found = await model.runner.run(kept, {
    ...feeds,
    ...maskFeeds(
      graph,
      rows.map(({ mask }) => mask),
      from,
    ),
    row: {
      dtype: 'int64',
      shape: [rows.length],
      data: BigInt64Array.from(rows, ({ example }) => BigInt(example)),
    },
  });
  return found.metric.data as Float32Array;
}

function feedsOf(
  model: Model,
  examples: readonly CircuitExample[],
  runs: { readonly clean: NodeRun; readonly other: NodeRun; readonly metric: CircuitMetric },
): Record<string, TensorData> {
  const { clean, other, metric } = runs;
  const feeds: Record<string, TensorData> = {
    last: lastPositions(examples.map((example) => example.clean)),
    ...metricFeeds(metric, examples, clean.logits),
  };
  for (const [name, value] of Object.entries(clean)) {
    if (name.startsWith('node.')) feeds[name.replace('node', 'clean')] = value;
    if (name.startsWith('scale.')) feeds[name] = value;
  }
  for (const [name, value] of Object.entries(other)) {
    if (name.startsWith('node.')) feeds[name.replace('node', 'other')] = value;
  }
  for (const { point } of streamPoints(model.config)) {
    feeds[`stream.${point}`] = other[`stream.${point}`];
  }
  return feeds;
}

/**
 * Prepares a model's circuits on examples: runs the prompts once and keeps what nodes write.
 *
 * @throws GlassboxError `no-prompts`, `prompts-differ-in-length`, `not-finite`
 */
export async function circuitRunner(
  model: Model,
  examples: readonly CircuitExample[],
  options: CircuitRunOptions = {},
): Promise<CircuitRunner> {
  const { metric = 'logit-diff', ablation = 'corrupted', batch = 16 } = options;
  requireExamples(examples, ablation);
  const graph = circuitGraph(circuitShape(model.config));
  const clean = await runNodes(
    model,
    examples.map((example) => example.clean),
  );
  const other = await ablationRun(model, examples, { ablation, clean });
  const feeds = feedsOf(model, examples, { clean, other, metric });
  const prepared = { model, graph, options, feeds, examples: examples.length };
  const run: CircuitRunner['run'] = async (masks, { from = 0 } = {}) => {
    const rows = masks.flatMap((mask) => examples.map((_, example) => ({ mask, example })));
    const values: number[] = [];
    for (let start = 0; start < rows.length; start += batch) {
      options.signal?.throwIfAborted();
      values.push(...(await runRows(prepared, rows.slice(start, start + batch), from)));
    }
    const n = examples.length;
    requireFinite(values, n);
    return masks.map((_, i) => values.slice(i * n, (i + 1) * n));
  };
  const [full, empty] = await run([edgeMask(graph), edgeMask(graph, 'none')]);
  return { graph, examples, metric, full, empty, run };
}

/** The mean of numbers. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
