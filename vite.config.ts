import { defineConfig } from 'vite';

/** The web page: `web/` in, `dist/web/` out. The lab serves the result under any path. */
export default defineConfig({
  root: 'web',
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // `light-dark()` must reach the browser as written, so that the theme switch decides it.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    reportCompressedSize: false,
  },
});
