/** A cell of an exported table; null is an empty cell. */
export type Cell = string | number | null;

/**
 * Rows as CSV (RFC 4180), numbers in full precision. A text that a spreadsheet would run as a
 * formula gets an apostrophe before it: tokens are data, and `=` is a token.
 */
export function toCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : '';
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
