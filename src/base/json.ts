/** True for a JSON object: neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first key that occurs twice in one object of a JSON text, or undefined. `JSON.parse` keeps the
 * last of two equal keys silently, so two tensors of one name would hide one another.
 *
 * @param text valid JSON; call this after `JSON.parse` accepted it
 */
export function duplicateKey(text: string): string | undefined {
  // One set of keys per open object; undefined stands for an open array.
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(undefined);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = stringEnd(text, i);
      const keys = open.at(-1);
      if (keys && isKey(text, end)) {
        const raw = text.slice(i + 1, end - 1);
        const key: string = raw.includes('\\') ? JSON.parse(text.slice(i, end)) : raw;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function isKey(text: string, end: number): boolean {
  let i = end;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return text[i] === ':';
}
