import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Shape } from '../dim.ts';
import type { DType, TensorData } from '../op.ts';

/** An attribute of an ONNX node, tagged with its type because ONNX tells 1 from 1.0. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export interface OnnxNode {
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A constant: inside the model, or at a place in a file beside it. */
export interface OnnxInitializer {
  readonly name: string;
  readonly value: TensorData;
  readonly external?: {
    readonly path: string;
    readonly offset: number;
    readonly length: number;
  };
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The name of a sequence of arrays that comes before the other outputs. */
  readonly sequenceOutput?: string;
  readonly initializers: readonly OnnxInitializer[];
  /** Operator set version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** `TensorProto.DataType`. */
const elementTypes: { readonly [D in DType]: number } = { float32: 1, int64: 7, bool: 9 };

/** `AttributeProto.AttributeType`. */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 };

const IR_VERSION = 10;

/** The bytes of an array as they lie in memory; ONNX stores little-endian, as every machine we run on. */
export function bytesOf({ data }: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  text(writer, 1, name);
  if ('float' in attribute) {
    writer.tag(2, WireType.Bit32).float(attribute.float);
    integer(writer, 20, attributeTypes.float);
  } else if ('int' in attribute) {
    integer(writer, 3, attribute.int);
    integer(writer, 20, attributeTypes.int);
  } else if ('string' in attribute) {
    writer.tag(4, WireType.LengthDelimited).string(attribute.string);
    integer(writer, 20, attributeTypes.string);
  } else {
    for (const value of attribute.ints) integer(writer, 8, value);
    integer(writer, 20, attributeTypes.ints);
  }
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  // An empty input name means "not given" and must be written, so `text` will not do here.
  for (const name of node.inputs) writer.tag(1, WireType.LengthDelimited).string(name);
  for (const name of node.outputs) writer.tag(2, WireType.LengthDelimited).string(name);
  text(writer, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, (inner) => writeAttribute(inner, name, attribute));
  }
  text(writer, 7, node.domain);
}

function writeInitializer(writer: BinaryWriter, { name, value, external }: OnnxInitializer): void {
  for (const size of value.shape) integer(writer, 1, size);
  integer(writer, 2, elementTypes[value.dtype]);
  text(writer, 8, name);
  if (external === undefined) {
    writer.tag(9, WireType.LengthDelimited).bytes(bytesOf(value));
    return;
  }
  const entries = {
    location: external.path,
    offset: `${external.offset}`,
    length: `${external.length}`,
  };
  for (const [key, entry] of Object.entries(entries)) {
    message(writer, 13, (inner) => {
      text(inner, 1, key);
      text(inner, 2, entry);
    });
  }
  integer(writer, 14, 1);
}

function writeValue(writer: BinaryWriter, { name, dtype, shape }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, (type) => {
    message(type, 1, (tensor) => {
      integer(tensor, 1, elementTypes[dtype]);
      message(tensor, 2, (dims) => {
        for (const dim of shape) {
          message(dims, 1, (entry) => {
            if (typeof dim === 'number') integer(entry, 1, dim);
            else text(entry, 2, dim);
          });
        }
      });
    });
  });
}

function writeSequence(writer: BinaryWriter, name: string): void {
  text(writer, 1, name);
  message(writer, 2, (type) => {
    message(type, 4, (sequence) => {
      message(sequence, 1, (element) => {
        message(element, 1, (tensor) => integer(tensor, 1, elementTypes.float32));
      });
    });
  });
}

/** Serialises a model as an ONNX `ModelProto`. */
export function writeModel(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, 'glassbox');
  message(writer, 7, (graph) => {
    for (const node of model.nodes) message(graph, 1, (inner) => writeNode(inner, node));
    text(graph, 2, 'glassbox');
    for (const initializer of model.initializers) {
      message(graph, 5, (inner) => writeInitializer(inner, initializer));
    }
    for (const value of model.inputs) message(graph, 11, (inner) => writeValue(inner, value));
    const { sequenceOutput } = model;
    if (sequenceOutput !== undefined) {
      message(graph, 12, (inner) => writeSequence(inner, sequenceOutput));
    }
    for (const value of model.outputs) message(graph, 12, (inner) => writeValue(inner, value));
  });
  for (const [domain, version] of Object.entries(model.opsets)) {
    message(writer, 8, (opset) => {
      text(opset, 1, domain);
      integer(opset, 2, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    message(writer, 14, (entry) => {
      text(entry, 1, key);
      text(entry, 2, value);
    });
  }
  return writer.finish();
}
