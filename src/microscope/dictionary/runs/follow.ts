import { type FileHandle, open, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { DictionaryEvent } from '../train/train.ts';
import { RunCourse } from './course.ts';

/** The file that a training appends its events to. */
const EVENTS = 'events.jsonl';
const PIECE = 4 << 20;

/** A dictionary training as its log tells it, read further whenever it is asked for. */
export interface FollowedRun {
  readonly name: string;
  readonly course: RunCourse;
  /** Milliseconds since 1970 of the newest event. */
  readonly updated: number;
}

/** Reads the lines of a log that were not there before. */
class RunLog {
  readonly #path: string;
  #offset = 0;
  #rest = '';
  course = new RunCourse();
  updated = 0;
  /** False for logs of something else. */
  isRun = true;

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads on. False when the file is gone. */
  async read(): Promise<boolean> {
    const handle = await open(this.#path).catch(() => null);
    if (handle === null) return false;
    try {
      const { size } = await handle.stat();
      if (size < this.#offset) this.#restart();
      while (this.isRun && this.#offset < size) await this.#piece(handle);
    } finally {
      await handle.close();
    }
    return true;
  }

  #restart(): void {
    this.#offset = 0;
    this.#rest = '';
    this.course = new RunCourse();
  }

  async #piece(handle: FileHandle): Promise<void> {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(PIECE), 0, PIECE, this.#offset);
    // Lines are ASCII: names of dictionaries are letters, digits, dots and dashes.
    const lines = (this.#rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
    this.#offset += bytesRead;
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') return;
    let event: DictionaryEvent & { readonly time: number };
    try {
      event = JSON.parse(line) as typeof event;
    } catch {
      // A line that a crash cut short; the next ones tell where the run is.
      return;
    }
    const mine = event.type !== 'started' || Array.isArray(event.tasks);
    if (!mine) {
      this.isRun = false;
      return;
    }
    this.updated = event.time;
    this.course.add(event);
  }
}

/** The dictionary trainings below some folders, followed while they go on. */
export class RunFollower {
  readonly #roots: readonly string[];
  readonly #logs = new Map<string, RunLog>();
  /** Settles when the listing before has read on: two at a time would take the same lines twice. */
  #listing: Promise<unknown> = Promise.resolve();

  /** @param roots folders of runs, or folders that hold such folders */
  constructor(roots: readonly string[]) {
    this.#roots = [...new Set(roots.map((root) => resolve(root)))];
  }

  /** All runs as they are now, the newest first. Names that would be the same get a number. */
  list(): Promise<FollowedRun[]> {
    const listed = this.#listing.then(() => this.#list());
    this.#listing = listed.catch(() => undefined);
    return listed;
  }

  async #list(): Promise<FollowedRun[]> {
    const named = new Map<string, string>();
    for (const root of this.#roots) {
      for (const folder of await runFolders(root)) {
        if (!named.has(folder)) named.set(folder, runName(root, folder));
      }
    }
    const found: FollowedRun[] = [];
    for (const [folder, own] of named) {
      const log = this.#logs.get(folder) ?? new RunLog(join(folder, EVENTS));
      this.#logs.set(folder, log);
      if (!(await log.read()) || !log.isRun || log.course.state.steps === 0) continue;
      const same = found.filter(({ name }) => name === own || name.startsWith(`${own} (`)).length;
      const name = same === 0 ? own : `${own} (${same + 1})`;
      found.push({ name, course: log.course, updated: log.updated });
    }
    return found.sort((a, b) => b.updated - a.updated);
  }
}

/** The path of a run below its root; a folder that is only called `run` goes by the one around it. */
function runName(root: string, folder: string): string {
  const path = relative(root, folder) || basename(folder);
  if (path === 'run') return basename(relative(root, folder) ? root : dirname(folder));
  return path.replace(/[/\\]run$/, '');
}

/** The folder itself, its children and theirs that hold a log. */
async function runFolders(root: string, depth = 2): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  if (entries.some(({ name }) => name === EVENTS)) return [root];
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory());
  const found = await Promise.all(below.map(({ name }) => runFolders(join(root, name), depth - 1)));
  return found.flat();
}
