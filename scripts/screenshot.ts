/**
 * Makes the picture of the README: `node scripts/screenshot.ts [--theme dark] [--lang zh-Hant] [--out FILE]`.
 * The page is built and served as it is in this checkout; the prompt is the gallery's first indirect object,
 * steered at its last token, beside the sweep of that edit's strength.
 */
import { stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openLabPage } from '../test/support/lab-page.ts';
import { get, idle, settled } from '../test/support/reader.ts';

const WIDTH = 1440;
/** The regions that the picture shows, in the order of the page. */
const SHOWN = ['tokens', 'lens', 'attention', 'interventions'];

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
  const { examples } = await get(lab.url, '/api/examples');
  const example = examples.find(({ mechanism }) => mechanism === 'indirect-object');
  const { prompt, target, distractor } = example ?? {};
  if (prompt === undefined || !target || !distractor) throw new Error('no indirect object to show');
  const edit = {
    at: 'blocks.2.hook_resid_post',
    op: 'add',
    positions: [-1],
    direction: { token: distractor, minus: target },
    strength: 0.5,
  };
  const { page, errors } = await lab.open(
    {
      ...{ prompt, target, distractor, theme: values.theme, lang: values.lang },
      edits: JSON.stringify([edit]),
      sweep: JSON.stringify({ edit: 0, from: -1, to: 1, steps: 9, baselines: 16 }),
    },
    { width: Number(values.width), height: 900 },
  );
  await settled(page);
  await page.locator('.dose svg circle').first().waitFor();
  await idle(page);
  const others = `.slot:not(:has(${SHOWN.map((id) => `[data-panel=${id}]`).join()}))`;
  await page.addStyleTag({ content: `${others} { display: none; }` });
  // As tall as the whole page: its middle scrolls, the bars do not.
  const height = await page.evaluate(() => {
    const main = document.querySelector('main')!;
    return window.innerHeight - main.clientHeight + main.scrollHeight;
  });
  await page.setViewportSize({ width: Number(values.width), height });
  await idle(page);
  await page.screenshot({ path: values.out, animations: 'disabled' });
  if (errors.length > 0) throw new Error(errors.join('\n'));
  const { size } = await stat(values.out);
  console.log(`${values.out}: ${values.width} × ${height}, ${Math.round(size / 1024)} KiB`);
} finally {
  await lab.close();
}
