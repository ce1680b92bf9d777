import { GlassboxError, nearestNames } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import { toBatch } from '../../model/run/batch.ts';
import { bootstrap, type Estimate } from '../intervals.ts';
import { lastPositions, requireExamples, requireFinite, runNodes } from './examples.ts';
import {
  type CircuitGraph,
  circuitGraph,
  circuitShape,
  firstReceiver,
  firstSender,
  receiverName,
  senderName,
} from './graph.ts';
import { type CircuitExample, type CircuitMetric, metricFeeds } from './metric.ts';
import { pathPatchingProgram } from './path-program.ts';
import { meanOf } from './runner.ts';

/** Which paths are patched. */
export interface PathPatchingOptions {
  /**
   * Nodes whose paths are patched, each measured by itself: `a9.h9`, `m3`, `input`. All heads unless told.
   */
  readonly senders?: readonly string[];
  /** Inputs the paths end in, patched together: `a9.h9<q>`, `m5`, `logits`. `['logits']` unless told. */
  readonly receivers?: readonly string[];
  /** Paths may run through MLPs between sender and receivers; only direct ones unless told. */
  readonly throughMlps?: boolean;
  /** Norms keep the clean run's scale; on unless told, as in the formula of direct path patching. */
  readonly freezeNorms?: boolean;
  readonly metric?: CircuitMetric;
  /** Rows per native run, 16 unless told. */
  readonly batch?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** The effect of one sender's paths. */
export interface PathEffect {
  readonly sender: string;
  /** patched − clean, mean over examples, in the metric's unit. */
  readonly change: Estimate;
  /**
   * The change as a share of |clean| of means: −1 when the paths carry all of the metric. Null where there
   * is nothing to take a share of, as with `kl`, which is 0 on the clean run.
   */
  readonly effect: Estimate | null;
  /** The metric of every example with the paths patched. */
  readonly patched: readonly number[];
}

/** Effects of the patched paths, with what they are measured against. */
export interface PathPatchingResult {
  readonly receivers: readonly string[];
  /** The metric of every example on the clean prompt. */
  readonly clean: readonly number[];
  readonly effects: readonly PathEffect[];
}

function unknown(what: string, name: string, known: readonly string[]): GlassboxError {
  const nearest = nearestNames(name, known);
  return new GlassboxError(`there is no ${what} '${name}' in this model's graph`, {
    code: `unknown-${what}`,
    remedy: `Nearest: ${nearest.join(', ')}.`,
    details: { name, nearest },
  });
}

function senderFeeds(
  graph: CircuitGraph,
  rows: readonly (number | null)[],
): Record<string, TensorData> {
  const { nLayers, nHeads } = graph.shape;
  const feeds: Record<string, TensorData> = {};
  const put = (group: string, first: number, nodes: number) => {
    const data = new Float32Array(rows.length * nodes);
    rows.forEach((sender, row) => {
      if (sender !== null && sender >= first && sender < first + nodes) {
        data[row * nodes + sender - first] = 1;
      }
    });
    feeds[`sender.${group}`] = { dtype: 'float32', shape: [rows.length, 1, nodes], data };
  };
  put('input', 0, 1);
  for (let layer = 0; layer < nLayers; layer++) {
    const first = firstSender(graph.shape, layer);
    put(`attn.${layer}`, first, nHeads);
    put(`mlp.${layer}`, first + nHeads, 1);
  }
  return feeds;
}

function receiverFeeds(
  graph: CircuitGraph,
  chosen: ReadonlySet<string>,
): Record<string, TensorData> {
  const { nLayers, nHeads } = graph.shape;
  const names = graph.receivers.map(receiverName);
  const part = (first: number, count: number): TensorData => ({
    dtype: 'float32',
    shape: [count],
    data: Float32Array.from({ length: count }, (_, i) => (chosen.has(names[first + i]) ? 1 : 0)),
  });
  const feeds: Record<string, TensorData> = {};
  for (let layer = 0; layer < nLayers; layer++) {
    const first = firstReceiver(graph.shape, layer);
    feeds[`receiver.pre.${layer}`] = part(first, 3 * nHeads);
    feeds[`receiver.mid.${layer}`] = part(first + 3 * nHeads, 1);
  }
  feeds['receiver.end'] = part(firstReceiver(graph.shape, nLayers), 1);
  return feeds;
}

/**
 * Path patching (Goldowsky-Dill et al. 2023; Wang et al. 2022): how much the metric on the clean prompt changes
 * when what senders write reaches the receivers, and nothing else directly, as on the corrupted prompt. What
 * the receivers then compute spreads freely. Direct paths by default: the sender's change is added to the
 * receiver's input alone, divided by the clean norm scale.
 *
 * @throws GlassboxError `unknown-node`, `unknown-receiver`, `no-prompts`, `prompts-differ-in-length`,
 *   `not-finite`
 */
export async function pathPatching(
  model: Model,
  examples: readonly CircuitExample[],
  options: PathPatchingOptions = {},
): Promise<PathPatchingResult> {
  requireExamples(examples);
  const { metric = 'logit-diff', throughMlps = false, freezeNorms = true, batch = 16 } = options;
  const { config, runner } = model;
  const graph = circuitGraph(circuitShape(config));
  const names = graph.senders.map(senderName);
  const senders = options.senders ?? names.filter((name) => name.startsWith('a'));
  const receivers = options.receivers ?? ['logits'];
  const ends = graph.receivers.map(receiverName);
  for (const name of senders) if (!names.includes(name)) throw unknown('node', name, names);
  for (const name of receivers) if (!ends.includes(name)) throw unknown('receiver', name, ends);
  const chosen = new Set(receivers);
  const end = { kind: 'logits', layer: config.nLayers } as const;
  const layers = graph.receivers.filter((one) => chosen.has(receiverName(one)));
  const from = Math.min(...layers.map((one) => ({ ...end, ...one }).layer));
  const prompts = examples.map(({ clean }) => clean);
  const clean = await runNodes(model, prompts);
  const other = await runNodes(
    model,
    examples.map(({ corrupted }) => corrupted),
  );
  const feeds: Record<string, TensorData> = {
    tokens: toBatch(config, prompts).tokens,
    last: lastPositions(prompts),
    ...metricFeeds(metric, examples, clean.logits),
    ...receiverFeeds(graph, chosen),
  };
  for (const [name, value] of Object.entries(clean)) feeds[name.replace('node.', 'clean.')] = value;
  for (const [name, value] of Object.entries(other)) {
    if (name.startsWith('node.')) feeds[name.replace('node.', 'other.')] = value;
  }
  const rows = [null, ...senders.map((name) => names.indexOf(name))].flatMap((sender) =>
    examples.map((_, example) => ({ sender, example })),
  );
  const values: number[] = [];
  for (let start = 0; start < rows.length; start += batch) {
    options.signal?.throwIfAborted();
    const chunk = rows.slice(start, start + batch);
    const kept = runner.program(
      `paths ${metric} ${throughMlps} ${freezeNorms} ${from}`,
      'fed',
      () => pathPatchingProgram(config, { metric, throughMlps, freezeNorms, from }),
    );
    const found = await runner.run(kept, {
      ...feeds,
      ...senderFeeds(
        graph,
        chunk.map(({ sender }) => sender),
      ),
      row: {
        dtype: 'int64',
        shape: [chunk.length],
        data: BigInt64Array.from(chunk, ({ example }) => BigInt(example)),
      },
    });
    values.push(...(found.metric.data as Float32Array));
    const done = start + chunk.length;
    options.progress?.({ label: 'paths', done, total: rows.length, unit: 'runs' });
  }
  const n = examples.length;
  requireFinite(values, n);
  const plain = values.slice(0, n);
  const share = metric !== 'kl' && Math.abs(meanOf(plain)) > 1e-6;
  const over = (list: readonly number[], indices: readonly number[]) =>
    meanOf(indices.map((i) => list[i]));
  return {
    receivers,
    clean: plain,
    effects: senders.map((sender, i) => {
      const patched = values.slice((i + 1) * n, (i + 2) * n);
      const changed = (indices: readonly number[]) => over(patched, indices) - over(plain, indices);
      const relative = (indices: readonly number[]) =>
        changed(indices) / Math.abs(over(plain, indices));
      const effect = share ? bootstrap(n, relative) : null;
      return { sender, change: bootstrap(n, changed), effect, patched };
    }),
  };
}
