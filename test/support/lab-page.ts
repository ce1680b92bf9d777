import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { findChromium } from '../../scripts/lib/chromium.ts';
import { ROOT } from '../../scripts/lib/run.ts';
import { SHARED_PAGE } from '../../scripts/lib/test-plan.ts';
import { startLab } from '../../src/lab/server.ts';

/** Nothing that a headless browser does by itself, such as looking for updates. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];

/** A lab with the built-in model, its page built from the sources, and a real browser beside it. */
export interface LabPage {
  readonly url: string;
  /**
   * A fresh page at a state. Errors of the page are collected: a test that ends with any has failed.
   *
   * @param state parts of the address, e.g. `{ prompt: 'a', theme: 'dark' }`
   */
  open(state?: Readonly<Record<string, string>>, view?: View): Promise<OpenedPage>;
  close(): Promise<void>;
}

/** How a reader's browser is set up. */
export interface View {
  readonly width?: number;
  readonly height?: number;
  /** What the browser asks for in `Accept-Language`; English unless told. */
  readonly locale?: string;
}

export interface OpenedPage {
  readonly page: Page;
  /** Uncaught errors and messages of level error, in order. */
  readonly errors: readonly string[];
  /** The part of the address after `#`, as pairs. Asked of the page: the driver hears of a new address later. */
  state(): Promise<URLSearchParams>;
}

/** The browser that the tests drive. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: ARGS });
}

/** A fresh context with one page at an address. */
export async function openPage(browser: Browser, url: string, view: View = {}) {
  const { width = 1360, height = 1800, locale = 'en' } = view;
  const context = await browser.newContext({
    viewport: { width, height },
    locale,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  // Only what never comes fails: machines under tests can be slow.
  page.setDefaultTimeout(90_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  const state = async () => new URLSearchParams(await page.evaluate(() => location.hash.slice(1)));
  return { page, errors, state } satisfies OpenedPage;
}

/** Builds the page into a folder of its own. */
export async function buildPage(folder: string): Promise<void> {
  await build({
    root: join(ROOT, 'web'),
    configFile: join(ROOT, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
}

/** Starts everything once for a file of tests, with the built-in model unless another is named. */
export async function openLabPage(
  options: { readonly model?: string; readonly runs?: readonly string[] } = {},
): Promise<LabPage> {
  // `npm test` builds the page once for all its files.
  const shared = process.env[SHARED_PAGE];
  const folder = shared ?? (await mkdtemp(join(tmpdir(), 'glassbox-page-')));
  if (shared === undefined) await buildPage(folder);
  const lab = await startLab({ ...options, port: 0, page: folder });
  const failed = await lab.warmed;
  if (failed !== null) throw failed;
  const browser = await launchBrowser();
  return {
    url: lab.url,
    open(state = {}, view) {
      const fragment = new URLSearchParams(state).toString();
      return openPage(browser, fragment === '' ? lab.url : `${lab.url}#${fragment}`, view);
    },
    async close() {
      await browser.close();
      await lab.close();
      if (shared === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
