import { locale } from '../i18n.ts';

/** What stands for characters that cannot be seen. The glyphs are narrow and in every mono font. */
const VISIBLE: Readonly<Record<string, string>> = { '\n': '⏎', '\t': '⇥', '\r': '␍' };

/** Characters of a token as shown: a leading space as `·`, breaks as arrows. */
export function tokenText(text: string): string {
  if (text === '') return '∅';
  return text
    .replace(/^ +| +$/g, (run) => '·'.repeat(run.length))
    .replace(/[\n\t\r]/g, (c) => VISIBLE[c]);
}

/**
 * The language of a token's glyphs. Han characters look different in the two scripts and a token does not
 * say which it is, so it is shown as the reader writes; English readers get the simplified forms.
 */
export function tokenLang(text: string): string | undefined {
  if (!/\p{Script=Han}/u.test(text)) return undefined;
  return locale.value === 'en' ? 'zh-Hans' : locale.value;
}

/** A token as text in the mono font, with its spaces visible. */
export function TokenText({ text }: { readonly text: string }) {
  return (
    <span class="token-text" lang={tokenLang(text)} translate={false}>
      {tokenText(text)}
    </span>
  );
}
