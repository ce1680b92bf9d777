import type { Messages } from './en.ts';

/** The languages of the interface, as BCP 47 tags fit for a `lang` attribute. */
export const LOCALES = ['en', 'zh-Hant', 'zh-Hans'] as const;

/** One language of the interface. */
export type Locale = (typeof LOCALES)[number];

/** Each language's name in itself, for a language menu. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  'zh-Hant': '繁體中文',
  'zh-Hans': '简体中文',
};

/**
 * The first requested language that the interface has; `en` when there is none. Chinese is decided
 * by script, not region: `zh-TW`, `zh-HK`, `zh-MO` and `yue` are read in Hant, `zh`, `zh-CN` and
 * `zh-SG` in Hans. Malformed tags are passed over.
 *
 * @param requested BCP 47 tags in order of preference, e.g. `navigator.languages`.
 */
export function negotiateLocale(requested: readonly string[]): Locale {
  for (const tag of requested) {
    const locale = matchLocale(tag);
    if (locale !== undefined) return locale;
  }
  return 'en';
}

function matchLocale(tag: string): Locale | undefined {
  let full: Intl.Locale;
  try {
    full = new Intl.Locale(tag).maximize();
  } catch {
    return undefined;
  }
  if (full.script === 'Hant') return 'zh-Hant';
  if (full.script === 'Hans') return 'zh-Hans';
  return full.language === 'en' ? 'en' : undefined;
}

/** The words of one language, fetched when first asked for: nobody waits for those of another. */
export async function loadMessages(locale: Locale): Promise<Messages> {
  switch (locale) {
    case 'en':
      return (await import('./en.ts')).en;
    case 'zh-Hant':
      return (await import('./zh-Hant.ts')).zhHant;
    case 'zh-Hans':
      return (await import('./zh-Hans.ts')).zhHans;
  }
}
