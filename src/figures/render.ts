import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

/** A figure as the text of an SVG file, for exports, reports and snapshot tests. */
export function renderSvg(figure: VNode): string {
  return `${renderToString(figure)}\n`;
}
