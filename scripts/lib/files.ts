/** Size limits of house rule "files": lines of one source file, tests included. */
export const MEDIAN_LINES = 150;
export const MOST_LINES = 800;

/** One text that must not be committed, and why. */
interface Forbidden {
  readonly pattern: RegExp;
  readonly why: string;
}

// The patterns are written so that they do not find themselves in this file.
const FORBIDDEN: readonly Forbidden[] = [
  { pattern: /\/(?:home|Users)\/(?!runner\b)[a-z][\w.-]*\//i, why: 'a path of one machine' },
  { pattern: /(?<![\w.])\/(?:work|root)\/[\w.-]+/, why: 'a path of one machine' },
  { pattern: /\b[A-Z]:\\\\?Users\\/, why: 'a path of one machine' },
  {
    pattern: /"resolved"\s*:\s*"http|^\s*(?:@[\w-]+:)?registry\s*=/m,
    why: 'a package registry host',
  },
  { pattern: /\bhttps?:\/\/(?:registry|npm|artifactory|nexus)\.[\w.-]+/i, why: 'a registry host' },
  { pattern: /\b(?:TO)DO\b|\b(?:FIX)ME\b/, why: 'unfinished work; finish it or open an issue' },
];

/** A line of one file that must not be committed. */
export interface Finding {
  readonly line: number;
  readonly text: string;
  readonly why: string;
}

/** Finds what must not be committed in the text of one file, at most one finding per pattern. */
export function findForbidden(text: string): Finding[] {
  return FORBIDDEN.flatMap(({ pattern, why }) => {
    const match = pattern.exec(text);
    if (match === null) return [];
    const line = text.slice(0, match.index).split('\n').length;
    return [{ line, text: match[0].trim(), why }];
  });
}

/** Number of lines as an editor counts them. */
export function countLines(text: string): number {
  return text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** The middle one of some counts (the lower of two); 0 when there are none. */
export function median(counts: readonly number[]): number {
  const sorted = [...counts].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor((sorted.length - 1) / 2)];
}
