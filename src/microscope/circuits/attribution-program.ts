import {
  add,
  concat,
  expand,
  gather,
  input,
  iota,
  matmul,
  mean,
  mul,
  reshape,
  slice,
  sub,
  transpose,
} from '../../graph/build.ts';
import { type Dim, multiplyDims } from '../../graph/dim.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../../model/config.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { exampleInputs, traceGradients } from './gradient-trace.ts';
import { circuitShape, sendersBefore } from './graph.ts';
import type { CircuitMetric } from './metric.ts';
import { type NodeGroup, nodeAddresses, nodeGroups, nodeHook, streamPoints } from './nodes.ts';
import { ungrouped } from './ungroup.ts';

type Groups = ReadonlyMap<NodeGroup, Tensor>;

/** `[rows, nodes, pos, d_model]` to `[nodes, rows*pos*d_model]`. */
function flatNodes(x: Tensor): Tensor {
  const [rows, nodes, pos, width] = x.shape;
  return reshape(transpose(x, [1, 0, 2, 3]), [
    nodes,
    multiplyDims(multiplyDims(rows, pos), width as number),
  ]);
}

/** `[receivers, rows, pos, d_model]` to `[receivers, rows*pos*d_model]`. */
function flatReceivers(x: Tensor): Tensor {
  const [receivers, rows, pos, width] = x.shape;
  return reshape(x, [receivers, multiplyDims(multiplyDims(rows, pos), width as number)]);
}

/** A program's model, and what runs of it share. */
function modelOf(original: ModelConfig) {
  const { config, param } = ungrouped(original);
  const inputs = exampleInputs();
  return { config, param, inputs };
}

type TracedModel = ReturnType<typeof modelOf>;

/** A run without gradients: what nodes write and the streams at some addresses. */
function plainNodes({ config, param }: TracedModel, tokens: Tensor, addresses: readonly string[]) {
  const nodes = new Map<NodeGroup, Tensor>();
  const seen = new Map<string, Tensor>();
  const collect = nodeHook(config, param, (group, x) => nodes.set(group, x));
  const wanted = new Set([...nodeAddresses(config), ...addresses]);
  traceForward(config, {
    tokens,
    param,
    wants: (address) => wanted.has(address),
    hook(address, x) {
      seen.set(address, x);
      return collect(address, x);
    },
  });
  return { nodes, seen };
}

function differences(groups: readonly NodeGroup[], clean: Groups, corrupted: Groups): Tensor {
  const each = groups.map((group) => sub(clean.get(group)!, corrupted.get(group)!));
  return flatNodes(concat(each, 1));
}

/** Scores `edges.{point}` `[receivers, senders]`: gradients times differences, summed over examples. */
function edgeOutputs(
  config: ModelConfig,
  from: { readonly differences: Tensor; readonly receivers: ReadonlyMap<string, Tensor> },
): Record<string, Tensor> {
  const shape = circuitShape(config);
  const outputs: Record<string, Tensor> = {};
  for (const { point } of streamPoints(config)) {
    const gradient = from.receivers.get(point);
    if (!gradient) continue;
    const layer = Number(point.split('.')[1]);
    const senders = sendersBefore(
      shape,
      point === 'end'
        ? { kind: 'logits' }
        : point.startsWith('mid')
          ? { kind: 'mlp', layer }
          : { kind: 'head', layer, head: 0, input: 'q' },
    );
    const before = slice(from.differences, { axis: 0, start: 0, end: senders });
    outputs[`edges.${point}`] = matmul(flatReceivers(gradient), before, { transposeB: true });
  }
  return outputs;
}

/**
 * Edge attribution patching (Syed et al. 2023): every edge's first-order effect on the metric, (what the sender
 * writes on the clean prompt − on the corrupted one) · gradient at the receiver on the clean prompt.
 * Two forward passes and one backward pass for all edges of a batch of examples. Outputs
 * `edges.{point}` `[receivers, senders]` summed over examples, and `metric` `[examples]`.
 */
export function eapProgram(original: ModelConfig, metric: CircuitMetric): Program {
  const model = modelOf(original);
  const { config, inputs } = model;
  const corrupted = plainNodes(model, inputs.corrupted, []);
  const clean = traceGradients(model, {
    tokens: inputs.clean,
    logitsAt: inputs.last,
    metric,
    row: iota('examples'),
  });
  const all = nodeGroups(config);
  return createProgram({
    ...edgeOutputs(config, {
      differences: differences(all, clean.nodes, corrupted.nodes),
      receivers: clean.receivers,
    }),
    metric: clean.metric,
  });
}

const STEPS = 'steps';
const ROWS: Dim = multiplyDims(STEPS, 'examples');

/** x `[examples, …]` repeated for every step, `[steps*examples, …]`. */
function perStep(x: Tensor): Tensor {
  const [, ...rest] = x.shape;
  return reshape(expand(reshape(x, [1, ...x.shape]), [STEPS, ...x.shape]), [ROWS, ...rest]);
}

/** corrupted + α (clean − corrupted) for every step's α, `[steps*examples, …]`. */
function interpolate(clean: Tensor, corrupted: Tensor): Tensor {
  const [, ...rest] = clean.shape;
  const alpha = reshape(input('alpha', [STEPS]), [STEPS, 1, ...rest.map(() => 1)]);
  const wide = (x: Tensor) => reshape(x, [1, ...x.shape]);
  const mixed = add(wide(corrupted), mul(alpha, wide(sub(clean, corrupted))));
  return reshape(mixed, [ROWS, ...rest]);
}

/** The mean over steps: `[receivers, steps*examples, …]` to `[receivers, examples, …]`. */
function overSteps(x: Tensor): Tensor {
  const [receivers, , ...rest] = x.shape;
  return mean(reshape(x, [receivers, STEPS, 'examples', ...rest]), { axes: 1 });
}

function halves(x: Tensor): [corrupted: Tensor, clean: Tensor] {
  return [
    slice(x, { axis: 0, start: 0, end: 'examples' }),
    slice(x, { axis: 0, start: 'examples' }),
  ];
}

function splitGroups(nodes: Groups): { clean: Groups; corrupted: Groups } {
  const pairs = [...nodes].map(([group, x]) => [group, halves(x)] as const);
  return {
    corrupted: new Map(pairs.map(([group, [corrupted]]) => [group, corrupted])),
    clean: new Map(pairs.map(([group, [, clean]]) => [group, clean])),
  };
}

/** The example of every row of a grid of steps and examples. */
function gridRow(): Tensor {
  return perStep(iota('examples'));
}

/**
 * EAP-IG over inputs (Hanna et al. 2024): as {@link eapProgram} with the gradient averaged along the line from
 * the corrupted prompt's input embeddings to the clean one's. `alpha` `[steps]` are the points of the line.
 */
export function eapInputsProgram(original: ModelConfig, metric: CircuitMetric): Program {
  const model = modelOf(original);
  const { config, inputs } = model;
  const first = 'blocks.0.hook_resid_pre';
  const both = plainNodes(model, concat([inputs.corrupted, inputs.clean], 0), [first]);
  const [corrupted, clean] = halves(both.seen.get(first)!);
  const row = gridRow();
  const traced = traceGradients(model, {
    tokens: perStep(inputs.clean),
    logitsAt: gather(inputs.last, row),
    metric,
    row,
    replace: new Map([[first, interpolate(clean, corrupted)]]),
  });
  const nodes = splitGroups(both.nodes);
  return createProgram({
    ...edgeOutputs(config, {
      differences: differences(nodeGroups(config), nodes.clean, nodes.corrupted),
      receivers: new Map([...traced.receivers].map(([point, x]) => [point, overSteps(x)])),
    }),
    metric: traced.metric,
  });
}

/**
 * EAP-IG over activations (Hanna et al. 2024) for the senders of one group: the gradient is averaged while
 * what that group writes goes from its corrupted to its clean value, all else of the clean run.
 * Outputs `edges.{point}` `[receivers, senders of the group]` for the receivers after it.
 */
export function eapActivationsProgram(
  original: ModelConfig,
  metric: CircuitMetric,
  group: NodeGroup,
): Program {
  const model = modelOf(original);
  const { config, inputs } = model;
  const [kind, number] = group.split('.');
  const layer = Number(number ?? 0);
  const block = `blocks.${layer}`;
  const written = kind === 'input' ? `${block}.hook_resid_pre` : `${block}.hook_${kind}_out`;
  const stream = `${block}.hook_resid_pre`;
  const both = plainNodes(model, concat([inputs.corrupted, inputs.clean], 0), [written, stream]);
  const [corrupted, clean] = halves(both.seen.get(written)!);
  const row = gridRow();
  const replace = new Map([[written, interpolate(clean, corrupted)]]);
  if (kind !== 'input') replace.set(stream, perStep(halves(both.seen.get(stream)!)[1]));
  const traced = traceGradients(model, {
    tokens: perStep(inputs.clean),
    logitsAt: gather(inputs.last, row),
    metric,
    row,
    from: layer,
    replace,
  });
  const nodes = splitGroups(both.nodes);
  const own = differences([group], nodes.clean, nodes.corrupted);
  const outputs: Record<string, Tensor> = {};
  for (const [point, gradient] of traced.receivers) {
    if (!isAfter(config, group, point)) continue;
    const flat = flatReceivers(overSteps(gradient));
    outputs[`edges.${point}`] = matmul(flat, own, { transposeB: true });
  }
  return createProgram({ ...outputs, metric: traced.metric });
}

/** Whether what a group writes reaches the receivers of a point directly. */
export function isAfter(
  config: Pick<ModelConfig, 'parallelBlocks'>,
  group: NodeGroup,
  point: string,
): boolean {
  if (group === 'input' || point === 'end') return true;
  const [kind, layer] = group.split('.');
  const [at, to] = point.split('.');
  if (Number(to) !== Number(layer)) return Number(to) > Number(layer);
  return kind === 'attn' && at === 'mid' && !config.parallelBlocks;
}
