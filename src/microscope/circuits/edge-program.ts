import {
  add,
  concat,
  gather,
  input,
  matmul,
  reshape,
  slice,
  sub,
  transpose,
} from '../../graph/build.ts';
import { multiplyDims } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { circuitShape, sendersBefore } from './graph.ts';
import { type CircuitMetric, traceMetric } from './metric.ts';
import {
  type NodeGroup,
  nodeAddresses,
  nodeGroups,
  nodeHook,
  normScales,
  streamPoints,
} from './nodes.ts';
import { ungrouped } from './ungroup.ts';

/** How a program of exact edge interventions is traced. */
export interface EdgeProgramOptions {
  readonly metric: CircuitMetric;
  /** Nodes of layers before this one keep their clean outputs, so nothing before it is computed. */
  readonly from: number;
  /** Every norm of the stream divides by the clean run's scale, so receivers are linear in their inputs. */
  readonly freezeNorms: boolean;
}

function nodeCount(config: ModelConfig, group: NodeGroup): number {
  return group.startsWith('attn') ? config.nHeads : 1;
}

function layerOf(group: NodeGroup): number {
  return group === 'input' ? -1 : Number(group.split('.')[1]);
}

/**
 * A run in which every input of every head and MLP is put together edge by edge: a kept edge carries what
 * its sender writes in this run, a cut one what it writes in the run that ablates.
 *
 * Inputs: `row` int64 `[batch]` (the example of each row), `last` int64 `[examples]`,
 * `mask.{point}` `[batch, receivers, senders]` (1 keeps), `clean.{group}` and `other.{group}`
 * `[examples, nodes, pos, d_model]`, `stream.{point}` `[examples, pos, d_model]` of the ablating run,
 * `scale.{point}` `[examples, pos, 1]` when norms are frozen, and those of the metric.
 * Output: `metric` `[batch]`.
 */
export function edgeInterventionProgram(
  original: ModelConfig,
  options: EdgeProgramOptions,
): Program {
  const { config, param } = ungrouped(original);
  const { nHeads, nLayers, dModel } = config;
  const shape = circuitShape(config);
  const row = input('row', ['batch'], 'int64');
  const example = (name: string, rest: readonly (number | string)[]) =>
    gather(input(name, ['examples', ...rest]), row);
  const flat = (x: Tensor) => reshape(x, ['batch', x.shape[1], multiplyDims(dModel, 'pos')]);
  const nodes = (kind: 'clean' | 'other', group: NodeGroup) =>
    flat(example(`${kind}.${group}`, [nodeCount(config, group), 'pos', dModel]));

  /** Differences of this run and the ablating one for all senders so far, `[batch, senders, pos*d_model]`. */
  let differences: Tensor | null = null;
  const append = (group: NodeGroup, current: Tensor) => {
    const next = sub(current, nodes('other', group));
    differences = differences ? concat([differences, next], 1) : next;
  };
  for (const group of nodeGroups(config)) {
    if (layerOf(group) < options.from) append(group, nodes('clean', group));
  }

  /** What receivers at one point read, `[batch, receivers, pos, d_model]`. */
  const assemble = (point: string, receivers: number, senders: number): Tensor => {
    const mask = input(`mask.${point}`, ['batch', receivers, senders]);
    const stream = example(`stream.${point}`, ['pos', dModel]);
    const known = differences!;
    const before =
      known.shape[1] === senders ? known : slice(known, { axis: 1, start: 0, end: senders });
    const kept = reshape(matmul(mask, before), ['batch', receivers, 'pos', dModel]);
    return add(kept, reshape(stream, ['batch', 1, 'pos', dModel]));
  };

  const collect = nodeHook(config, param, (group, current) => {
    if (group !== 'input' && layerOf(group) >= options.from) append(group, flat(current));
  });
  const points = new Map(streamPoints(config).map(({ point, address }) => [address, point]));
  const scales = new Map(
    options.freezeNorms ? normScales(config).map(({ point, address }) => [address, point]) : [],
  );
  const held = new Map<string, Tensor>();
  const wanted = new Set([...nodeAddresses(config), ...scales.keys(), ...points.keys()]);
  for (const address of points.keys()) if (/hook_resid_pre$/.test(address)) wanted.delete(address);
  const { logits } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param,
    wants: (address) => wanted.has(address),
    attentionInputs(layer) {
      if (layer < options.from) return null;
      const senders = sendersBefore(shape, { kind: 'head', layer, head: 0, input: 'q' });
      const all = assemble(`pre.${layer}`, 3 * nHeads, senders);
      const one = (i: number) =>
        transpose(slice(all, { axis: 1, start: i * nHeads, end: (i + 1) * nHeads }), [0, 2, 1, 3]);
      return { q: one(0), k: one(1), v: one(2) };
    },
    hook(address, x) {
      const scale = scales.get(address);
      if (scale !== undefined) {
        const known = held.get(scale) ?? example(`scale.${scale}`, ['pos', 1]);
        held.set(scale, known);
        return collect(address, known);
      }
      const point = points.get(address);
      const layer = Number(point?.split('.')[1] ?? nLayers);
      if (point?.startsWith('mid') && layer >= options.from) {
        const senders = sendersBefore(shape, { kind: 'mlp', layer });
        return reshape(assemble(point, 1, senders), ['batch', 'pos', dModel]);
      }
      if (point === 'end') {
        const senders = sendersBefore(shape, { kind: 'logits' });
        return reshape(assemble(point, 1, senders), ['batch', 'pos', dModel]);
      }
      return collect(address, x);
    },
    logitsAt: gather(input('last', ['examples'], 'int64'), row),
  });
  return createProgram({ metric: traceMetric(options.metric, logits, row) });
}
