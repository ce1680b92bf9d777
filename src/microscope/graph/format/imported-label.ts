/** A description by another project where there is no room for its source beside it, as in a graph file. */
export function importedNameText(name: { readonly text: string; readonly source: string }): string {
  return `${name.text} (${name.source})`;
}
