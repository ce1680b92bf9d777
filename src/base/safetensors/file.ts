import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GlassboxError } from '../error.ts';
import { writeFileAtomic } from '../files.ts';
import { duplicateKey, isRecord } from '../json.ts';
import {
  decodeTensor,
  type EncodeOptions,
  encodeSafetensorsParts,
  lookUp,
  type TensorInfo,
  type TensorSource,
  type TensorsToStore,
} from './codec.ts';
import { badSafetensors, headerBytes, PREFIX_BYTES, parseHeader } from './header.ts';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Largest single read: Node refuses 2 GiB and more. */
const READ_BYTES = 2 ** 30;

/**
 * Opens weights for reading one tensor at a time: a `.safetensors` file, an index file, or a folder
 * with `model.safetensors` or `model.safetensors.index.json`. Only headers are read here.
 *
 * @throws GlassboxError `no-weights` (nothing to open) or `bad-safetensors`
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const kind = await stat(path).catch((cause: unknown) => {
    throw noWeights(path, 'does not exist or cannot be read', cause);
  });
  if (!kind.isDirectory()) return path.endsWith('.json') ? openIndex(path) : openFile(path);
  const names = await readdir(path);
  if (names.includes(SINGLE)) return openFile(join(path, SINGLE));
  if (names.includes(INDEX)) return openIndex(join(path, INDEX));
  const pickled = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const found = pickled
    ? `holds ${pickled}, which is not read because it can run code`
    : 'is empty of weights';
  throw noWeights(path, `${found}; expected ${SINGLE} or ${INDEX}`);
}

function noWeights(path: string, problem: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`${path} ${problem}`, {
    code: 'no-weights',
    remedy: 'Point to a folder or file with weights in safetensors format.',
    details: { path },
    cause,
  });
}

async function openFile(path: string): Promise<TensorSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw noWeights(path, 'does not exist or cannot be read', cause);
  });
  try {
    const { size } = await handle.stat();
    const prefix = await readRange(handle, { begin: 0, end: Math.min(PREFIX_BYTES, size), path });
    const end = PREFIX_BYTES + headerBytes(prefix, size, path);
    const header = await readRange(handle, { begin: PREFIX_BYTES, end, path });
    const { tensors, metadata } = parseHeader(header, size, path);
    return {
      path,
      metadata,
      names: [...tensors.keys()],
      has: (name) => tensors.has(name),
      info: (name) => lookUp(tensors, name, path),
      readTensor: async (name, options) => {
        const info = lookUp(tensors, name, path);
        return decodeTensor(info, await readRange(handle, { ...info, path }), options);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readRange(
  handle: FileHandle,
  range: { readonly begin: number; readonly end: number; readonly path: string; name?: string },
): Promise<Uint8Array> {
  const { begin, end, path, name } = range;
  // Not a pooled Buffer: the values become views of this memory and must start aligned.
  const out = new Uint8Array(end - begin);
  let done = 0;
  while (done < out.length) {
    const length = Math.min(READ_BYTES, out.length - done);
    const { bytesRead } = await handle.read(out, done, length, begin + done);
    if (bytesRead === 0) throw badSafetensors(path, 'became shorter while it was read', name);
    done += bytesRead;
  }
  return out;
}

/** Sharded weights: the index maps each tensor to the file that holds it. */
async function openIndex(path: string): Promise<TensorSource> {
  const shardOf = await readIndex(path);
  const folder = path.slice(0, path.length - basename(path).length);
  const shards = new Map<string, TensorSource>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const file of new Set(shardOf.values())) {
      const shard = await openFile(join(folder, file)).catch((error: GlassboxError) => {
        if (error.code !== 'no-weights') throw error;
        throw badSafetensors(path, `names the file ${file}, which is missing`);
      });
      shards.set(file, shard);
    }
    const infos = new Map<string, TensorInfo>();
    for (const [name, file] of shardOf) {
      const shard = shards.get(file);
      if (!shard?.has(name)) throw badSafetensors(path, `should be in ${file}, but is not`, name);
      infos.set(name, shard.info(name));
    }
    for (const [file, shard] of shards) {
      const stray = shard.names.find((name) => shardOf.get(name) !== file);
      if (stray) throw badSafetensors(path, `is in ${file}, but the index does not say so`, stray);
    }
    const shardFor = (name: string): TensorSource => {
      lookUp(infos, name, path);
      return shards.get(shardOf.get(name) as string) as TensorSource;
    };
    return {
      path,
      metadata: shards.values().next().value?.metadata ?? {},
      names: [...infos.keys()],
      has: (name) => infos.has(name),
      info: (name) => lookUp(infos, name, path),
      readTensor: (name, options) => shardFor(name).readTensor(name, options),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readIndex(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw badSafetensors(path, `is not valid JSON: ${reason}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw badSafetensors(path, `has the key "${twice}" twice`);
  const map = isRecord(json) ? json.weight_map : undefined;
  if (!isRecord(map) || Object.keys(map).length === 0) {
    throw badSafetensors(path, 'has no "weight_map" from tensor names to files');
  }
  const out = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    // A path in here could reach outside the folder.
    if (typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw badSafetensors(path, `is mapped to ${JSON.stringify(file)}, no file name`, name);
    }
    out.set(name, file);
  }
  return out;
}

/**
 * Writes a safetensors file so that a reader sees either the old file or the whole new one. One
 * tensor at a time is converted and written, so memory stays bounded.
 *
 * @throws GlassboxError `bad-tensor` (shape or dtype) or `write-failed` (disk full, no permission)
 */
export async function writeSafetensors(
  path: string,
  tensors: TensorsToStore,
  options?: EncodeOptions,
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensorsParts(tensors, options));
}
