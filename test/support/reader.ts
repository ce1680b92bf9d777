/** What a reader of the page does and sees, for the tests that drive it. */
import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import type { LabGets, LabPosts } from '../../src/lab/api.ts';

export const PANEL_IDS = ['tokens', 'lens', 'attention', 'interventions'] as const;

/** Waits until every panel shows an answer and nothing is being computed. */
export async function settled(page: Page): Promise<void> {
  for (const part of ['.strip-token', '.lens-cell', '.heads .head', '[data-panel=interventions]']) {
    await page.locator(part).first().waitFor();
  }
  await idle(page);
}

/** Waits until nothing is being computed, also where a failure is what is shown. */
export async function idle(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null);
}

/** What a button of a panel's export menu saves, with the name of the file. */
export async function exported(page: Page, panel: string, kind: 'SVG' | 'CSV' | 'JSON') {
  const frame = page.locator(`[data-panel=${panel}]`);
  await frame.locator('.panel-actions .menu > button').click();
  const item = frame.locator('.menu-item:visible', { hasText: kind });
  const [download] = await Promise.all([page.waitForEvent('download'), item.click()]);
  const text = await readFile(await download.path(), 'utf8');
  return { name: download.suggestedFilename(), text };
}

/** Violations that axe calls serious or critical, with the first element of each. */
export async function graveViolations(page: Page, part?: string): Promise<string[]> {
  // Experimental in axe, but a person who speaks to the page says what is written on a button.
  const rules = { 'label-content-name-mismatch': { enabled: true } };
  const axe = new AxeBuilder({ page })
    .options({ rules, resultTypes: ['violations'] })
    // Without frames there is nothing to gather from them, which takes most of the time.
    .setLegacyMode(true);
  const { violations } = await (part === undefined ? axe : axe.include(part)).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

/** The texts of the strip's tokens, as shown. */
export function stripTexts(page: Page): Promise<string[]> {
  return page.locator('.strip [data-strip=a] .token-text').allTextContents();
}

/** An answer of the lab as another client gets it. */
export async function ask<P extends keyof LabPosts>(
  url: string,
  path: P,
  body: LabPosts[P]['request'],
): Promise<LabPosts[P]['response']> {
  return asked(url, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A GET of the lab's interface. */
export function get<P extends keyof LabGets>(url: string, path: P): Promise<LabGets[P]> {
  return asked(url, path, {});
}

async function asked<T>(url: string, path: string, init: RequestInit): Promise<T> {
  const response = await fetch(new URL(path, url), init);
  if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** A token as the page writes it: spaces at its ends as dots. */
export function shown(text: string): string {
  return text.replace(/^ +| +$/g, (run) => '·'.repeat(run.length));
}
