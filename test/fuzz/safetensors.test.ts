import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  encodeSafetensors,
  openSafetensors,
  readAll,
  readSafetensors,
  type StoredTensor,
} from '../../src/base/safetensors/index.ts';
import { byteEdits, oddNumber, oddValue, readOrRefuse, type Tally, toText } from './support.ts';

const CODES = ['bad-safetensors'];

const VALID = encodeSafetensors({
  'h.0.weight': { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, Number.NaN, 0, 1e-40) },
  'h.0.bias': { shape: [3], data: Float32Array.of(1, 3 * 2 ** -24, 3), dtype: 'F16' },
  scale: { shape: [], data: Float32Array.of(0.1), dtype: 'BF16' },
  ids: { shape: [2], data: BigInt64Array.of(-1n, 5n) },
  flags: { shape: [1, 2, 1], data: Uint8Array.of(0, 1), dtype: 'BOOL' },
  empty: { shape: [0, 4], data: new Float32Array(0) },
});

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

function split(bytes: Uint8Array): { header: string; data: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  return { header, data: bytes.subarray(8 + length) };
}

function join8(header: string, data: Uint8Array, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + text.length + data.length);
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  out.set(text, 8);
  out.set(data, 8 + text.length);
  return out;
}

/** One element by the words of the format, with no code of the reader under test. */
function elementAt(view: DataView, dtype: string, offset: number): number | bigint {
  if (dtype === 'F64') return Math.fround(view.getFloat64(offset, true));
  if (dtype === 'F32') return view.getFloat32(offset, true);
  if (dtype === 'I64') return view.getBigInt64(offset, true);
  if (dtype === 'I32') return view.getInt32(offset, true);
  if (dtype === 'I16') return view.getInt16(offset, true);
  if (dtype === 'I8') return view.getInt8(offset);
  if (dtype === 'U8' || dtype === 'BOOL') return view.getUint8(offset);
  const bits = view.getUint16(offset, true);
  const [exponentBits, fractionBits] = dtype === 'F16' ? [5, 10] : [8, 7];
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

const WIDTH: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** What was loaded is what the header says, byte for byte, and the header covers the data. */
function checkLoad(bytes: Uint8Array, loaded: ReadonlyMap<string, StoredTensor>): void {
  const { header, data } = split(bytes);
  const { __metadata__: _, ...entries } = JSON.parse(header) as Record<string, Entry>;
  assert.deepEqual([...loaded.keys()].sort(), Object.keys(entries).sort());
  // JSON.parse keeps the last of two equal names, so they are counted in the text.
  assert.equal(header.split('"dtype":').length - 1, loaded.size);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const covered = new Uint8Array(data.length);
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const tensor = loaded.get(name) as StoredTensor;
    assert.equal(tensor.dtype, dtype);
    assert.deepEqual(tensor.shape, shape);
    const [begin, end] = offsets;
    assert.equal(
      tensor.data.length,
      shape.reduce((product, size) => product * size, 1),
    );
    assert.equal(tensor.data.length * WIDTH[dtype], end - begin);
    for (let i = 0; i < tensor.data.length; i++) {
      assert.ok(Object.is(tensor.data[i], elementAt(view, dtype, begin + i * WIDTH[dtype])));
    }
    for (let i = begin; i < end; i++) covered[i]++;
  }
  assert.ok(covered.every((count) => count === 1));
}

async function load(bytes: Uint8Array, tally: Tally): Promise<void> {
  const loaded = await readOrRefuse(() => readSafetensors(bytes), CODES, tally);
  if (loaded) checkLoad(bytes, loaded);
}

const { header: HEADER, data: DATA } = split(VALID);
const NAMES = Object.keys(JSON.parse(HEADER)).filter((name) => name !== '__metadata__');

/** One change to the entry of one tensor. */
const entryEdit = fc.record({
  name: fc.constantFrom(...NAMES),
  change: fc.oneof(
    fc.record({
      key: fc.constant('dtype'),
      value: fc.oneof(fc.constantFrom(...Object.keys(WIDTH), 'F8_E4M3', 'U32', 'f32'), oddValue),
    }),
    fc.record({
      key: fc.constant('shape'),
      value: fc.oneof(fc.array(oddNumber, { maxLength: 4 }), oddValue),
    }),
    fc.record({
      key: fc.constant('data_offsets'),
      value: fc.oneof(fc.tuple(oddNumber, oddNumber), oddValue),
    }),
    fc.record({ key: fc.constantFrom('begin', 'end'), value: fc.constantFrom(-4, -1, 1, 2, 4, 8) }),
    fc.record({
      key: fc.constantFrom('delete', 'swap', 'whole', 'copy', 'repeat'),
      value: oddValue,
    }),
  ),
});

type Edit = typeof entryEdit extends fc.Arbitrary<infer T> ? T : never;

function applyEdits(edits: readonly Edit[]): string {
  const json: Record<string, Record<string, unknown>> = JSON.parse(HEADER);
  const repeated: string[] = [];
  for (const { name, change } of edits) {
    const entry = json[name];
    if (typeof entry !== 'object' || entry === null) continue;
    const { key, value } = change;
    const offsets = Array.isArray(entry.data_offsets) ? [...entry.data_offsets] : [0, 0];
    if (key === 'begin') entry.data_offsets = [offsets[0] + (value as number), offsets[1]];
    else if (key === 'end') entry.data_offsets = [offsets[0], offsets[1] + (value as number)];
    else if (key === 'delete') delete json[name];
    else if (key === 'whole') json[name] = value as Record<string, unknown>;
    else if (key === 'copy') json[`${name}.2`] = { ...entry };
    else if (key === 'swap')
      entry.shape = Array.isArray(entry.shape) ? [...entry.shape].reverse() : 1;
    else if (key === 'repeat') repeated.push(`,${JSON.stringify(name)}:${toText(entry)}}`);
    else entry[key] = value;
  }
  return repeated.reduce((text, again) => text.slice(0, -1) + again, toText(json));
}

describe('fuzzed safetensors', { timeout: 60_000 }, () => {
  it('accepts the file before it is changed', async () => {
    const tally = { loaded: 0, refused: 0 };
    await load(VALID, tally);
    assert.equal(tally.loaded, 1);
  });

  it('survives changed header entries (4,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    const edits = fc.array(entryEdit, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(edits, (list) => load(join8(applyEdits(list), DATA), tally)),
      { numRuns: 4000 },
    );
    assert.ok(tally.loaded > 0 && tally.refused > 0, JSON.stringify(tally));
  });

  it('survives changed bytes (4,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(byteEdits, (edit) => load(edit(VALID), tally)),
      { numRuns: 4000 },
    );
    assert.ok(tally.loaded > 0 && tally.refused > 0, JSON.stringify(tally));
  });

  it('survives changed header text (2,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    const header = new TextEncoder().encode(HEADER);
    await fc.assert(
      fc.asyncProperty(byteEdits, (edit) => {
        const text = new TextDecoder('latin1').decode(edit(header));
        return load(join8(text, DATA), tally);
      }),
      { numRuns: 2000 },
    );
    assert.ok(tally.loaded > 0 && tally.refused > 0, JSON.stringify(tally));
  });

  it('survives any header length (1,000 files)', async () => {
    const tally = { loaded: 0, refused: 0 };
    const near = fc.bigInt({ min: -16n, max: 16n }).map((d) => BigInt(HEADER.length) + d);
    const any = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    await fc.assert(
      fc.asyncProperty(fc.oneof(near, any), (length) => load(join8(HEADER, DATA, length), tally)),
      { numRuns: 1000 },
    );
    assert.ok(tally.loaded > 0 && tally.refused > 0, JSON.stringify(tally));
  });

  it('reads the same from disk as from memory, or refuses both (300 files)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glassbox-fuzz-'));
    const path = join(folder, 'x.safetensors');
    const disk = { loaded: 0, refused: 0 };
    const memory = { loaded: 0, refused: 0 };
    const fromDisk = async () => {
      const source = await openSafetensors(path);
      return readAll(source).finally(() => source.close());
    };
    await fc.assert(
      fc.asyncProperty(byteEdits, async (edit) => {
        const bytes = edit(VALID);
        await writeFile(path, bytes);
        const a = await readOrRefuse(fromDisk, CODES, disk);
        const b = await readOrRefuse(() => readSafetensors(bytes), CODES, memory);
        assert.deepEqual(a, b);
      }),
      { numRuns: 300 },
    );
    assert.deepEqual(disk, memory);
    await rm(folder, { recursive: true });
  });
});
