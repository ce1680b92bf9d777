import { computed, effect, signal } from '@preact/signals';
import { type Locale, loadMessages, type Messages, negotiateLocale } from '../src/i18n/index.ts';
import { state } from './state/url.ts';

const wanted = computed<Locale>(() =>
  state.lang.value === 'auto' ? negotiateLocale(navigator.languages) : state.lang.value,
);

const loaded = signal<{ readonly locale: Locale; readonly messages: Messages } | undefined>(
  undefined,
);

/** The language that the page is shown in. */
export const locale = computed<Locale>(() => loaded.value?.locale ?? 'en');

/** The words of the page. Read it inside a view, so that the view follows the language. */
export function t(): Messages {
  const { value } = loaded;
  if (value === undefined) throw new Error('internal: words are asked for before they are loaded');
  return value.messages;
}

/** Loads the words, now and whenever the language changes. Resolves when the first are there. */
export function startLanguage(): Promise<void> {
  return new Promise((resolve) => {
    effect(() => {
      const next = wanted.value;
      void loadMessages(next).then((messages) => {
        if (next !== wanted.peek()) return;
        document.documentElement.lang = next;
        loaded.value = { locale: next, messages };
        resolve();
      });
    });
  });
}

const formats = new Map<string, Intl.NumberFormat>();

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale.value} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (made === undefined) {
    // A true minus and Latin digits everywhere: columns of numbers must align across languages.
    made = new Intl.NumberFormat(`${locale.value}-u-nu-latn`, options);
    formats.set(key, made);
  }
  return made;
}

function minus(text: string): string {
  return text.replace('-', '−');
}

/** A whole number with separators. */
export function formatCount(value: number): string {
  return minus(format({ maximumFractionDigits: 0 }).format(value));
}

/** A measured value with a fixed number of decimals; a dash where there is none. */
export function formatNumber(
  value: number | null | undefined,
  options: { readonly digits?: number; readonly signed?: boolean } = {},
): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const { digits = 2, signed = false } = options;
  return minus(
    format({
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      // What rounds to zero has no sign.
      signDisplay: signed ? 'exceptZero' : 'negative',
    }).format(value),
  );
}

/** A probability in percent; what is below 0.1 % or above 99.9 % without being 0 or 1 says so. */
export function formatProbability(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const style = { style: 'percent', maximumFractionDigits: 1 } as const;
  if (value > 0 && value < 0.001) return `< ${format(style).format(0.001)}`;
  if (value > 0.9995 && value < 1) return `> ${format(style).format(0.999)}`;
  return format({ ...style, minimumFractionDigits: 1 }).format(value);
}
