import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isGlassboxError } from '../../src/base/error.ts';

/** How many inputs were read, and how many were refused. */
export interface Tally {
  loaded: number;
  refused: number;
}

/**
 * Runs `read` on a malformed input. It must give a result or throw the one kind of error, with one of
 * the `codes`; anything else fails the test.
 */
export async function readOrRefuse<T>(
  read: () => T | Promise<T>,
  codes: readonly string[],
  tally: Tally,
): Promise<T | undefined> {
  try {
    const result = await read();
    tally.loaded++;
    return result;
  } catch (error) {
    if (!isGlassboxError(error)) throw error;
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    assert.ok(error.remedy.length > 0);
    assert.ok(error.message.length < 2000, 'a message stays readable');
    tally.refused++;
    return undefined;
  }
}

/** Numbers a header or a configuration should not hold, and some it may. */
export const oddNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    1,
    2,
    3,
    4,
    7,
    8,
    16,
    0.5,
    4.5,
    64.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e20,
    1e308,
    -0,
  ),
  fc.integer({ min: -100, max: 1000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any JSON value, mostly small, sometimes nested so deeply that a recursive reader would fall. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: oddNumber },
  {
    weight: 3,
    arbitrary: fc.constantFrom(null, true, false, '', 'default', 'F32', 'yarn', [], {}),
  },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 2, arbitrary: fc.array(oddNumber, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(200, 20_000).map(nested) },
);

/** Stands for an array nested `depth` times: the thing itself could not even be printed. */
interface Nested {
  readonly nested: number;
}

function nested(depth: number): Nested {
  return { nested: depth };
}

function isNested(value: object): value is Nested {
  return 'nested' in value && typeof value.nested === 'number';
}

/** JSON text of a value, with deep nesting written out. */
export function toText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isNested(value)) return '['.repeat(value.nested) + ']'.repeat(value.nested);
  const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${toText(item)}`).join(',')}}`;
}

/** Changes of single bytes anywhere: replaced, inserted, removed, cut off. */
export const byteEdits: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .array(
    fc.record({
      at: fc.nat({ max: 2 ** 30 }),
      byte: fc.oneof(
        fc.nat({ max: 255 }),
        fc.constantFrom(...Buffer.from('{}[]",:0123456789-.eF')),
      ),
      kind: fc.constantFrom('replace', 'replace', 'insert', 'remove', 'cut'),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((edits) => (bytes) => {
    const out = [...bytes];
    for (const { at, byte, kind } of edits) {
      const position = out.length === 0 ? 0 : at % out.length;
      if (kind === 'replace') out[position] = byte;
      else if (kind === 'insert') out.splice(position, 0, byte);
      else if (kind === 'remove') out.splice(position, 1);
      else out.length = position;
    }
    return Uint8Array.from(out);
  });
