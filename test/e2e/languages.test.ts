import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { LOCALES, type Locale, loadMessages } from '../../src/i18n/index.ts';
import { type LabPage, openLabPage } from '../support/lab-page.ts';
import { graveViolations, idle, settled } from '../support/reader.ts';

const STATE = {
  prompt: 'When Mary and John went to the store, John gave a drink to',
  promptB: 'When Mary and John went to the store, Mary gave a drink to',
  target: ' Mary',
  distractor: ' John',
  edits: JSON.stringify([
    {
      at: 'blocks.2.hook_resid_post',
      op: 'add',
      positions: [-1],
      direction: { token: ' Mary', minus: ' John' },
      strength: 1,
    },
  ]),
  sweep: JSON.stringify({ edit: 0, from: 0, to: 1, steps: 3, baselines: 4 }),
};

type Tree = { readonly [key: string]: string | ((...args: string[]) => string) | Tree };

/** All texts of a language by their keys; the holes of a function's text are marked. */
function texts(tree: Tree, prefix = ''): [key: string, text: string][] {
  return Object.entries(tree).flatMap(([name, value]): [string, string][] => {
    if (typeof value === 'object') return texts(value, `${prefix}${name}.`);
    const text = typeof value === 'string' ? value : value(...Array(value.length).fill('\0'));
    return [[`${prefix}${name}`, text]];
  });
}

const words = async (locale: Locale) =>
  new Map(texts((await loadMessages(locale)) as unknown as Tree));

/**
 * The texts of English that another language says differently, as patterns of a whole text. A hole takes anything.
 * Those with too little around the hole would match anything, and are left out.
 */
async function untranslated(locale: Locale): Promise<RegExp[]> {
  const own = await words(locale);
  return (
    [...(await words('en'))]
      // The product keeps its name; the provenance strip gives it as such.
      .filter(([key]) => key !== 'app.name')
      .filter(([key, text]) => own.get(key) !== text && /[a-z]{3}/i.test(text.replaceAll('\0', '')))
      .map(([, text]) => {
        const parts = text.split('\0').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        return new RegExp(`^${parts.join('.+')}$`, 's');
      })
  );
}

/** Every text that is seen or heard, except tokens, code, what a person wrote and names. */
function visibleTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const out = new Set<string>();
    const skip =
      '[translate=no], html [lang=en], code, pre, kbd, textarea, datalist, option, .token-text';
    for (const element of document.querySelectorAll<HTMLElement>('body, body *')) {
      if (element.matches('script, style') || element.closest(skip) !== null) continue;
      if (!element.checkVisibility()) continue;
      for (const name of ['title', 'aria-label', 'placeholder']) {
        // An example's tooltip is its prompt.
        if (name === 'title' && element.matches('.example')) continue;
        const text = element.getAttribute(name)?.trim();
        if (text) out.add(text);
      }
      for (const node of element.childNodes) {
        const text = node.nodeType === Node.TEXT_NODE ? (node.textContent ?? '').trim() : '';
        if (text !== '') out.add(text);
      }
    }
    for (const option of document.querySelectorAll('main option')) {
      out.add(option.textContent?.trim() ?? '');
    }
    return [...out];
  });
}

/** What sticks out of its panel, or out of the window, and cannot be scrolled to. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const out: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > window.innerWidth) out.push(`the page: ${root.scrollWidth} px`);
    for (const panel of document.querySelectorAll<HTMLElement>('[data-panel], .topbar, .gallery')) {
      const { right } = panel.getBoundingClientRect();
      if (right > window.innerWidth + 1) out.push(`${panel.className} ends at ${right} px`);
      for (const element of panel.querySelectorAll<HTMLElement>('*')) {
        if (!element.checkVisibility() || element.closest('dialog, [popover], svg *')) continue;
        const box = element.getBoundingClientRect();
        if (box.width === 0 || box.right <= right + 1) continue;
        let scrolled = false;
        for (let one = element.parentElement; one && one !== panel; one = one.parentElement) {
          scrolled ||= getComputedStyle(one).overflowX !== 'visible';
        }
        if (!scrolled && !element.closest('.visually-hidden')) {
          out.push(`${element.tagName} .${element.className} ends at ${box.right} of ${right} px`);
        }
      }
    }
    return out;
  });
}

describe('two themes, three languages, two widths', () => {
  let lab: LabPage;

  before(async () => {
    lab = await openLabPage();
  });
  after(() => lab?.close());

  for (const theme of ['light', 'dark'] as const) {
    for (const lang of LOCALES) {
      test(`${theme}, ${lang}: words, widths, and nothing in a reader's way`, async () => {
        const { page, errors } = await lab.open(
          { ...STATE, theme, lang },
          { width: 1440, height: 900 },
        );
        await settled(page);
        await page.locator('.dose svg circle').first().waitFor();
        await idle(page);
        const html = page.locator('html');
        assert.equal(await html.getAttribute('lang'), lang);
        const { colorScheme, background } = await html.evaluate((element) => ({
          colorScheme: getComputedStyle(element).colorScheme,
          background: getComputedStyle(document.documentElement).backgroundColor,
        }));
        assert.equal(colorScheme, theme);
        const [red] = background.match(/[\d.]+/g)!.map(Number);
        assert.equal(red > 128, theme === 'light', `drawn on ${background}`);
        const { terms, app } = await loadMessages(lang);
        assert.equal(await page.title(), `${terms.microscope} · ${app.name}`);

        const seen = await visibleTexts(page);
        assert.ok(seen.length > 100);
        for (const text of seen) {
          assert.doesNotMatch(text, /undefined|\[object|=>|NaN|^[a-z]+(\.[a-zA-Z]+)+$/, lang);
        }
        if (lang === 'en') {
          const han = seen.filter((text) => /\p{Script=Han}/u.test(text));
          assert.deepEqual(han, [], 'Chinese words on the English page');
        } else {
          const patterns = await untranslated(lang);
          const left = seen.filter((text) => patterns.some((pattern) => pattern.test(text)));
          assert.deepEqual(left, [], `English words on the page in ${lang}`);
        }

        assert.deepEqual(await overflowing(page), []);
        assert.deepEqual(await graveViolations(page), []);

        // A popup that a click holds, then an open dialog.
        await page.locator('.lens-cell').nth(7).click();
        await page.locator('.popup.held').waitFor();
        assert.deepEqual(await graveViolations(page, '.popup.held'), []);
        await page.keyboard.press('Escape');
        await page.keyboard.press('?');
        await page.locator('dialog[open] kbd').first().waitFor();
        assert.deepEqual(await graveViolations(page, 'dialog[open]'), []);
        await page.keyboard.press('Escape');

        await page.setViewportSize({ width: 1024, height: 900 });
        await idle(page);
        assert.deepEqual(await overflowing(page), [], 'at 1024 px');
        assert.deepEqual(errors, []);
      });
    }
  }

  test('language and theme follow the browser until they are chosen', async () => {
    const asked = [
      ['zh-TW', 'zh-Hant'],
      ['zh-CN', 'zh-Hans'],
      ['de', 'en'],
    ];
    for (const [locale, lang] of asked) {
      const { page, state } = await lab.open({ prompt: STATE.prompt }, { locale });
      await page.locator('.strip-token').first().waitFor();
      assert.equal(await page.locator('html').getAttribute('lang'), lang, locale);
      assert.equal((await state()).get('lang'), null);
      await page.emulateMedia({ colorScheme: 'dark' });
      const dark = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor,
      );
      await page.emulateMedia({ colorScheme: 'light' });
      const light = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor,
      );
      assert.notEqual(dark, light);
      await page.close();
    }
    const { page, state } = await lab.open({ prompt: STATE.prompt });
    await settled(page);
    await page.locator('.topbar select').selectOption('zh-Hant');
    await page.waitForFunction(() => document.documentElement.lang === 'zh-Hant');
    await page.locator('.topbar input[value=dark]').check();
    assert.deepEqual(
      [(await state()).get('lang'), (await state()).get('theme')],
      ['zh-Hant', 'dark'],
    );
    // The language of the reader is not a choice that the back button undoes.
    assert.equal(await page.evaluate(() => history.length), 2);
  });
});
