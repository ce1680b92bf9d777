/** What a GlassboxError carries beside its message. */
export interface GlassboxErrorOptions {
  /** Stable kebab-case identifier, e.g. `unknown-address`. Scripts may match on it. */
  readonly code: string;
  /** What the reader should do next, as one imperative sentence. */
  readonly remedy: string;
  /** Structured facts (names, shapes, limits) for programs; must be JSON-serialisable. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** `input` (the caller's input is wrong, exit code 2) or `failure` (we could not do it, exit code 1). */
  readonly kind?: 'input' | 'failure';
  readonly cause?: unknown;
}

/**
 * The one error class of Glassbox. The message says what is wrong with which thing and what was
 * expected; the remedy says what to do. Anything else that is thrown is a bug of ours.
 */
export class GlassboxError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly kind: 'input' | 'failure';

  constructor(message: string, options: GlassboxErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GlassboxError';
    this.code = options.code;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
    this.kind = options.kind ?? 'input';
  }
}

/** True for our own errors, also across duplicate copies of the package. */
export function isGlassboxError(error: unknown): error is GlassboxError {
  return error instanceof Error && error.name === 'GlassboxError' && 'remedy' in error;
}

/** The names in `candidates` closest to `name` by edit distance, nearest first. */
export function nearestNames(name: string, candidates: Iterable<string>, count = 3): string[] {
  return [...candidates]
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}
