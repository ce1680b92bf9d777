import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, inflateSync } from 'node:zlib';
import { encodePalette } from './palette-png.ts';

/** The parts of a PNG file, their checksums checked. */
function chunksOf(png: Buffer): Map<string, Buffer> {
  assert.equal(png.subarray(1, 4).toString('latin1'), 'PNG');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    assert.equal(png.readUInt32BE(at + 8 + length), crc32(body));
    chunks.set(body.subarray(0, 4).toString('latin1'), body.subarray(4));
    at += 12 + length;
  }
  return chunks;
}

/** Colours of all pixels as `0xrrggbb`, row by row. */
function decode(png: Buffer): { width: number; height: number; colours: number[] } {
  const chunks = chunksOf(png);
  assert.deepEqual([...chunks.keys()], ['IHDR', 'PLTE', 'IDAT', 'IEND']);
  const header = chunks.get('IHDR')!;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8)], [8, 3, 0, 0, 0], '8 bits, palette, not interlaced');
  const palette = chunks.get('PLTE')!;
  assert.ok(palette.length <= 3 * 256);
  const rows = inflateSync(chunks.get('IDAT')!);
  assert.equal(rows.length, height * (width + 1));
  const colours = [];
  for (let y = 0; y < height; y++) {
    assert.equal(rows[y * (width + 1)], 0, 'no filter');
    for (let x = 0; x < width; x++) {
      const index = rows[y * (width + 1) + 1 + x];
      assert.ok(3 * index < palette.length);
      colours.push(palette.readUIntBE(3 * index, 3));
    }
  }
  return { width, height, colours };
}

function rgbaOf(colours: readonly number[]): Buffer {
  return Buffer.from(colours.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255, 255]));
}

test('a picture of at most 256 colours keeps every pixel', () => {
  const [width, height] = [5, 3];
  const colours = Array.from({ length: width * height }, (_, i) => (i * 0x123457) & 0xffffff);
  const png = encodePalette(rgbaOf(colours), { width, height });
  assert.deepEqual(decode(png), { width, height, colours });
});

test('of more colours the frequent ones stay, the others become near ones', () => {
  const [width, height] = [64, 64];
  // Half the picture is one colour, the rest a ramp of 2,048 others.
  const colours = Array.from({ length: width * height }, (_, i) =>
    i % 2 === 0 ? 0xfdfcf9 : (i >> 5) * 0x010000 + ((i * 7) & 127) * 0x000100 + 0x40,
  );
  const found = decode(encodePalette(rgbaOf(colours), { width, height })).colours;
  assert.ok(new Set(colours).size > 1000 && new Set(found).size <= 256);
  const channels = (c: number) => [c >> 16, (c >> 8) & 255, c & 255];
  colours.forEach((colour, i) => {
    if (i % 2 === 0) assert.equal(found[i], colour);
    const [a, b] = [channels(colour), channels(found[i])];
    // Every cell of colour space, 16 steps wide, has a colour of its own: no pixel leaves its own by much.
    for (const channel of [0, 1, 2]) {
      assert.ok(Math.abs(a[channel] - b[channel]) < 16, `${a} became ${b}`);
    }
  });
});
