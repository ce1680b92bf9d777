import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { findChromium } from '../../scripts/lib/chromium.ts';
import { ROOT } from '../../scripts/lib/run.ts';
import { startLab } from '../../src/lab/server.ts';

/** A lab with the built-in model, its page built from the sources, and a real browser beside it. */
export interface LabPage {
  readonly url: string;
  /**
   * A fresh page at a state. Errors of the page are collected: a test that ends with any has failed.
   *
   * @param state parts of the address, e.g. `{ prompt: 'a', theme: 'dark' }`
   */
  open(state: Readonly<Record<string, string>>): Promise<OpenedPage>;
  close(): Promise<void>;
}

export interface OpenedPage {
  readonly page: Page;
  /** Uncaught errors and messages of level error, in order. */
  readonly errors: readonly string[];
  /** The part of the address after `#`, as pairs. */
  state(): URLSearchParams;
}

/** Starts everything once for a file of tests. */
export async function openLabPage(): Promise<LabPage> {
  const folder = await mkdtemp(join(tmpdir(), 'glassbox-page-'));
  await build({
    root: join(ROOT, 'web'),
    configFile: join(ROOT, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
  const lab = await startLab({ port: 0, page: folder });
  const failed = await lab.warmed;
  if (failed !== null) throw failed;
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox'],
  });
  return {
    url: lab.url,
    async open(state) {
      const context = await browser.newContext({
        viewport: { width: 1360, height: 1800 },
        locale: 'en',
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(`${lab.url}#${new URLSearchParams(state)}`);
      return {
        page,
        errors,
        state: () => new URLSearchParams(new URL(page.url()).hash.slice(1)),
      };
    },
    async close() {
      await browser.close();
      await lab.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
