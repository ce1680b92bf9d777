import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { writeFileAtomic } from '../base/files.ts';
import { isRecord } from '../base/json.ts';
import type { TrainEvent, TrainListener } from './events.ts';

/** What a run was: enough to do it again. */
export interface RunManifest {
  readonly config: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Hash of the training data. */
  readonly dataHash: string;
  /** The command line, or what stands for it. */
  readonly command: string;
  /** Versions of what computed it; those of Node and the platform are added. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** A run on disk: `manifest.json`, `events.jsonl`, `checkpoints/`. */
export interface RunFolder {
  readonly path: string;
  /** For {@link CheckpointOptions}. */
  readonly checkpoints: string;
  /** Appends each event to `events.jsonl` as one line, at once. */
  readonly listener: TrainListener;
  close(): void;
}

const MANIFEST = 'manifest.json';
const EVENTS = 'events.jsonl';

/**
 * Opens a run folder, making it when needed. The manifest of an existing one stays, and must have the
 * same seed and data; events go on at the end.
 *
 * @throws GlassboxError `run-mismatch` when the folder holds another run
 */
export async function openRunFolder(path: string, manifest: RunManifest): Promise<RunFolder> {
  await mkdir(join(path, 'checkpoints'), { recursive: true });
  const existing = await readManifest(path);
  if (!existing) {
    const { versions, ...rest } = manifest;
    const machine = { node: process.version, platform: `${process.platform}-${process.arch}` };
    const json = {
      ...rest,
      versions: { ...machine, ...versions },
      created: new Date().toISOString(),
    };
    await writeFileAtomic(join(path, MANIFEST), `${JSON.stringify(json, null, 2)}\n`);
  }
  for (const key of ['seed', 'dataHash'] as const) {
    if (!existing || existing[key] === manifest[key]) continue;
    const [was, is] = [JSON.stringify(existing[key]), JSON.stringify(manifest[key])];
    throw new GlassboxError(`${path} holds a run with ${key} ${was}, not ${is}`, {
      code: 'run-mismatch',
      remedy: 'Choose another folder for this run.',
      details: { path, key },
    });
  }
  const events = join(path, EVENTS);
  await dropTornLine(events);
  const file = openSync(events, 'a');
  return {
    path,
    checkpoints: join(path, 'checkpoints'),
    listener: (event) => {
      writeSync(file, `${JSON.stringify({ time: Date.now(), ...event })}\n`);
      // Steps may be lost with the machine's power; what they led to may not.
      if (event.type !== 'step') fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** The manifest of a run folder; undefined when there is none. */
export async function readManifest(path: string): Promise<Record<string, unknown> | undefined> {
  const file = join(path, MANIFEST);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch {
    // Told below, as for JSON of another kind.
  }
  throw new GlassboxError(`${file} is no JSON object`, {
    code: 'run-mismatch',
    remedy: 'Choose another folder for this run.',
    details: { path: file },
  });
}

/** A process that was killed may have written half a line; the next event must not join it. */
async function dropTornLine(path: string): Promise<void> {
  const handle = await open(path, 'a+');
  try {
    const bytes = await handle.readFile();
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) await handle.truncate(end);
  } finally {
    await handle.close();
  }
}

/** An event as logged, with the time it was written in milliseconds since 1970. */
export type LoggedEvent = TrainEvent & { readonly time: number };

/**
 * The events of a run folder as one history. Where a run was resumed, what the killed process did after
 * its last checkpoint is left out, because the resumed one did it again.
 */
export async function readEvents(path: string): Promise<LoggedEvent[]> {
  const text = await readFile(join(path, EVENTS), 'utf8').catch(() => '');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  let history: LoggedEvent[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    const event = parseEvent(line, `${join(path, EVENTS)} line ${i + 1}`);
    if (event.type === 'started') {
      history = history.filter((past) => updatesAfter(past) <= event.step);
    }
    history.push(event);
  }
  return history;
}

function parseEvent(line: string, where: string): LoggedEvent {
  try {
    return JSON.parse(line) as LoggedEvent;
  } catch (cause) {
    throw new GlassboxError(`${where} is not valid JSON`, {
      code: 'bad-run',
      remedy: 'Delete this line; the log is only read, never needed to resume.',
      cause,
    });
  }
}

function updatesAfter(event: LoggedEvent): number {
  return event.type === 'step' ? event.step + 1 : event.step;
}
