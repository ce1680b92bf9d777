import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { type FileContent, writeFileAtomic } from '../base/files.ts';
import { isRecord } from '../base/json.ts';
import {
  encodeSafetensorsParts,
  readSafetensors,
  type TensorToStore,
} from '../base/safetensors/index.ts';
import type { TensorData } from '../graph/op.ts';
import { nonFiniteNames } from './non-finite.ts';
import type { Params } from './params.ts';
import type { TrainerState } from './trainer.ts';

/** What a checkpoint holds beside its tensors; all of it JSON. */
export interface CheckpointMeta {
  /** Settings that must be equal to resume. */
  readonly config: Readonly<Record<string, unknown>>;
  /** States of named random generators. */
  readonly rng: Readonly<Record<string, readonly number[]>>;
  /** What the data source needs beside the step to continue. */
  readonly data?: unknown;
  /** Latest evaluation, which decides what is best. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a checkpoint folder holds, read back. */
export interface Checkpoint {
  readonly state: TrainerState;
  readonly meta: CheckpointMeta;
}

export interface SaveOptions {
  /** Writes one file; tests put failing disks here. */
  readonly write?: (path: string, content: FileContent) => Promise<void>;
}

const VERSION = 1;
const STATE = 'state.json';

interface FileRecord {
  readonly bytes: number;
  readonly sha256: string;
}

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/**
 * Saves a checkpoint as `folder/step-NNNNNNNN` with `weights.safetensors`, `optimiser.safetensors`,
 * `ema.safetensors` (when kept) and `state.json`. Everything is written and flushed in a temporary
 * folder that is renamed at the end, so a checkpoint is whole or not there. Returns its path.
 *
 * @throws GlassboxError `checkpoint-failed` (disk full, no permission); earlier checkpoints stay
 * @throws GlassboxError `not-finite` when a tensor holds NaN or infinity
 */
export async function saveCheckpoint(
  folder: string,
  { state, meta }: Checkpoint,
  options: SaveOptions = {},
): Promise<string> {
  requireFinite(state);
  const write = options.write ?? writeFileAtomic;
  const path = join(folder, checkpointName(state.step));
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const temporary = join(folder, `.new-${unique}`);
  try {
    await mkdir(temporary, { recursive: true });
    const files: Record<string, FileRecord> = {};
    const groups = { weights: state.params, optimiser: state.optimiser, ema: state.ema };
    for (const [name, tensors] of Object.entries(groups)) {
      if (!tensors) continue;
      const file = `${name}.safetensors`;
      const counted = counting(encodeSafetensorsParts(stored(tensors)));
      await write(join(temporary, file), counted.parts);
      files[file] = counted.record();
    }
    const json = { version: VERSION, step: state.step, ...meta, files };
    await write(join(temporary, STATE), `${JSON.stringify(json, null, 2)}\n`);
    await syncFolder(temporary);
    await replaceFolder(temporary, path, join(folder, `.old-${unique}`));
    await syncFolder(folder);
    return path;
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GlassboxError(`cannot save the checkpoint of step ${state.step}: ${reason}`, {
      code: 'checkpoint-failed',
      remedy: 'Free some disk space and resume; earlier checkpoints are untouched.',
      kind: 'failure',
      details: { folder, step: state.step },
      cause,
    });
  }
}

function requireFinite({ step, params, optimiser }: TrainerState): void {
  const [name] = nonFiniteNames({ ...optimiser, ...params });
  if (name === undefined) return;
  throw new GlassboxError(`after ${step} steps '${name}' holds NaN or infinity; not saved`, {
    code: 'not-finite',
    remedy: 'Resume from the last checkpoint with a lower learning rate.',
    kind: 'failure',
    details: { step, parameter: name },
  });
}

/** Without our own names of element types: floats are stored as they are held. */
function stored(tensors: Params): Record<string, TensorToStore> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape, data }]),
  );
}

/** Passes parts through and takes their size and hash on the way. */
function counting(parts: Iterable<Uint8Array>) {
  const hash = createHash('sha256');
  let bytes = 0;
  function* pass() {
    for (const part of parts) {
      hash.update(part);
      bytes += part.length;
      yield part;
    }
  }
  return { parts: pass(), record: (): FileRecord => ({ bytes, sha256: hash.digest('hex') }) };
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename cannot replace a folder with content, so the old one steps aside first. */
async function replaceFolder(from: string, to: string, aside: string): Promise<void> {
  const existed = await rename(to, aside).then(
    () => true,
    () => false,
  );
  try {
    await rename(from, to);
  } catch (error) {
    if (existed) await rename(aside, to);
    throw error;
  }
  if (existed) await rm(aside, { recursive: true, force: true });
}

/**
 * Loads one checkpoint folder. Sizes and hashes of its files are checked, so that damage is told and
 * never trained on.
 *
 * @throws GlassboxError `bad-checkpoint`, naming the file
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const json = await readCheckpointState(path);
  const files = json.files as Readonly<Record<string, FileRecord>>;
  const read = async (file: string): Promise<Params | undefined> => {
    const record = files[file];
    if (!record) return undefined;
    const bytes = await readFile(join(path, file)).catch((error: Error) => {
      throw badCheckpoint(join(path, file), `cannot be read: ${error.message}`);
    });
    if (bytes.length !== record.bytes || sha256(bytes) !== record.sha256) {
      throw badCheckpoint(join(path, file), 'is not what was saved (size or hash differ)');
    }
    const tensors = await readSafetensors(bytes, { path: join(path, file) });
    return Object.fromEntries(
      [...tensors].map(([name, { shape, data }]): [string, TensorData] => [
        name,
        { dtype: 'float32', shape, data: data as Float32Array },
      ]),
    );
  };
  const params = await read('weights.safetensors');
  if (!params) throw badCheckpoint(path, 'has no weights.safetensors');
  const ema = await read('ema.safetensors');
  return {
    state: {
      step: json.step as number,
      params,
      optimiser: (await read('optimiser.safetensors')) ?? {},
      ...(ema && { ema }),
    },
    meta: {
      config: json.config as CheckpointMeta['config'],
      rng: json.rng as CheckpointMeta['rng'],
      data: json.data,
      metrics: json.metrics as CheckpointMeta['metrics'],
    },
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The JSON of a checkpoint, checked; throws `bad-checkpoint`. */
export async function readCheckpointState(path: string): Promise<Record<string, unknown>> {
  const file = join(path, STATE);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw badCheckpoint(file, `cannot be read: ${(error as Error).message}`);
  }
  const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const records = (value: unknown) =>
    isRecord(value) &&
    Object.values(value).every(
      (item) => isRecord(item) && whole(item.bytes) && typeof item.sha256 === 'string',
    );
  if (!isRecord(json)) throw badCheckpoint(file, 'is no JSON object');
  if (json.version !== VERSION) {
    throw badCheckpoint(file, `has version ${json.version}; this release reads ${VERSION}`);
  }
  for (const key of ['config', 'rng', 'metrics']) {
    if (!isRecord(json[key])) throw badCheckpoint(file, `has no '${key}'`);
  }
  if (!whole(json.step) || !records(json.files)) {
    throw badCheckpoint(file, "has no valid 'step' and 'files'");
  }
  return json;
}

export function badCheckpoint(path: string, problem: string): GlassboxError {
  return new GlassboxError(`${path} ${problem}`, {
    code: 'bad-checkpoint',
    remedy: 'Delete this checkpoint folder to continue from the one before it.',
    details: { path },
  });
}
