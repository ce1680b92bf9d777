import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { GlassboxError } from '../base/error.ts';
import { createNode } from './build.ts';
import { formatShape, sameShape, symbolsOf } from './dim.ts';
import { type OnnxExport, type ToOnnxOptions, toOnnx } from './onnx/index.ts';
import type { Tensor, TensorData } from './op.ts';
import { inferType } from './shape.ts';

/**
 * A finished graph: named outputs, the inputs they need, and every node between them in order.
 * Made by {@link createProgram}; equal hashes mean equal computations, whatever built them.
 */
export interface Program {
  readonly inputs: readonly Tensor<'input'>[];
  readonly outputs: readonly { readonly name: string; readonly tensor: Tensor }[];
  /** All nodes, each after its inputs; no node twice, none unused. */
  readonly nodes: readonly Tensor[];
  /** Hex SHA-256 of the structure: operations, attributes, constants, names of inputs and outputs. */
  readonly hash: string;
  /** The program as an ONNX model; see {@link toOnnx}. */
  toOnnx(options?: ToOnnxOptions): OnnxExport;
}

/** The nodes that the roots need, each after its inputs. */
export function topologicalOrder(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = [...roots];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.inputs);
  }
  // Ids grow with creation and a node is created after its inputs, so sorting by id is enough.
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The same nodes in an order that only the structure decides, not the order of creation. */
function structuralOrder(roots: readonly Tensor[]): Tensor[] {
  const placed = new Set<Tensor>();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    const waiting = node.inputs.filter((input) => !placed.has(input));
    if (waiting.length === 0 || placed.has(node)) {
      placed.add(node);
      stack.pop();
    } else stack.push(...waiting.reverse());
  }
  return [...placed];
}

/** Rebuilds the graph above `roots`, with `replace` deciding what becomes of each node. */
export function rewrite(
  roots: readonly Tensor[],
  replace: (node: Tensor, inputs: readonly Tensor[]) => Tensor,
): Tensor[] {
  const done = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder(roots)) {
    done.set(
      node,
      replace(
        node,
        node.inputs.map((input) => done.get(input)!),
      ),
    );
  }
  return roots.map((root) => done.get(root)!);
}

/** The node itself when its inputs did not change, else a copy over the new inputs. */
export function withInputs(node: Tensor, inputs: readonly Tensor[]): Tensor {
  return inputs.every((input, i) => input === node.inputs[i])
    ? node
    : createNode(node.op, inputs, node.attrs);
}

function constantKey(value: TensorData): string {
  const { data } = value;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return `${value.dtype}${formatShape(value.shape)}:${bytesToHex(bytes.length > 64 ? sha256(bytes) : bytes)}`;
}

function attributeKey(node: Tensor): string {
  if (node.op === 'constant') return constantKey((node as Tensor<'constant'>).attrs.value);
  const entries = Object.entries(node.attrs).sort(([a], [b]) => (a < b ? -1 : 1));
  // JSON writes infinities and NaN as null and forgets the sign of zero.
  return JSON.stringify(entries, (_, value) =>
    typeof value === 'number' && !Object.is(JSON.parse(JSON.stringify(value)), value)
      ? `#${Object.is(value, -0) ? '-0' : value}`
      : value,
  );
}

/** A node's key given the numbers of its inputs; equal keys mean equal values. */
function structuralKey(node: Tensor, numberOf: ReadonlyMap<Tensor, number>): string {
  return `${node.op}(${node.inputs.map((input) => numberOf.get(input)).join(',')})${attributeKey(node)}`;
}

/** Merges nodes that compute the same thing. */
function eliminateCommonSubexpressions(roots: readonly Tensor[]): Tensor[] {
  const byKey = new Map<string, Tensor>();
  const numberOf = new Map<Tensor, number>();
  return rewrite(roots, (node, inputs) => {
    const candidate = withInputs(node, inputs);
    const key = structuralKey(candidate, numberOf);
    const existing = byKey.get(key);
    if (existing) return existing;
    byKey.set(key, candidate);
    numberOf.set(candidate, numberOf.size);
    return candidate;
  });
}

/**
 * Checks a graph: every node's recorded type follows from its inputs, every input name is used
 * once, and every symbol is bound by some input. Throws `bad-graph` naming the node.
 */
export function verify(nodes: readonly Tensor[]): void {
  const names = new Map<string, Tensor>();
  const bound = new Set<string>();
  const seen = new Set<Tensor>();
  const problem = (node: Tensor, message: string): never => {
    throw new GlassboxError(`node ${node.id} ${node.op} ${formatShape(node.shape)}: ${message}`, {
      code: 'bad-graph',
      remedy: 'Rebuild this part of the graph with the functions of glassbox/graph.',
      details: { op: node.op, shape: node.shape },
    });
  };
  for (const node of nodes) {
    if (node.op !== 'input') continue;
    const { name } = (node as Tensor<'input'>).attrs;
    if (names.has(name)) problem(node, `another input is already named '${name}'`);
    names.set(name, node);
    // Only a bare symbol can be read off an input's shape; 'past+pos' cannot be solved.
    for (const dim of node.shape) if (symbolsOf(dim)[0] === dim) bound.add(dim);
  }
  for (const node of nodes) {
    for (const input of node.inputs)
      if (!seen.has(input)) problem(node, 'an input comes later or is missing');
    seen.add(node);
    const { shape, dtype } = inferType(node.op, node.inputs, node.attrs);
    if (!sameShape(shape, node.shape) || dtype !== node.dtype) {
      problem(
        node,
        `the rule of ${node.op} gives ${dtype} ${formatShape(shape)}, recorded is ${node.dtype}`,
      );
    }
    for (const symbol of node.shape.flatMap(symbolsOf)) {
      if (!bound.has(symbol)) problem(node, `no input binds the dimension '${symbol}'`);
    }
  }
}

/** Collects outputs into a program: merges common subexpressions, drops dead nodes, verifies, hashes. */
export function createProgram(outputs: Readonly<Record<string, Tensor>>): Program {
  const names = Object.keys(outputs);
  const roots = eliminateCommonSubexpressions(names.map((name) => outputs[name]));
  const nodes = topologicalOrder(roots);
  verify(nodes);
  const ordered = structuralOrder(roots);
  const numberOf = new Map(ordered.map((node, i) => [node, i]));
  const lines = ordered.map((node) => structuralKey(node, numberOf));
  const results = names.map((name, i) => `${name}=${numberOf.get(roots[i])}`);
  const parts = {
    inputs: nodes.filter((node): node is Tensor<'input'> => node.op === 'input'),
    outputs: names.map((name, i) => ({ name, tensor: roots[i] })),
    nodes,
  };
  return {
    ...parts,
    toOnnx: (options) => toOnnx(parts, options),
    hash: bytesToHex(sha256(utf8ToBytes([...lines, ...results].join('\n')))),
  };
}
