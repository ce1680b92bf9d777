import { LOCALE_NAMES, LOCALES } from '../../src/i18n/locale.ts';
import { Button, Segments, Select } from '../components/controls.tsx';
import { locale, t } from '../i18n.ts';
import { keyName } from '../keys.ts';
import { THEMES } from '../state/fields.ts';
import { setState, state } from '../state/url.ts';
import { openHelp } from './help.tsx';
import { ModelChooser } from './models.tsx';
import { openPalette } from './palette.tsx';

/** Name, model, language, theme, commands. */
export function TopBar() {
  const words = t();
  const themeNames = {
    auto: words.app.themeAuto,
    light: words.app.themeLight,
    dark: words.app.themeDark,
  };
  return (
    <header class="topbar">
      <a class="brand" href="./" title={words.app.tagline}>
        {words.app.name}
      </a>
      <ModelChooser />
      <span class="gap" />
      <Button
        kind="quiet"
        icon="command"
        label={`${words.shell.palette} (${keyName('mod+k')})`}
        onClick={openPalette}
      >
        <kbd>{keyName('mod+k')}</kbd>
      </Button>
      <Select
        label={words.app.language}
        value={state.lang.value}
        options={[
          { value: 'auto', label: `${words.app.themeAuto} (${LOCALE_NAMES[locale.value]})` },
          ...LOCALES.map((value) => ({ value, label: LOCALE_NAMES[value] })),
        ]}
        onChange={(lang) => setState({ lang }, { history: 'replace' })}
      />
      <Segments
        label={words.app.theme}
        value={state.theme.value}
        options={THEMES.map((value) => ({
          value,
          label: themeNames[value],
          hint: value === 'auto' ? words.app.themeSystem : undefined,
        }))}
        onChange={(theme) => setState({ theme }, { history: 'replace' })}
      />
      <Button kind="quiet" icon="help" label={`${words.app.help} (?)`} onClick={openHelp} />
    </header>
  );
}
