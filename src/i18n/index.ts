export type { Messages } from './en.ts';
export { LOCALE_NAMES, LOCALES, type Locale, loadMessages, negotiateLocale } from './locale.ts';
