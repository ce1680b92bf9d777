import { LOCALE_NAMES, LOCALES } from '../../src/i18n/locale.ts';
import { copyLink } from '../components/actions.ts';
import { t } from '../i18n.ts';
import { addCommands, type Command } from '../keys.ts';
import { PANELS } from '../panels/index.ts';
import { THEMES } from '../state/fields.ts';
import { release } from '../state/focus.ts';
import { setState, state } from '../state/url.ts';
import { stepExample } from './examples.ts';
import { openHelp } from './help.tsx';
import { openPalette } from './palette.tsx';

/** The panel that has the focus, or that the pointer is on. */
function panelInUse(): string {
  const on = document.activeElement?.closest<HTMLElement>('[data-panel]');
  const under = document.querySelector<HTMLElement>('[data-panel]:hover');
  return (under ?? on)?.dataset.panel ?? PANELS[0].id;
}

function toggleMaximised(): void {
  setState({ panel: state.panel.peek() === '' ? panelInUse() : '' });
}

/** Goes to the filter of the panel in use where it has one, else to the prompt. */
function focusFilter(): void {
  const panel = document.querySelector(`[data-panel=${panelInUse()}]`);
  const filter = panel?.querySelector<HTMLInputElement>('[data-filter]');
  if (filter) filter.select();
  else focusPrompt();
}

/** Goes to the prompt, also when another panel fills the page. */
function focusPrompt(): void {
  const focus = () => document.querySelector<HTMLTextAreaElement>('#prompt')?.select();
  if (document.querySelector('#prompt') === null) {
    setState({ panel: '' });
    requestAnimationFrame(focus);
  } else focus();
}

/** Goes to the notebook, also when a panel fills the page. */
function goToNotebook(): void {
  if (state.panel.peek() !== '') setState({ panel: '' });
  requestAnimationFrame(() => {
    const notebook = document.querySelector<HTMLElement>('#notebook');
    notebook?.scrollIntoView({ block: 'start' });
    notebook?.querySelector<HTMLElement>('textarea, button, a')?.focus({ preventScroll: true });
  });
}

/** The commands of the shell itself. The answer removes them. */
export function startCommands(): () => void {
  const keyed: Command[] = [
    { id: 'help', key: '?', label: () => t().app.help, run: openHelp },
    { id: 'palette', key: 'mod+k', label: () => t().shell.palette, run: openPalette },
    {
      id: 'prompt',
      key: '/',
      label: () => t().keys.focusPrompt,
      run: focusFilter,
    },
    { id: 'maximise', key: 'm', label: () => t().keys.maximise, run: toggleMaximised },
    { id: 'copy-link', key: 'c', label: () => t().common.copyLink, run: () => copyLink() },
    { id: 'previous', key: '[', label: () => t().keys.previous, run: () => stepExample(-1) },
    { id: 'next', key: ']', label: () => t().keys.next, run: () => stepExample(1) },
    { id: 'notebook', key: 'n', label: () => t().notebook.go, run: goToNotebook },
    { id: 'release', key: 'Escape', label: () => t().keys.release, run: release },
  ];
  const languages = LOCALES.map((lang) => ({
    id: `lang-${lang}`,
    label: () => `${t().app.language}: ${LOCALE_NAMES[lang]}`,
    run: () => setState({ lang }, { history: 'replace' }),
  }));
  const themes = THEMES.map((theme) => ({
    id: `theme-${theme}`,
    label: () => {
      const { themeSystem, themeLight, themeDark, theme: title } = t().app;
      return `${title}: ${{ auto: themeSystem, light: themeLight, dark: themeDark }[theme]}`;
    },
    run: () => setState({ theme }, { history: 'replace' }),
  }));
  return addCommands([...keyed, ...languages, ...themes]);
}
