import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { VNode } from 'preact';
import { renderSvg } from '../../src/figures/index.ts';

/**
 * Compares a figure with `test/figures/<name>.svg`, which a person has looked at. With
 * UPDATE_SNAPSHOTS=1 the file is written instead.
 */
export function assertSnapshot(name: string, figure: VNode): void {
  const path = new URL(`./${name}.svg`, import.meta.url);
  // One element per line, so that a change reads well in review.
  const svg = renderSvg(figure).replaceAll('><', '>\n<');
  if (process.env.UPDATE_SNAPSHOTS === '1') writeFileSync(path, svg);
  const again = `see the change with git diff after UPDATE_SNAPSHOTS=1 npm test -- figures`;
  assert.equal(svg, readFileSync(path, 'utf8'), `${name}.svg differs; ${again}`);
}
