import { crc32, deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * The same picture in at most 256 colours, each pixel in the nearest of the most frequent ones: a page has few
 * colours besides the edges of its letters, and the file becomes less than half as large.
 *
 * @param png picture as the browser writes it
 * @param page any open page; its browser decodes the picture
 */
export async function withPalette(png: Buffer, page: Page): Promise<Buffer> {
  const { width, height, pixels } = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = '';
    for (let i = 0; i < data.length; i += 0x8000) {
      text += String.fromCharCode(...data.subarray(i, i + 0x8000));
    }
    return { width: bitmap.width, height: bitmap.height, pixels: btoa(text) };
  }, png.toString('base64'));
  return encodePalette(Buffer.from(pixels, 'base64'), { width, height });
}

/**
 * A picture as PNG with a palette.
 *
 * @param rgba `[height, width, 4]`, bytes; how far a pixel lets through what is below is left out
 */
export function encodePalette(
  rgba: Buffer,
  { width, height }: { readonly width: number; readonly height: number },
): Buffer {
  const { palette, nearest } = reduce(rgba);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + 1 + x] = nearest.get(colourAt(rgba, 4 * (y * width + x)))!;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * At most 256 colours, half of them spread over the fullest cells of colour space and half the most frequent others,
 * and which of them is nearest to every colour.
 */
function reduce(rgba: Buffer): { palette: number[]; nearest: Map<number, number> } {
  const counts = new Map<number, number>();
  for (let i = 0; i < rgba.length; i += 4) {
    const colour = colourAt(rgba, i);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const cells = new Map<number, { colour: number; count: number }>();
  for (const [colour, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    const cell = colour & 0xf0f0f0;
    const found = cells.get(cell);
    if (found === undefined) cells.set(cell, { colour, count });
    else found.count += count;
  }
  const palette = new Set(
    [...cells.values()]
      .sort((a, b) => b.count - a.count)
      .map((c) => c.colour)
      .slice(0, 128),
  );
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1])) {
    if (palette.size === 256) break;
    palette.add(colour);
  }
  const colours = [...palette];
  const nearest = new Map<number, number>();
  for (const colour of counts.keys()) {
    let best = 0;
    for (let i = 1; i < colours.length; i++) {
      if (distance(colour, colours[i]) < distance(colour, colours[best])) best = i;
    }
    nearest.set(colour, best);
  }
  return { palette: colours, nearest };
}

function colourAt(rgba: Buffer, at: number): number {
  return (rgba[at] << 16) | (rgba[at + 1] << 8) | rgba[at + 2];
}

function distance(a: number, b: number): number {
  return (
    ((a >> 16) - (b >> 16)) ** 2 +
    (((a >> 8) & 255) - ((b >> 8) & 255)) ** 2 +
    ((a & 255) - (b & 255)) ** 2
  );
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
