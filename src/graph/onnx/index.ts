import { GlassboxError, nearestNames } from '../../base/error.ts';
import { type DimBindings, formatShape, symbolsOf } from '../dim.ts';
import type { OpKind, Tensor, TensorData } from '../op.ts';
import { Emitter, type GraphParts } from './emitter.ts';
import { lowerings } from './lowerings.ts';
import { bytesOf, type OnnxInitializer, type OnnxNode, writeModel } from './proto.ts';

/** What to build into the model and what to put beside it. */
export interface ToOnnxOptions {
  /** Values for some inputs: they become initializers and stop being inputs. */
  readonly frozen?: Readonly<Record<string, TensorData>>;
  /**
   * Constants of at least this many bytes go beside the model instead of into it; 1,024 unless
   * told. `Infinity` puts everything inside, up to the 2 GB that a protobuf can hold.
   */
  readonly externalThreshold?: number;
  /**
   * One file for all external data, each tensor at an offset that is a multiple of 64. Without it
   * every tensor is a file of its own, which suits handing them over in memory.
   */
  readonly externalFile?: string;
  /** Adds an output of this name before all others: an empty sequence of arrays. */
  readonly emptySequence?: string;
  /** Strings to store with the model, e.g. where it came from. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Bytes that belong beside the model: write `data` into file `path` at `offset`. */
export interface ExternalData {
  readonly path: string;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A model and the bytes that belong beside it. */
export interface OnnxExport {
  /** A serialised `ModelProto`. */
  readonly model: Uint8Array;
  readonly external: readonly ExternalData[];
  /** The name in the model of every output of the program. They differ where an input has that name. */
  readonly outputNames: Readonly<Record<string, string>>;
}

/** The oldest operator set that has all the operations, so that older runtimes load the model too. */
function opsetsOf(nodes: readonly OnnxNode[]): Record<string, number> {
  const standard = nodes.some(({ op }) => op === 'Attention') ? 23 : 21;
  // ONNX Runtime's contributed operators.
  return { '': standard, 'com.microsoft': 1 };
}

function sizesFromFrozen(
  graph: GraphParts,
  frozen: Readonly<Record<string, TensorData>>,
): DimBindings {
  const sizes: Record<string, number> = {};
  const names = graph.inputs.map((input) => input.attrs.name);
  for (const [name, value] of Object.entries(frozen)) {
    const input = graph.inputs.find((candidate) => candidate.attrs.name === name);
    if (!input) {
      throw new GlassboxError(`there is no input '${name}' to freeze`, {
        code: 'unknown-input',
        remedy: `Nearest names: ${nearestNames(name, names).join(', ') || 'none, the program has no inputs'}.`,
        details: { name, inputs: names },
      });
    }
    const fits =
      value.dtype === input.dtype &&
      value.shape.length === input.shape.length &&
      value.shape.every((size, i) => {
        const dim = input.shape[i];
        if (typeof dim === 'number') return dim === size;
        if (symbolsOf(dim)[0] !== dim) return true;
        return (sizes[dim] ??= size) === size;
      });
    if (!fits) {
      throw new GlassboxError(
        `frozen input '${name}' is ${value.dtype} ${formatShape(value.shape)}, ` +
          `expected ${input.dtype} ${formatShape(input.shape)}`,
        {
          code: 'bad-input',
          remedy: 'Freeze a tensor of the type and shape that the program declares.',
          details: { name, expected: input.shape, got: value.shape },
        },
      );
    }
  }
  return sizes;
}

/** Gives outputs their names: renames a computed value, copies one that already has another use. */
function nameOutputs(
  emitter: Emitter,
  graph: GraphParts,
  outputNames: Readonly<Record<string, string>>,
): OnnxNode[] {
  const computed = new Set(emitter.nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  for (const { name, tensor } of graph.outputs) {
    const value = emitter.name(tensor);
    const target = outputNames[name];
    if (computed.has(value) && !renamed.has(value)) renamed.set(value, target);
    else {
      const source = renamed.get(value) ?? value;
      copies.push({
        op: 'Identity',
        domain: '',
        inputs: [source],
        outputs: [target],
        attributes: {},
      });
    }
  }
  const rename = (value: string): string => renamed.get(value) ?? value;
  return [
    ...emitter.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    ...copies,
  ];
}

/** Keeps the nodes that the outputs need; lowering leaves some unused, e.g. bypassed Expands. */
function liveNodes(nodes: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const needed = new Set(outputs);
  const live: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const name of node.inputs) needed.add(name);
    live.push(node);
  }
  return live.reverse();
}

function lowerNode<K extends OpKind>(emitter: Emitter, node: Tensor<K>): string {
  const rule = lowerings[node.op] as (typeof lowerings)[K];
  const inputs = node.inputs.map((input) => emitter.name(input));
  return rule(emitter, node as never, inputs);
}

function chooseOutputNames(graph: GraphParts): Record<string, string> {
  const taken = new Set(graph.inputs.map((input) => input.attrs.name));
  const names: Record<string, string> = {};
  for (const { name } of graph.outputs) {
    let candidate = name;
    for (let i = 1; taken.has(candidate); i++)
      candidate = i === 1 ? `${name}.out` : `${name}.out${i}`;
    taken.add(candidate);
    names[name] = candidate;
  }
  return names;
}

/**
 * Writes a program as an ONNX model (operator set 21, or 23 where the
 * program uses attention, and ONNX Runtime's contributed operators).
 * Inputs and outputs keep their names and symbolic shapes. An output named like an input gets
 * `.out` appended, because ONNX values share one namespace.
 */
export function toOnnx(graph: GraphParts, options: ToOnnxOptions = {}): OnnxExport {
  const {
    frozen = {},
    externalThreshold = 1024,
    externalFile,
    emptySequence,
    metadata = {},
  } = options;
  const sizes = sizesFromFrozen(graph, frozen);
  const fed = graph.inputs.filter((input) => !Object.hasOwn(frozen, input.attrs.name));
  const outputNames = chooseOutputNames(graph);
  const outputs = graph.outputs.map(({ name, tensor }) => ({
    name: outputNames[name],
    dtype: tensor.dtype,
    shape: tensor.shape,
  }));
  const emitter = new Emitter(graph, {
    reserved: [...graph.inputs.map((input) => input.attrs.name), ...Object.values(outputNames)],
    sizes,
    fed: new Set(fed),
  });
  for (const input of graph.inputs) emitter.bind(input, input.attrs.name);
  for (const node of graph.nodes) {
    // A norm may have been lowered already, together with the statistics that came before it.
    if (!emitter.isLowered(node)) emitter.bind(node, lowerNode(emitter, node));
  }
  const nodes = liveNodes(
    nameOutputs(emitter, graph, outputNames),
    outputs.map((output) => output.name),
  );
  if (emptySequence !== undefined) {
    const outputs = [emptySequence];
    nodes.unshift({ op: 'SequenceEmpty', domain: '', inputs: [], outputs, attributes: {} });
  }
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const external: ExternalData[] = [];
  let end = 0;
  const initializers: OnnxInitializer[] = [];
  for (const [name, value] of [...emitter.constants, ...Object.entries(frozen)]) {
    if (!used.has(name)) continue;
    const data = bytesOf(value);
    if (data.length === 0 || data.length < externalThreshold) {
      initializers.push({ name, value });
      continue;
    }
    const offset = externalFile === undefined ? 0 : Math.ceil(end / 64) * 64;
    const path = externalFile ?? `tensor-${external.length}`;
    end = offset + data.length;
    external.push({ path, offset, data });
    initializers.push({ name, value, external: { path, offset, length: data.length } });
  }
  const model = writeModel({
    nodes,
    inputs: fed.map(({ attrs, dtype, shape }) => ({ name: attrs.name, dtype, shape })),
    outputs,
    sequenceOutput: emptySequence,
    initializers,
    opsets: opsetsOf(nodes),
    metadata,
  });
  return { model, external, outputNames };
}
