/** Watches a growing text for stop strings. */
export interface StopWatch {
  /** Takes new text; gives what can no longer be part of a stop string. */
  push(text: string): string;
  /** The rest, when the text ends without one. */
  end(): string;
  /** Whether a stop string came. */
  readonly stopped: boolean;
}

/** The length of the longest end of `text` that begins one of the strings. */
function heldBack(text: string, strings: readonly string[]): number {
  const longest = Math.min(text.length, Math.max(0, ...strings.map((s) => s.length - 1)));
  for (let length = longest; length > 0; length--) {
    const tail = text.slice(-length);
    if (strings.some((string) => string.startsWith(tail))) return length;
  }
  return 0;
}

/** Watches for any of the strings; the first that is complete ends the text before it. */
export function createStopWatch(strings: readonly string[]): StopWatch {
  let held = '';
  let stopped = false;
  return {
    get stopped() {
      return stopped;
    },
    push(text) {
      if (stopped) return '';
      held += text;
      const found = strings.map((string) => held.indexOf(string)).filter((index) => index >= 0);
      if (found.length > 0) {
        stopped = true;
        return held.slice(0, Math.min(...found));
      }
      const keep = heldBack(held, strings);
      const certain = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return certain;
    },
    end() {
      const rest = stopped ? '' : held;
      held = '';
      return rest;
    },
  };
}
