/** The notebook: findings in the reader's own browser, which nothing is sent from. */
import { computed, signal } from '@preact/signals';
import { type Finding, isFinding } from './finding.ts';

const KEY = 'glassbox.notebook';

const kept = signal<readonly Finding[]>(read());

/** In the order of the reader. */
export const findings = computed(() => kept.value);

function read(): readonly Finding[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isFinding) : [];
  } catch {
    // Storage may be forbidden, or hold what something else wrote.
    return [];
  }
}

/** Keeps a list; false when the browser has no room for it or allows none. */
function keep(next: readonly Finding[]): boolean {
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    return false;
  }
  kept.value = next;
  return true;
}

// Another tab of the page may pin too.
window.addEventListener('storage', ({ key }) => {
  if (key === KEY || key === null) kept.value = read();
});

/** Adds at the end; false when there is no room. */
export function add(finding: Finding): boolean {
  return keep([...kept.peek(), finding]);
}

export function remove(id: string): void {
  keep(kept.peek().filter((one) => one.id !== id));
}

export function clear(): void {
  keep([]);
}

/** Moves a finding up (−1) or down (1). */
export function move(id: string, step: -1 | 1): void {
  const list = [...kept.peek()];
  const at = list.findIndex((one) => one.id === id);
  const to = at + step;
  if (at < 0 || to < 0 || to >= list.length) return;
  [list[at], list[to]] = [list[to], list[at]];
  keep(list);
}

/** Writes the reader's note; false when there is no room. */
export function annotate(id: string, note: string): boolean {
  return keep(kept.peek().map((one) => (one.id === id ? { ...one, note } : one)));
}
