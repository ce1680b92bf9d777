import stringWidth from 'string-width';

/** A text table: columns padded to their widest cell (wide characters count twice), numbers right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const numeric = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const text = rows.map((row) => row.map(String));
  const widths = head.map((title, column) =>
    Math.max(...[title, ...text.map((row) => row[column] ?? '')].map((cell) => stringWidth(cell))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const space = ' '.repeat(widths[column] - stringWidth(cell));
        return numeric[column] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [line(head), ...text.map(line)].join('\n');
}

/** A token for a line of text: quotes show its spaces, control characters are escaped. */
export function quoteToken(text: string): string {
  return JSON.stringify(text).replace(/^"|"$/g, "'");
}

/** A number with a fixed number of decimals, never a negative zero; a dash when there is none. */
export function fixed(value: number, decimals = 3): string {
  if (!Number.isFinite(value)) return '–';
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text;
}
