import { GlassboxError } from '../base/error.ts';
import { isRecord } from '../base/json.ts';

export { isRecord };

/** Bounds of a number read from JSON. */
export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  /** The bound `min` itself is excluded. */
  readonly open?: boolean;
}

/** No size in a model description exceeds this, so that products of two sizes stay exact. */
const MAX_SIZE = 2 ** 26;

/** Layers are listed one by one, so their number is bounded lower. */
export const MAX_LAYERS = 4096;

/** Typed, checked access to one JSON object; every failure names the file and the key. */
export class JsonFields {
  readonly json: Readonly<Record<string, unknown>>;
  readonly file: string;
  readonly #prefix: string;

  constructor(json: Readonly<Record<string, unknown>>, file: string, prefix = '') {
    this.json = json;
    this.file = file;
    this.#prefix = prefix;
  }

  /** Throws `bad-config`, naming the key by its path from the top of the file. */
  fail(key: string, problem: string, options: { readonly remedy?: string } = {}): never {
    const path = `${this.#prefix}${key}`;
    throw new GlassboxError(`${this.file}: "${path}" ${problem}`, {
      code: 'bad-config',
      remedy: options.remedy ?? `Correct "${path}", or download ${this.file} again.`,
      details: { file: this.file, key: path },
    });
  }

  /** The key is there and is not null. */
  has(key: string): boolean {
    return Object.hasOwn(this.json, key) && this.json[key] !== null;
  }

  /** The key is there, perhaps as null: null then means "none" and not "the default". */
  mentions(key: string): boolean {
    return Object.hasOwn(this.json, key);
  }

  child(key: string): JsonFields {
    const value = this.json[key];
    if (!isRecord(value)) this.fail(key, `must be an object, got ${show(value)}`);
    return new JsonFields(value, this.file, `${this.#prefix}${key}.`);
  }

  /** A finite number. Without `fallback` the key is required. */
  number(key: string, range: NumberRange = {}, fallback?: number): number {
    const value = this.has(key) ? this.json[key] : fallback;
    if (value === undefined) this.fail(key, 'is missing; a number was expected');
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      this.fail(key, `must be a number, got ${show(value)}`);
    }
    const { min = Number.NEGATIVE_INFINITY, max = Number.MAX_VALUE, open = false } = range;
    if (value < min || value > max || (open && value === min)) {
      const lower =
        min === Number.NEGATIVE_INFINITY ? '' : ` ${open ? 'above' : 'at least'} ${min}`;
      const upper = max === Number.MAX_VALUE ? '' : ` at most ${max}`;
      this.fail(key, `must be${[lower, upper].filter(Boolean).join(' and')}, got ${value}`);
    }
    return value;
  }

  /** A whole number from 1 to `max`. Without `fallback` the key is required. */
  size(key: string, fallback?: number, max = MAX_SIZE): number {
    const value = this.number(key, { min: 1, max }, fallback);
    if (!Number.isInteger(value)) this.fail(key, `must be a whole number, got ${value}`);
    return value;
  }

  bool(key: string, fallback: boolean): boolean {
    if (!this.has(key)) return fallback;
    const value = this.json[key];
    if (typeof value !== 'boolean') this.fail(key, `must be true or false, got ${show(value)}`);
    return value;
  }

  string(key: string, fallback: string): string {
    if (!this.has(key)) return fallback;
    const value = this.json[key];
    if (typeof value !== 'string') this.fail(key, `must be a string, got ${show(value)}`);
    return value;
  }

  /** An integer, or a list of them; both forms occur for `eos_token_id`. */
  intOrInts(key: string): number[] {
    const value = this.json[key];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.map((item) => {
      if (!Number.isInteger(item)) this.fail(key, `must be token ids, got ${show(value)}`);
      return item as number;
    });
  }

  /** A list of exactly `length` positive numbers. */
  positives(key: string, length: number): number[] {
    const value = this.json[key];
    if (!Array.isArray(value) || value.length !== length) {
      const got = Array.isArray(value) ? `${value.length} values` : show(value);
      this.fail(key, `must be a list of ${length} numbers, got ${got}`);
    }
    return value.map((item: unknown) => {
      if (typeof item !== 'number' || !(item > 0) || !Number.isFinite(item)) {
        this.fail(key, `must hold positive numbers only, got ${show(item)}`);
      }
      return item;
    });
  }

  /** A list of strings. */
  strings(key: string): string[] {
    const value = this.json[key];
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      this.fail(key, `must be a list of strings, got ${show(value)}`);
    }
    return value;
  }
}

/** A short rendering of a value for a message. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    // Nested too deeply to be written out.
    text = typeof value;
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
