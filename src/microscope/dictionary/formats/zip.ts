import { BlobReader, type FileEntry, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import type { GlassboxError } from '../../../base/error.ts';

/** What an archive may unpack to beside a multiple of its own size, so that tiny files of zeros pass. */
const SPARE = 16 * 2 ** 20;
/** Weights hardly compress; what unpacks to more than this many times its size is no file of weights. */
const RATIO = 20;

/** An open archive; entries are read by name, and never written anywhere. */
export interface ZipArchive {
  readonly names: readonly string[];
  /**
   * The bytes of some entries.
   *
   * @throws what `refuse` makes, when they unpack to far more than the archive holds, are damaged, or share bytes
   */
  read(names: readonly string[]): Promise<Map<string, Uint8Array>>;
}

/**
 * Opens an archive for the time of `use`. Archives in which a name occurs twice are refused, because programs differ in
 * which of the two they read.
 *
 * @param refuse makes the error for what is wrong with the archive
 */
export async function withZip<T>(
  blob: Blob,
  refuse: (message: string) => GlassboxError,
  use: (archive: ZipArchive) => Promise<T>,
): Promise<T> {
  const zip = new ZipReader(new BlobReader(blob), { checkOverlappingEntry: true });
  try {
    const entries = new Map<string, FileEntry>();
    for (const entry of await zip.getEntries()) {
      if (entry.directory) continue;
      if (entries.has(entry.filename)) throw refuse(`holds two entries "${entry.filename}"`);
      entries.set(entry.filename, entry);
    }
    let total = 0;
    return await use({
      names: [...entries.keys()],
      async read(names) {
        const out = new Map<string, Uint8Array>();
        for (const name of names) {
          const entry = entries.get(name);
          if (!entry) continue;
          // The size that an entry states holds: unpacking stops with an error at any other.
          total += entry.uncompressedSize;
          if (total > SPARE + RATIO * blob.size) {
            throw refuse(`unpacks to more than ${RATIO} times its ${blob.size} bytes`);
          }
          out.set(name, await entry.getData(new Uint8ArrayWriter()));
        }
        return out;
      },
    });
  } finally {
    await zip.close();
  }
}
