import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeSafetensors, readSafetensors, safetensorsFromBytes } from './codec.ts';
import {
  bfloat16ToFloat32,
  float32ToBfloat16,
  float32ToHalf,
  float32ToHalfPortable,
  halfToFloat32,
} from './dtypes.ts';
import { openSafetensors, writeSafetensors } from './file.ts';

/** A file from a hand-written header text and data bytes. */
function file(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const out = new Uint8Array(8 + text.length + data.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  out.set(data, 8 + text.length);
  return out;
}

const entry = (begin: number, end: number, rest: object = {}) => ({
  dtype: 'F32',
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
  ...rest,
});

describe('float16 and bfloat16', () => {
  it('widens every float16 pattern exactly, and narrows it back', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const wide = halfToFloat32(all);
    assert.equal(wide[0x0001], 2 ** -24);
    assert.equal(wide[0x03ff], 1023 * 2 ** -24);
    assert.equal(wide[0x7bff], 65504);
    assert.equal(wide[0xfc00], Number.NEGATIVE_INFINITY);
    assert.ok(Object.is(wide[0x8000], -0));
    assert.ok(Number.isNaN(wide[0x7c01]));
    for (const narrow of [float32ToHalf(wide), float32ToHalfPortable(wide)]) {
      for (let i = 0; i < 65536; i++) {
        if (!Number.isNaN(wide[i])) assert.equal(narrow[i], i);
        else assert.ok((narrow[i] & 0x7c00) === 0x7c00 && (narrow[i] & 0x3ff) !== 0);
      }
    }
  });

  it('rounds float32 to the nearest float16, ties to even', () => {
    const cases: [number, number][] = [
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [65519, 0x7bff],
      [65520, 0x7c00],
      [2 ** -25, 0],
      [2 ** -25 + 2 ** -40, 1],
      [3 * 2 ** -25, 2],
      [-1e9, 0xfc00],
    ];
    for (const narrow of [float32ToHalf, float32ToHalfPortable]) {
      const got = narrow(Float32Array.from(cases, ([value]) => value));
      assert.deepEqual(
        [...got],
        cases.map(([, bits]) => bits),
      );
    }
  });

  it('agrees between the native and the portable narrowing', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, maxLength: 200 }), (values) => {
        assert.deepEqual(float32ToHalfPortable(values), float32ToHalf(values));
      }),
    );
  });

  it('rounds to bfloat16 and back within half a unit of its 8 bits', () => {
    const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, Number.NaN, 3.4e38, -0, 1e-40);
    const bits = float32ToBfloat16(values);
    assert.deepEqual([...bits.subarray(0, 3)], [0x3f80, 0x3f80, 0x3f82]);
    const back = bfloat16ToFloat32(bits);
    assert.ok(Number.isNaN(back[3]));
    assert.equal(back[4], Number.POSITIVE_INFINITY);
    assert.ok(Object.is(back[5], -0));
    assert.ok(Math.abs(back[6] - 1e-40) < 2 ** -133);
  });
});

describe('safetensors in memory', () => {
  it('gives back what was written, for every kind of value', async () => {
    const tensors = {
      f64: { shape: [2], data: Float64Array.of(Math.PI, -0) },
      f32: { shape: [2, 2], data: Float32Array.of(1, 2, 3, Number.NaN) },
      i64: { shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
      i32: { shape: [1], data: Int32Array.of(-5) },
      i16: { shape: [3], data: Int16Array.of(1, -2, 3) },
      i8: { shape: [1], data: Int8Array.of(-128) },
      u8: { shape: [0, 4], data: new Uint8Array(0) },
      '7': { shape: [3], data: Uint8Array.of(0, 1, 1), dtype: 'BOOL' as const },
    };
    const bytes = encodeSafetensors(tensors, { metadata: { format: 'pt', note: 'ü' } });
    assert.deepEqual(
      bytes,
      encodeSafetensors(new Map(Object.entries(tensors).reverse()), {
        metadata: { format: 'pt', note: 'ü' },
      }),
    );
    const back = await readSafetensors(bytes, { keepFloat64: true });
    assert.equal(back.size, 8);
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      assert.deepEqual(back.get(name)?.shape, shape);
      assert.deepEqual(back.get(name)?.data, data);
    }
    const source = safetensorsFromBytes(bytes);
    assert.equal(source.metadata.note, 'ü');
    assert.deepEqual((await source.readTensor('f64')).data, Float32Array.of(Math.PI, -0));
    // Aligned data can be mapped into memory by other readers.
    const sizes: Record<string, number> = { f64: 8, i64: 8, f32: 4, i32: 4, i16: 2 };
    for (const [name, size] of Object.entries(sizes))
      assert.equal(source.info(name).begin % size, 0);
  });

  it('stores floats in half the space on request', async () => {
    const tensors = {
      a: { shape: [2], data: Float32Array.of(1.5, -0.1) },
      n: { shape: [1], data: Int32Array.of(7) },
      keep: { shape: [1], data: Float32Array.of(0.1), dtype: 'F32' as const },
    };
    for (const floats of ['F16', 'BF16'] as const) {
      const back = await readSafetensors(encodeSafetensors(tensors, { floats }));
      assert.equal(back.get('a')?.dtype, floats);
      assert.equal(back.get('a')?.data[0], 1.5);
      assert.equal(back.get('keep')?.data[0], Math.fround(0.1));
      assert.deepEqual(back.get('n')?.data, Int32Array.of(7));
    }
  });

  it('reads data that does not start at a multiple of the element size', async () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const back = await readSafetensors(file(`{"a":${JSON.stringify(entry(0, 12))}} `, data));
    assert.deepEqual(back.get('a')?.data, Float32Array.of(1, 2, 3));
  });

  it('copies values out of a Node Buffer, which slices without copying', async () => {
    const bytes = encodeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) } });
    const pool = Buffer.alloc(bytes.length + 8, 7);
    bytes.forEach((byte, i) => {
      pool[i + 4] = byte;
    });
    const { a } = Object.fromEntries(await readSafetensors(pool.subarray(4, bytes.length + 4)));
    assert.deepEqual(a.data, Float32Array.of(1, 2));
    assert.equal(a.data.buffer.byteLength, 8);
  });

  it('lists the nearest names for an unknown tensor', async () => {
    const source = safetensorsFromBytes(
      encodeSafetensors({ 'h.0.w': { shape: [1], data: Float32Array.of(1) } }),
    );
    await assert.rejects(source.readTensor('h.0.b'), {
      code: 'unknown-tensor',
      message: /h\.0\.b/,
    });
  });

  it('refuses to store a wrong shape or a change of kind', () => {
    const bad = (tensor: object) => () => encodeSafetensors({ x: tensor as never });
    assert.throws(bad({ shape: [3], data: Float32Array.of(1) }), { code: 'bad-tensor' });
    assert.throws(bad({ shape: [1], data: Int32Array.of(1), dtype: 'F32' }), {
      code: 'bad-tensor',
    });
  });

  const json = (value: object) => JSON.stringify(value);
  const malformed: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(0), /0 bytes long/],
    ['seven bytes', new Uint8Array(7), /7 bytes long/],
    ['a header beyond the file', file('{}').subarray(0, 9), /truncated/],
    ['a header beyond the limit', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 123), /limit/],
    ['a header of 100,000,001 bytes', Uint8Array.of(1, 225, 245, 5, 0, 0, 0, 0, 123), /limit/],
    ['a header that is not UTF-8', file(Uint8Array.of(0x7b, 0xff, 0x7d)), /UTF-8/],
    ['a byte order mark', file(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)), /start with/],
    ['a header that is no object', file('[]'), /start with/],
    ['broken JSON', file('{"a":'), /JSON/],
    ['one name twice', file('{"a":1,"\\u0061":2}'), /"a" twice/],
    ['a key twice inside', file('{"a":{"dtype":"F32","dtype":"F32"}}'), /"dtype" twice/],
    ['a tensor that is no object', file('{"a":[]}'), /tensor "a" .*no object/],
    [
      'an unknown dtype',
      file(json({ a: entry(0, 0, { dtype: 'F99' }) })),
      /"F99", which is unknown/,
    ],
    ['an eight-bit float', file(json({ a: entry(0, 0, { dtype: 'F8_E4M3' }) })), /not supported/],
    ['no dtype', file(json({ a: entry(0, 0, { dtype: undefined }) })), /"a" has dtype/],
    ['a negative size', file(json({ a: entry(0, 4, { shape: [-1] }) })), /shape/],
    ['a fractional size', file(json({ a: entry(0, 4, { shape: [0.5] }) })), /shape/],
    [
      'a negative offset',
      file(json({ a: entry(0, 4, { data_offsets: [-4, 0] }) })),
      /data_offsets/,
    ],
    ['three offsets', file(json({ a: entry(0, 4, { data_offsets: [0, 4, 8] }) })), /data_offsets/],
    ['reversed offsets', file(json({ a: entry(4, 0, { shape: [1] }) })), /reversed/],
    ['too few bytes', file(json({ a: entry(0, 4, { shape: [2] }) }), new Uint8Array(4)), /needs 8/],
    [
      'a shape beyond all memory',
      file(json({ a: entry(0, 4, { shape: [2 ** 52, 2 ** 52] }) })),
      /needs/,
    ],
    ['a truncated file', file(json({ a: entry(0, 8) }), new Uint8Array(7)), /"a" .*truncated/],
    ['bytes after the data', file(json({ a: entry(0, 4) }), new Uint8Array(5)), /no tensor/],
    ['a gap', file(json({ a: entry(0, 4), b: entry(8, 12) }), new Uint8Array(12)), /"b" .*gap/],
    ['a gap at the start', file(json({ a: entry(4, 8) }), new Uint8Array(8)), /"a" .*gap/],
    [
      'an overlap',
      file(json({ a: entry(0, 8), b: entry(4, 12) }), new Uint8Array(12)),
      /"b" .*overlap/,
    ],
    [
      'the same bytes twice',
      file(json({ a: entry(0, 4), b: entry(0, 4) }), new Uint8Array(4)),
      /overlap/,
    ],
    ['metadata with a number', file('{"__metadata__":{"a":1}}'), /__metadata__/],
  ];
  for (const [what, bytes, message] of malformed) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => safetensorsFromBytes(bytes, 'x.safetensors'),
        (error: Error) => {
          assert.equal(error.name, 'GlassboxError');
          assert.equal(Reflect.get(error, 'code'), 'bad-safetensors');
          assert.match(error.message, /^x\.safetensors: /);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it('accepts a file without tensors', async () => {
    assert.equal((await readSafetensors(file('{}'))).size, 0);
  });
});

describe('safetensors on disk', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glassbox-st-'));
  });
  after(() => rm(folder, { recursive: true }));

  const tensors = {
    'a.weight': { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    'b.ids': { shape: [2], data: BigInt64Array.of(3n, 4n) },
  };

  it('reads a folder tensor by tensor', async () => {
    await writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const source = await openSafetensors(folder);
    assert.deepEqual([...source.names], ['b.ids', 'a.weight']);
    assert.deepEqual(await source.readTensor('a.weight'), { ...tensors['a.weight'], dtype: 'F32' });
    assert.deepEqual((await source.readTensor('b.ids')).data, tensors['b.ids'].data);
    await source.close();
    assert.deepEqual(await readdir(folder), ['model.safetensors']);
  });

  it('notices a file that shrinks after it was opened', async () => {
    const path = join(folder, 'shrinks.safetensors');
    await writeSafetensors(path, tensors);
    const source = await openSafetensors(path);
    await truncate(path, source.info('a.weight').begin + 4);
    await assert.rejects(source.readTensor('a.weight'), {
      code: 'bad-safetensors',
      message: /a\.weight/,
    });
    await source.close();
  });

  it('keeps the old file when the new one cannot be written', async () => {
    const path = join(folder, 'kept.safetensors');
    await writeSafetensors(path, tensors);
    const old = await readFile(path);
    const wrong = { x: { shape: [2], data: Float32Array.of(1) } };
    await assert.rejects(writeSafetensors(path, wrong), { code: 'bad-tensor' });
    assert.deepEqual(await readFile(path), old);
    await assert.rejects(writeSafetensors(join(folder, 'none', 'x'), tensors), {
      code: 'write-failed',
    });
  });

  describe('in shards', () => {
    const index = (map: object) =>
      writeFile(
        join(folder, 'sharded', 'model.safetensors.index.json'),
        JSON.stringify({ weight_map: map }),
      );
    before(async () => {
      await mkdir(join(folder, 'sharded'));
      await writeSafetensors(join(folder, 'sharded', 'one.safetensors'), {
        'a.weight': tensors['a.weight'],
      });
      await writeSafetensors(join(folder, 'sharded', 'two.safetensors'), {
        'b.ids': tensors['b.ids'],
      });
    });

    it('finds each tensor in its file', async () => {
      await index({ 'a.weight': 'one.safetensors', 'b.ids': 'two.safetensors' });
      const source = await openSafetensors(join(folder, 'sharded'));
      assert.deepEqual((await source.readTensor('b.ids')).data, tensors['b.ids'].data);
      assert.deepEqual((await source.readTensor('a.weight')).data, tensors['a.weight'].data);
      assert.throws(() => source.info('c'), { code: 'unknown-tensor' });
      await source.close();
    });

    const refused: [string, object, RegExp][] = [
      ['a missing file', { 'a.weight': 'none.safetensors' }, /none\.safetensors, which is missing/],
      ['a path', { 'a.weight': '../model.safetensors' }, /no file name/],
      ['a tensor in the wrong file', { 'a.weight': 'two.safetensors' }, /"a\.weight" should be in/],
      [
        'a tensor left out',
        { 'a.weight': 'one.safetensors', 'b.ids': 'two.safetensors', x: 'two.safetensors' },
        /"x"/,
      ],
      ['no map', [], /weight_map/],
    ];
    for (const [what, map, message] of refused) {
      it(`refuses an index with ${what}`, async () => {
        await index(map);
        await assert.rejects(openSafetensors(join(folder, 'sharded')), {
          code: 'bad-safetensors',
          message,
        });
      });
    }

    it('refuses a tensor the index does not know', async () => {
      await writeSafetensors(join(folder, 'sharded', 'two.safetensors'), tensors);
      await index({ 'a.weight': 'one.safetensors', 'b.ids': 'two.safetensors' });
      await assert.rejects(openSafetensors(join(folder, 'sharded')), {
        code: 'bad-safetensors',
        message: /a\.weight.*does not say/,
      });
    });
  });

  it('says what a folder without weights holds instead', async () => {
    await assert.rejects(openSafetensors(join(folder, 'nowhere')), { code: 'no-weights' });
    const pickled = await mkdtemp(join(folder, 'p-'));
    await writeFile(join(pickled, 'pytorch_model.bin'), 'x');
    await assert.rejects(openSafetensors(pickled), {
      code: 'no-weights',
      message: /pytorch_model\.bin/,
    });
  });
});
