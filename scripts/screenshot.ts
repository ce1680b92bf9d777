/**
 * Makes the picture of the README: `node scripts/screenshot.ts [--theme dark] [--lang zh-Hant] [--out FILE]`.
 * The page is built and served as it is in this checkout; the prompt is that of the guide, and the nodes of the
 * strongest paths of its attribution graph are pinned.
 */
import { stat, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openLabPage } from '../test/support/lab-page.ts';
import { idle, settled } from '../test/support/reader.ts';
import { withPalette } from './lib/palette-png.ts';

const WIDTH = 1500;
const PROMPT = 'The river of the state containing Daekwell is';
/** The regions that the picture shows, in the order of the page. */
const SHOWN = ['tokens', 'lens', 'attention', 'graph'];
/** Strongest paths of the attribution graph whose nodes make the subgraph. */
const PINNED_PATHS = 3;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/images/microscope.png' },
    theme: { type: 'string', default: 'light' },
    lang: { type: 'string', default: 'en' },
    width: { type: 'string', default: String(WIDTH) },
  },
});

const lab = await openLabPage();
try {
  const { page, errors } = await lab.open(
    { prompt: PROMPT, theme: values.theme, lang: values.lang },
    { width: Number(values.width), height: 900 },
  );
  await settled(page);
  // Panels ask for what they show once they come into sight.
  await page.locator('[data-panel=graph]').scrollIntoViewIfNeeded();
  const paths = page.locator('.graph-paths li > button');
  await paths.first().waitFor();
  for (let path = 0; path < PINNED_PATHS; path++) await paths.nth(path).click();

  const others = `.slot:not(:has(${SHOWN.map((id) => `[data-panel=${id}]`).join()}))`;
  await page.addStyleTag({ content: `${others} { display: none; }` });
  // As tall as the whole page: its middle scrolls, the bars do not.
  const height = await page.evaluate(() => {
    const main = document.querySelector('main')!;
    return window.innerHeight - main.clientHeight + main.scrollHeight;
  });
  await page.setViewportSize({ width: Number(values.width), height });
  await idle(page);
  const picture = await page.screenshot({ animations: 'disabled' });
  await writeFile(values.out, await withPalette(picture, page));
  if (errors.length > 0) throw new Error(errors.join('\n'));
  const { size } = await stat(values.out);
  console.log(`${values.out}: ${values.width} × ${height}, ${Math.round(size / 1024)} KiB`);
} finally {
  await lab.close();
}
