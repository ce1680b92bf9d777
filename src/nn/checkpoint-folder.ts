import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { badCheckpoint, readCheckpointState } from './checkpoint.ts';

const FOLDER = /^step-(\d{8,})$/;
/** Names of half-made folders carry the process that made them. */
const TEMPORARY = /^\.(?:new|old)-(\d+)-/;

/** Steps of the checkpoints in a folder, ascending; a folder that does not exist has none. */
export async function listCheckpoints(folder: string): Promise<{ step: number; path: string }[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw badCheckpoint(folder, `cannot be read: ${error.message}`);
  });
  return names
    .flatMap((name) => {
      const match = FOLDER.exec(name);
      return match ? [{ step: Number(match[1]), path: join(folder, name) }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

/** Which checkpoint counts as best: the latest evaluation's metric, lowest or highest. */
export interface BestOptions {
  readonly metric: string;
  /** `min` (losses) unless told. */
  readonly mode?: 'min' | 'max';
}

/** The best checkpoint of a folder, the earliest of equals; undefined when none has the metric. */
export async function bestCheckpoint(
  folder: string,
  { metric, mode = 'min' }: BestOptions,
): Promise<{ step: number; path: string; value: number } | undefined> {
  let best: { step: number; path: string; value: number } | undefined;
  for (const entry of await listCheckpoints(folder)) {
    const value = ((await readCheckpointState(entry.path)).metrics as Record<string, number>)[
      metric
    ];
    if (typeof value !== 'number') continue;
    const better = !best || (mode === 'min' ? value < best.value : value > best.value);
    if (better) best = { ...entry, value };
  }
  return best;
}

/** Deletes all but the last `keep` checkpoints and the best one. */
export async function pruneCheckpoints(
  folder: string,
  options: { readonly keep: number; readonly best?: BestOptions },
): Promise<void> {
  const entries = await listCheckpoints(folder);
  const best = options.best && (await bestCheckpoint(folder, options.best));
  for (const { step, path } of entries.slice(0, Math.max(0, entries.length - options.keep))) {
    if (step !== best?.step) await rm(path, { recursive: true, force: true });
  }
}

/** Removes temporary folders that a killed process left behind; those of live processes stay. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const owner = TEMPORARY.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
