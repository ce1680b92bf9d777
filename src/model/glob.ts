/**
 * The names that a glob means: `*` within a name between dots, `**` across dots, `{a,b}` alternatives.
 */
export function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*|\*|\{[^}]*\}|[.+?^$()|[\]\\{}]/g, (part) => {
    if (part === '**') return '.*';
    if (part === '*') return '[^.]*';
    if (part.length > 1) {
      const alternatives = part.slice(1, -1).split(',');
      return `(?:${alternatives.map((text) => text.replace(/[^\w]/g, '\\$&')).join('|')})`;
    }
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}
