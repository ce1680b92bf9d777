import { GlassboxError } from '../../../base/error.ts';

/** A name a pickle refers to, such as `torch FloatStorage`. Naming is all that happens: nothing is imported. */
export class PickleGlobal {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }
}

/** An object of a class that was expected, as its arguments and fields; the class itself is never looked for. */
export class PickleRecord {
  readonly name: string;
  readonly args: readonly unknown[];
  /** What BUILD gave it: its fields by name. */
  fields: ReadonlyMap<unknown, unknown> = new Map();

  constructor(name: string, args: readonly unknown[]) {
    this.name = name;
    this.args = args;
  }
}

/** What a pickle may call and refer to. */
export interface PickleRules {
  /** The value of `module.name` called with arguments; undefined refuses. */
  readonly call: (callee: PickleGlobal, args: readonly unknown[]) => unknown;
  /** The value behind a persistent id. */
  readonly persistent: (id: unknown) => unknown;
  /** Whether a name may be mentioned at all. */
  readonly allowed: (name: PickleGlobal) => boolean;
  /** For messages. */
  readonly source: string;
}

function refuse(source: string, message: string): GlassboxError {
  return new GlassboxError(`${source}: ${message}`, {
    code: 'unsafe-pickle',
    remedy:
      'Only files of tensors are read, and nothing in them is ever run. Save the state dict alone, or use safetensors.',
    details: { source },
  });
}

function damaged(source: string, message: string): GlassboxError {
  return new GlassboxError(`${source}: ${message}`, {
    code: 'bad-pickle',
    remedy: 'The file may be truncated or no pickle; download it again.',
    details: { source },
  });
}

const MARK = Symbol('mark');

/** Reads bytes in order; running past the end is an error. */
class Reader {
  position: number;
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: string;

  constructor(bytes: Uint8Array, position: number, source: string) {
    this.bytes = bytes;
    this.position = position;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#source = source;
  }

  take(count: number): Uint8Array {
    const start = this.position;
    if (count < 0 || start + count > this.bytes.length)
      throw damaged(this.#source, 'the pickle ends early');
    this.position += count;
    return this.bytes.subarray(start, this.position);
  }

  uint(size: 1 | 2 | 4): number {
    const at = this.position;
    this.take(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  int32(): number {
    const at = this.position;
    this.take(4);
    return this.#view.getInt32(at, true);
  }

  length64(): number {
    const at = this.position;
    this.take(8);
    return Number(this.#view.getBigUint64(at, true));
  }

  float64(): number {
    const at = this.position;
    this.take(8);
    return this.#view.getFloat64(at, false);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0) throw damaged(this.#source, 'the pickle ends early');
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  /** A little-endian two's-complement integer of any size. */
  long(length: number): number | bigint {
    const bytes = this.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    if (length > 0 && bytes[length - 1] >= 128) value -= 1n << BigInt(8 * length);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
}

/** The machine that a pickle is a program for, without anything it could run. */
class Machine {
  readonly #reader: Reader;
  readonly #rules: PickleRules;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(reader: Reader, rules: PickleRules) {
    this.#reader = reader;
    this.#rules = rules;
  }

  #pop(): unknown {
    if (this.#stack.length === 0)
      throw damaged(this.#rules.source, 'the pickle takes more than it made');
    return this.#stack.pop();
  }

  /** Only a text names something: what a list would be called as text can grow without end. */
  #popText(): string {
    const value = this.#pop();
    if (typeof value === 'string') return value;
    throw damaged(this.#rules.source, 'a name is no text');
  }

  #recall(key: number): unknown {
    if (!this.#memo.has(key)) throw damaged(this.#rules.source, `memo ${key} was never written`);
    return this.#memo.get(key);
  }

  #toMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw damaged(this.#rules.source, 'a mark is missing');
    const items = this.#stack.splice(at);
    return items.slice(1);
  }

  #global(module: string, name: string): PickleGlobal {
    const found = new PickleGlobal(module, name);
    if (this.#rules.allowed(found)) return found;
    throw refuse(this.#rules.source, `refers to ${module}.${name}, which is no tensor`);
  }

  #call(callee: unknown, args: unknown): unknown {
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) {
      throw refuse(this.#rules.source, 'calls something that is not a name');
    }
    const value = this.#rules.call(callee, args);
    if (value !== undefined) return value;
    throw refuse(this.#rules.source, `calls ${callee.module}.${callee.name}`);
  }

  #setItems(target: unknown, items: readonly unknown[]): void {
    if (!(target instanceof Map))
      throw damaged(this.#rules.source, 'items are set on no dictionary');
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
  }

  #append(items: readonly unknown[]): void {
    const target = this.#stack.at(-1);
    if (!Array.isArray(target)) throw damaged(this.#rules.source, 'items are added to no list');
    for (const item of items) target.push(item);
  }

  run(): unknown {
    const reader = this.#reader;
    const stack = this.#stack;
    for (;;) {
      const code = reader.uint(1);
      const op = String.fromCharCode(code);
      switch (code) {
        case 0x80: // PROTO
          reader.uint(1);
          continue;
        case 0x81: {
          // NEWOBJ
          const args = this.#pop();
          stack.push(this.#call(this.#pop(), args));
          continue;
        }
        case 0x85:
        case 0x86:
        case 0x87: // TUPLE1 to TUPLE3
          stack.push(Array.from({ length: code - 0x84 }, () => this.#pop()).reverse());
          continue;
        case 0x88:
          stack.push(true);
          continue;
        case 0x89:
          stack.push(false);
          continue;
        case 0x8a: // LONG1
          stack.push(reader.long(reader.uint(1)));
          continue;
        case 0x8c: // SHORT_BINUNICODE
          stack.push(reader.text(reader.uint(1)));
          continue;
        case 0x8d: // BINUNICODE8
          stack.push(reader.text(reader.length64()));
          continue;
        case 0x93: {
          // STACK_GLOBAL
          const name = this.#popText();
          stack.push(this.#global(this.#popText(), name));
          continue;
        }
        case 0x94: // MEMOIZE
          this.#memo.set(this.#memo.size, stack.at(-1));
          continue;
        case 0x95: // FRAME
          reader.length64();
          continue;
      }
      switch (op) {
        case '.':
          return this.#pop();
        case '(':
          stack.push(MARK);
          continue;
        case '0':
          this.#pop();
          continue;
        case 'N':
          stack.push(null);
          continue;
        case 'K':
          stack.push(reader.uint(1));
          continue;
        case 'M':
          stack.push(reader.uint(2));
          continue;
        case 'J':
          stack.push(reader.int32());
          continue;
        case 'G':
          stack.push(reader.float64());
          continue;
        case 'X':
          stack.push(reader.text(reader.uint(4)));
          continue;
        case 'U':
          stack.push(reader.text(reader.uint(1)));
          continue;
        case 'T':
        case 'B':
          stack.push(reader.text(reader.uint(4)));
          continue;
        case 'C':
          stack.push(reader.text(reader.uint(1)));
          continue;
        case ')':
        case ']':
          stack.push([]);
          continue;
        case '}':
          stack.push(new Map());
          continue;
        case 't':
        case 'l':
          stack.push(this.#toMark());
          continue;
        case 'd': {
          const items = this.#toMark();
          const map = new Map();
          this.#setItems(map, items);
          stack.push(map);
          continue;
        }
        case 'a':
          this.#append([this.#pop()]);
          continue;
        case 'e':
          this.#append(this.#toMark());
          continue;
        case 's': {
          const value = this.#pop();
          const key = this.#pop();
          this.#setItems(stack.at(-1), [key, value]);
          continue;
        }
        case 'u':
          this.#setItems2();
          continue;
        case 'q':
          this.#memo.set(reader.uint(1), stack.at(-1));
          continue;
        case 'r':
          this.#memo.set(reader.uint(4), stack.at(-1));
          continue;
        case 'h':
          stack.push(this.#recall(reader.uint(1)));
          continue;
        case 'j':
          stack.push(this.#recall(reader.uint(4)));
          continue;
        case 'c': {
          const module = reader.line();
          stack.push(this.#global(module, reader.line()));
          continue;
        }
        case 'R': {
          const args = this.#pop();
          stack.push(this.#call(this.#pop(), args));
          continue;
        }
        case 'Q':
          stack.push(this.#rules.persistent(this.#pop()));
          continue;
        case 'b':
          this.#build(this.#pop());
          continue;
        default:
          throw refuse(this.#rules.source, `uses the pickle operation 0x${code.toString(16)}`);
      }
    }
  }

  /** Gives an object its state. An ordered dictionary's extra state means nothing to us. */
  #build(state: unknown): void {
    const target = this.#stack.at(-1);
    if (target instanceof PickleRecord && state instanceof Map) target.fields = state;
  }

  #setItems2(): void {
    const items = this.#toMark();
    this.#setItems(this.#stack.at(-1), items);
  }
}

/**
 * Reads one pickle. Dictionaries become Maps, lists and tuples arrays. Nothing is imported or run: names
 * beyond what the rules allow are an error.
 *
 * @returns the value, and where the pickle ended
 * @throws GlassboxError `unsafe-pickle`, naming what it refers to; `bad-pickle` when it is damaged
 */
export function readPickle(
  bytes: Uint8Array,
  rules: PickleRules,
  start = 0,
): { value: unknown; end: number } {
  const reader = new Reader(bytes, start, rules.source);
  const value = new Machine(reader, rules).run();
  return { value, end: reader.position };
}
