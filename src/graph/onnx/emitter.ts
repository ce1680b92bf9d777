import { GlassboxError } from '../../base/error.ts';
import { type Dim, type DimBindings, type Shape, termsOf } from '../dim.ts';
import type { DType, Tensor, TensorData } from '../op.ts';
import type { OnnxAttribute, OnnxNode } from './proto.ts';

/** The parts of a program that lowering reads. */
export interface GraphParts {
  readonly inputs: readonly Tensor<'input'>[];
  readonly outputs: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly nodes: readonly Tensor[];
}

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
  /** How many outputs the node has, 1 unless told. */
  readonly outputs?: number;
}

/** The end of an axis, whatever its size, in the bounds of an ONNX Slice. */
const TO_THE_END = Number.MAX_SAFE_INTEGER;

export const int = (value: number): OnnxAttribute => ({ int: value });
export const float = (value: number): OnnxAttribute => ({ float: value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ ints: value });
export const string = (value: string): OnnxAttribute => ({ string: value });

/**
 * Collects the ONNX nodes and constants of one graph while its operations are lowered: hands out
 * names that collide with nothing, shares equal constants, and computes symbolic sizes once each.
 */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, TensorData>();
  readonly #graph: GraphParts;
  readonly #sizes: DimBindings;
  readonly #taken: Set<string>;
  readonly #names = new Map<Tensor, string>();
  readonly #shared = new Map<string, readonly string[]>();
  readonly #constantNames = new Map<string, string>();
  #counter = 0;

  /**
   * @param options.reserved names that intermediate values must not take.
   * @param options.sizes sizes of symbols that are known already.
   */
  constructor(
    graph: GraphParts,
    options: { reserved: Iterable<string>; sizes: DimBindings; fed: ReadonlySet<Tensor> },
  ) {
    this.#graph = graph;
    this.#sizes = options.sizes;
    this.#taken = new Set(options.reserved);
    this.fed = options.fed;
  }

  /** The inputs whose shapes are known only at run time. */
  readonly fed: ReadonlySet<Tensor>;

  get graph(): GraphParts {
    return this.#graph;
  }

  fresh(prefix: string): string {
    let name: string;
    do name = `${prefix}_${this.#counter++}`;
    while (this.#taken.has(name));
    this.#taken.add(name);
    return name;
  }

  bind(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
  }

  isLowered(tensor: Tensor): boolean {
    return this.#names.has(tensor);
  }

  /** The name of the value that a lowered tensor became. */
  name(tensor: Tensor): string {
    return this.#names.get(tensor)!;
  }

  emitAll(op: string, inputs: readonly string[], options: EmitOptions = {}): readonly string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => this.fresh(op));
    const { domain = '', attributes = {} } = options;
    this.nodes.push({ op, domain, inputs, outputs, attributes });
    return outputs;
  }

  emit(op: string, inputs: readonly string[], options?: EmitOptions): string {
    return this.emitAll(op, inputs, options)[0];
  }

  /** Computes something once per key. */
  share(key: string, make: () => readonly string[]): readonly string[] {
    let names = this.#shared.get(key);
    if (!names) this.#shared.set(key, (names = make()));
    return names;
  }

  constant(value: TensorData): string {
    const name = this.fresh('constant');
    this.constants.set(name, value);
    return name;
  }

  /** A small constant, shared between all who ask for the same one. */
  smallConstant(values: readonly number[], shape: readonly number[], dtype: DType): string {
    const key = `${dtype}[${shape}]${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`;
    let name = this.#constantNames.get(key);
    if (name === undefined) {
      const data =
        dtype === 'float32'
          ? Float32Array.from(values)
          : dtype === 'int64'
            ? BigInt64Array.from(values, (value) => BigInt(value))
            : Uint8Array.from(values);
      name = this.constant({ dtype, shape, data });
      this.#constantNames.set(key, name);
    }
    return name;
  }

  /** An int64 vector. */
  vector(...values: number[]): string {
    return this.smallConstant(values, [values.length], 'int64');
  }

  /** The size of a dimension as an int64 vector of one element. */
  size(dim: Dim): string {
    const known = this.staticSize(dim);
    if (known !== undefined) return this.vector(known);
    return this.share(`size ${dim}`, () => [
      termsOf(dim)
        .map(({ coefficient, symbols }) => {
          const factors = symbols.map((symbol) => this.#symbol(symbol));
          if (coefficient !== 1 || factors.length === 0) factors.push(this.vector(coefficient));
          return factors.reduce((a, b) => this.emit('Mul', [a, b]));
        })
        .reduce((a, b) => this.emit('Add', [a, b])),
    ])[0];
  }

  /** The size of a dimension as an int64 scalar. */
  scalarSize(dim: Dim): string {
    const known = this.staticSize(dim);
    if (known !== undefined) return this.smallConstant([known], [], 'int64');
    const scalarShape = this.smallConstant([], [0], 'int64');
    return this.share(`scalar ${dim}`, () => [
      this.emit('Reshape', [this.size(dim), scalarShape]),
    ])[0];
  }

  /** The size of a dimension when it does not depend on what is fed. */
  staticSize(dim: Dim): number | undefined {
    if (typeof dim === 'number') return dim;
    let total = 0;
    for (const { coefficient, symbols } of termsOf(dim)) {
      let product = coefficient;
      for (const symbol of symbols) {
        const size = this.#sizes[symbol];
        if (size === undefined) return undefined;
        product *= size;
      }
      total += product;
    }
    return total;
  }

  #symbol(symbol: string): string {
    const known = this.#sizes[symbol];
    if (known !== undefined) return this.vector(known);
    return this.share(`symbol ${symbol}`, () => {
      for (const input of this.fed) {
        const axis = input.shape.indexOf(symbol);
        if (axis < 0) continue;
        const attributes = { start: int(axis), end: int(axis + 1) };
        return [this.emit('Shape', [this.name(input)], { attributes })];
      }
      throw new GlassboxError(`the size of dimension '${symbol}' cannot be read off any input`, {
        code: 'unbound-dimension',
        remedy: `Give the program an input whose shape contains '${symbol}' by itself.`,
      });
    })[0];
  }

  /** A shape as an int64 vector, computed from as few sizes as possible. */
  shapeVector(shape: Shape): string {
    const known = shape.map((dim) => this.staticSize(dim));
    if (known.every((size) => size !== undefined)) return this.vector(...known);
    return this.share(`shape ${shape.join(',')}`, () => [
      this.emit(
        'Concat',
        shape.map((dim) => this.size(dim)),
        { attributes: { axis: int(0) } },
      ),
    ])[0];
  }

  /**
   * Reshapes a value. Axes that keep their size are written 0 and one unknown size is written −1, so
   * that most reshapes with symbolic dimensions need no Shape nodes at all.
   */
  reshape(value: string, from: Shape, to: Shape): string {
    const target = to.map((dim, i) => {
      const known = this.staticSize(dim);
      if (known !== undefined && known !== 0) return known;
      return from[i] === dim ? 0 : undefined;
    });
    const unknown = target.filter((size) => size === undefined).length;
    // With a size of zero somewhere, −1 could stand for anything: such shapes are spelled out.
    const empty = [...from, ...to].some((dim) => this.staticSize(dim) === 0);
    if (unknown === 0 || (unknown === 1 && !empty)) {
      return this.emit('Reshape', [value, this.vector(...target.map((size) => size ?? -1))]);
    }
    return this.emit('Reshape', [value, this.shapeVector(to)], {
      attributes: { allowzero: int(1) },
    });
  }

  /** The target of an ONNX Expand: 1 where an axis already has its size, which costs no Shape node. */
  expandTarget(from: Shape, to: Shape): string {
    const shift = to.length - from.length;
    return this.shapeVector(to.map((dim, i) => (from[i - shift] === dim ? 1 : dim)));
  }

  /** A bound of a Slice as a vector of one element. */
  bound(dim: Dim, axisSize: Dim): string {
    return dim === axisSize ? this.vector(TO_THE_END) : this.size(dim);
  }
}
