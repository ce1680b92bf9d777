import type { Progress, ProgressListener } from '../base/progress.ts';

/** What a command gets beside its own arguments: where to write, how to report, when to stop. */
export interface Context {
  /** True when stdout must carry exactly one JSON document. */
  readonly json: boolean;
  /** Progress of long work, drawn on stderr. */
  readonly progress: ProgressListener;
  /** Aborted by the first Ctrl-C; a second one ends the process. */
  readonly signal: AbortSignal;
  /** Writes the result: the document with `--json`, else the text made for people. */
  result(document: unknown, text: () => string): void;
  /** Streams text for people to stdout; silent with `--json`. */
  write(text: string): void;
  /** A remark for people on stderr. */
  note(text: string): void;
}

/** Streams and switches of the process, passed in so that tests can replace them. */
export interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; isTTY?: boolean; columns?: number };
}

export function createContext(options: {
  json: boolean;
  streams: Streams;
  signal: AbortSignal;
}): Context & { finish(): void } {
  const { json, streams, signal } = options;
  const bar = progressBar(streams.stderr);
  return {
    json,
    signal,
    progress: bar.update,
    result(document, text) {
      bar.clear();
      streams.stdout.write(
        json ? `${JSON.stringify(document, jsonNumber)}\n` : withNewline(text()),
      );
    },
    write(text) {
      if (json) return;
      bar.clear();
      streams.stdout.write(text);
    },
    note(text) {
      bar.clear();
      streams.stderr.write(withNewline(text));
    },
    finish: bar.clear,
  };
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Int64 values become numbers and typed arrays become lists; JSON has neither. */
function jsonNumber(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as Float32Array);
  return value;
}

/** How often a bar is redrawn on a terminal, and how often a line is written elsewhere, in ms. */
const REDRAW = 100;
const LINE = 10_000;

function progressBar(stderr: Streams['stderr']) {
  let started = performance.now();
  let firstDone = 0;
  let label = '';
  let drawnAt = started;
  let visible = false;
  const clear = (): void => {
    if (visible) stderr.write('\r\x1b[K');
    visible = false;
  };
  const update = (progress: Progress): void => {
    const now = performance.now();
    if (progress.label !== label) {
      label = progress.label;
      started = now;
      drawnAt = now;
      firstDone = progress.done;
    }
    // What is over before the first redraw is due leaves no trace.
    const complete = progress.total !== undefined && progress.done >= progress.total;
    const due = now - drawnAt >= (stderr.isTTY ? REDRAW : LINE);
    if (!due && !(complete && drawnAt > started)) return;
    drawnAt = now;
    const elapsed = (now - started) / 1000;
    const text = formatProgress(progress, elapsed, firstDone);
    if (stderr.isTTY) {
      stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`);
      visible = true;
    } else stderr.write(`${text}\n`);
  };
  return { update, clear };
}

/**
 * One line: label, bar, share, count, and the time left at the mean speed since `firstDone` were done,
 * `elapsedSeconds` ago.
 */
export function formatProgress(progress: Progress, elapsedSeconds: number, firstDone = 0): string {
  const { label, done, total, unit } = progress;
  if (total === undefined || total <= 0) return `${label}  ${formatCount(done)} ${unit}`;
  const share = Math.min(1, done / total);
  const filled = Math.round(share * 24);
  const bar = '█'.repeat(filled) + '░'.repeat(24 - filled);
  const since = done - firstDone;
  const left = since > 0 ? (elapsedSeconds * (total - done)) / since : Number.NaN;
  const eta = Number.isNaN(left) ? '' : `  ETA ${formatDuration(left)}`;
  const counts = `${formatCount(done)}/${formatCount(total)} ${unit}`;
  return `${label}  ${bar} ${(share * 100).toFixed(0).padStart(3)} %  ${counts}${eta}`;
}

function formatCount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)}k` : `${value}`;
}

export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (parts[0] > 0) return `${parts[0]} h ${String(parts[1]).padStart(2, '0')} min`;
  return parts[1] > 0 ? `${parts[1]} min ${String(parts[2]).padStart(2, '0')} s` : `${parts[2]} s`;
}
