import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Compressed sizes of a built page in bytes. */
export interface PageSize {
  /** What the first response makes the browser fetch: document, entry, its imports, style sheet. */
  readonly shell: number;
  /** Every later chunk with all it imports beyond the shell, by file name. */
  readonly chunks: Readonly<Record<string, number>>;
  /** All that one reader can come to load beyond the shell: one language. */
  readonly rest: number;
}

/** Measures what Vite built in `folder`. */
export function pageSize(folder: string): PageSize {
  const sizeOf = (path: string) => gzipSync(readFileSync(join(folder, path))).length;
  const assets = readdirSync(join(folder, 'assets'));
  const imports = (file: string): string[] => {
    if (!file.endsWith('.js')) return [];
    const text = readFileSync(join(folder, 'assets', file), 'utf8');
    const found = text.matchAll(/(?:from|import)\s*['"]\.\/([^'"]+)['"]/g);
    return [...found].map(([, name]) => name);
  };
  const closure = (files: readonly string[]): Set<string> => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      imports(file).forEach(visit);
    };
    files.forEach(visit);
    return seen;
  };
  const total = (files: Iterable<string>) =>
    [...files].reduce((sum, file) => sum + sizeOf(`assets/${file}`), 0);

  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const shell = closure([...html.matchAll(/assets\/([^"]+)/g)].map(([, file]) => file));
  const later = assets.filter((file) => !shell.has(file));
  const languages = later.filter((file) => /^(en|zh-Han[st])-/.test(file));
  const beyond = (file: string) => [...closure([file])].filter((name) => !shell.has(name));
  return {
    shell: sizeOf('index.html') + total(shell),
    chunks: Object.fromEntries(later.map((file) => [file, total(beyond(file))])),
    rest:
      total(later.filter((file) => !languages.includes(file))) +
      Math.max(0, ...languages.map((file) => total([file]))),
  };
}
