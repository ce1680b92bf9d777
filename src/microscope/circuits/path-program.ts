import {
  add,
  gather,
  input,
  matmul,
  mul,
  reshape,
  slice,
  sub,
  unsqueeze,
} from '../../graph/build.ts';
import { multiplyDims } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { type CircuitMetric, traceMetric } from './metric.ts';
import { normScales, streamPoints } from './nodes.ts';
import { ungrouped } from './ungroup.ts';

/** How a program of path patching is traced. */
export interface PathProgramOptions {
  readonly metric: CircuitMetric;
  /** MLPs between sender and receivers pass the change on instead of staying as they were. */
  readonly throughMlps: boolean;
  /** Every norm of the stream divides by the clean run's scale. */
  readonly freezeNorms: boolean;
  /** The first layer with a receiver, `n_layers` for the logits alone: what is before it stays as it is. */
  readonly from: number;
}

/**
 * Path patching in one program. A first run keeps every head as on the clean prompt but for the senders,
 * which write what they write on the other prompt, and gives the change of the stream at every
 * receiver; a second run, from the clean stream before the first receiver on, adds that change to what the receivers
 * alone read and computes everything else.
 *
 * Inputs: `tokens` int64 `[examples, pos]`, `row` int64 `[batch]`, `last` int64 `[examples]`, `sender.{group}`
 * `[batch, 1, nodes]`, `receiver.pre.{l}` `[3 n_heads]`, `receiver.mid.{l}` and `receiver.end` `[1]` (all 1 or 0),
 * `clean.{group}`, `other.{group}`, `stream.{point}` of the clean run, `scale.{point}` when norms are frozen,
 * and those of the metric. Output `metric` `[batch]`.
 */
export function pathPatchingProgram(original: ModelConfig, options: PathProgramOptions): Program {
  const { config, param } = ungrouped(original);
  const { nHeads, nLayers, dModel } = config;
  const row = input('row', ['batch'], 'int64');
  const tokens = gather(input('tokens', ['examples', 'pos'], 'int64'), row);
  const last = gather(input('last', ['examples'], 'int64'), row);
  const example = (name: string, rest: readonly (number | string)[]) =>
    gather(input(name, ['examples', ...rest]), row);
  const stream = (point: string) => example(`stream.${point}`, ['pos', dModel]);

  /** What the senders of a group change in the stream, `[batch, pos, d_model]`. */
  const sent = (group: string, nodes: number): Tensor => {
    const shape = [nodes, 'pos', dModel];
    const change = sub(example(`other.${group}`, shape), example(`clean.${group}`, shape));
    const flat = reshape(change, ['batch', nodes, multiplyDims(dModel, 'pos')]);
    const mask = input(`sender.${group}`, ['batch', 1, nodes]);
    return reshape(matmul(mask, flat), ['batch', 'pos', dModel]);
  };

  const scales = new Map(
    options.freezeNorms ? normScales(config).map(({ point, address }) => [address, point]) : [],
  );
  const held = new Map<string, Tensor>();
  const scaleOf = (address: string): Tensor | null => {
    const point = scales.get(address);
    if (point === undefined) return null;
    const known = held.get(point) ?? example(`scale.${point}`, ['pos', 1]);
    held.set(point, known);
    return known;
  };

  const points = new Map(streamPoints(config).map(({ point, address }) => [address, point]));
  const cleanStreams = new Map<string, Tensor>();
  const cleanStream = (point: string): Tensor => {
    const known = cleanStreams.get(point) ?? stream(point);
    cleanStreams.set(point, known);
    return known;
  };
  const layers = Array.from({ length: nLayers }, (_, l) => l);

  /** Changes of the stream at every point, `[batch, pos, d_model]`. */
  const changes = new Map<string, Tensor>();
  const blocks = layers.map((l) => `blocks.${l}`);
  const writes = new Set(blocks.flatMap((at) => [`${at}.hook_attn_out`, `${at}.hook_mlp_out`]));
  /** What all heads of a layer write on the clean prompt, with bias. */
  const cleanAttention = (layer: number): Tensor => {
    if (!config.parallelBlocks)
      return sub(cleanStream(`mid.${layer}`), cleanStream(`pre.${layer}`));
    const after = layer + 1 < nLayers ? `pre.${layer + 1}` : 'end';
    const mlp = reshape(example(`clean.mlp.${layer}`, [1, 'pos', dModel]), [
      'batch',
      'pos',
      dModel,
    ]);
    return sub(sub(cleanStream(after), cleanStream(`pre.${layer}`)), mlp);
  };
  traceForward(config, {
    tokens,
    param,
    wants: (address) => writes.has(address) || points.has(address) || scales.has(address),
    hook(address, x) {
      const scale = scaleOf(address);
      if (scale) return scale;
      const point = points.get(address);
      if (point !== undefined) {
        const entering = point === 'pre.0' ? add(cleanStream('pre.0'), sent('input', 1)) : x;
        changes.set(point, sub(entering, cleanStream(point)));
        return entering;
      }
      const [, number, kind] = /^blocks\.(\d+)\.hook_(attn|mlp)_out$/.exec(address)!;
      const layer = Number(number);
      if (kind === 'attn') return add(cleanAttention(layer), sent(`attn.${layer}`, nHeads));
      const clean = reshape(example(`clean.mlp.${layer}`, [1, 'pos', dModel]), [
        'batch',
        'pos',
        dModel,
      ]);
      return add(options.throughMlps ? x : clean, sent(`mlp.${layer}`, 1));
    },
  });

  const mlpPoints = new Map([...points].filter(([, point]) => !point.startsWith('pre')));
  const begins = options.from < nLayers ? `pre.${options.from}` : 'end';
  const [[start]] = [...points].filter(([, point]) => point === begins);
  const { logits } = traceForward(config, {
    tokens,
    param,
    wants: (address) => address === start || mlpPoints.has(address) || scales.has(address),
    attentionInputs(layer, resid) {
      const mask = input(`receiver.pre.${layer}`, [3 * nHeads]);
      const change = unsqueeze(changes.get(`pre.${layer}`)!, 2);
      const one = (i: number) => {
        const own = slice(mask, { axis: 0, start: i * nHeads, end: (i + 1) * nHeads });
        return add(unsqueeze(resid, 2), mul(change, reshape(own, [1, 1, nHeads, 1])));
      };
      return { q: one(0), k: one(1), v: one(2) };
    },
    hook(address, x) {
      const scale = scaleOf(address);
      if (scale) return scale;
      const entering = address === start ? cleanStream(begins) : x;
      const point = mlpPoints.get(address);
      if (point === undefined) return entering;
      return add(entering, mul(changes.get(point)!, input(`receiver.${point}`, [1])));
    },
    logitsAt: last,
  });
  return createProgram({ metric: traceMetric(options.metric, logits, row) });
}
