import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { findChromium } from '../../scripts/lib/chromium.ts';
import { ROOT } from '../../scripts/lib/run.ts';

/** An empty page in a real browser that can import any module of the checkout by its path. */
export interface BrowserPage {
  readonly page: Page;
  close(): Promise<void>;
}

/** Serves the checkout's sources to a headless Chromium. The page is cross-origin isolated. */
export async function openBrowserPage(): Promise<BrowserPage> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'glassbox-vite-'));
  const server: ViteDevServer = await createServer({
    configFile: false,
    root: ROOT,
    cacheDir,
    appType: 'custom',
    logLevel: 'error',
    optimizeDeps: { noDiscovery: true, include: [] },
    server: {
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      watch: null,
      // Threads of WebAssembly need shared memory, which browsers give to isolated pages only.
      headers: {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      },
    },
    plugins: [
      {
        name: 'blank-page',
        configureServer({ middlewares }) {
          middlewares.use('/blank', (_, response) => {
            response.setHeader('Content-Type', 'text/html');
            response.end('<!doctype html><title>blank</title>');
          });
        },
      },
    ],
  });
  await server.listen();
  const address = server.httpServer!.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const browser: Browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox'],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/blank`);
  return {
    page,
    async close() {
      await browser.close();
      await server.close();
      await rm(cacheDir, { recursive: true, force: true });
    },
  };
}
