import { openAsBlob } from 'node:fs';
import { GlassboxError } from '../../../base/error.ts';

/** A file that is read in parts. Throws `no-file`. */
export async function openBlob(path: string): Promise<Blob> {
  try {
    // For a file that is not there this throws before there is a promise.
    return await openAsBlob(path);
  } catch (cause) {
    throw new GlassboxError(`cannot read ${path}`, {
      code: 'no-file',
      remedy: 'Give the path of an existing file.',
      details: { path },
      cause,
    });
  }
}
