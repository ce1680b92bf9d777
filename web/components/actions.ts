import type { VNode } from 'preact';
import type { Palette } from '../../src/figures/palette.ts';
import { t } from '../i18n.ts';
import type { State } from '../state/fields.ts';
import { linkTo } from '../state/url.ts';
import { type Cell, toCsv } from './csv.ts';
import { toast } from './toast.tsx';

/** The numbers behind a panel as a table. */
export interface ExportTable {
  /** Titles with the unit: `loss (nats)`. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What a panel can give away. Each is called only when asked for. */
export interface Exports {
  /** The figure in literal colours, so that the file stands alone. */
  readonly svg?: (palette: Palette) => VNode | Promise<VNode>;
  readonly table?: () => ExportTable;
  readonly json?: () => unknown;
}

/** Copies a text and says so; where the browser does not allow it, the text can be copied by hand. */
export async function copyText(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    window.prompt(t().common.copyByHand, text);
  }
}

/** Copies the address of what is seen. */
export function copyLink(change: Partial<State> = {}): void {
  void copyText(linkTo(change), t().common.linkCopied);
}

/** Saves a figure in the colours of paper, whatever the theme: files are read on white. */
export async function saveSvg(id: string, draw: NonNullable<Exports['svg']>): Promise<void> {
  const { palettes, renderSvg } = await import('../../src/figures/index.ts');
  saveText(`glassbox-${id}.svg`, 'image/svg+xml', renderSvg(await draw(palettes.light)));
}

export function saveCsv(id: string, { columns, rows }: ExportTable): void {
  saveText(`glassbox-${id}.csv`, 'text/csv', toCsv([columns, ...rows]));
}

export function saveJson(id: string, value: unknown): void {
  saveText(`glassbox-${id}.json`, 'application/json', `${JSON.stringify(value, null, 2)}\n`);
}

/** Saves a text as a file. */
export function saveText(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the address after this task; it may go once the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
