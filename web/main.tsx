import { effect } from '@preact/signals';
import { render } from 'preact';
import { startLanguage } from './i18n.ts';
import { startKeys } from './keys.ts';
import { App } from './shell/app.tsx';
import { startHighlighting } from './state/focus.ts';
import { state } from './state/url.ts';
import './style/index.css';

effect(() => {
  const { value } = state.theme;
  document.documentElement.style.colorScheme = value === 'auto' ? 'light dark' : value;
});
startHighlighting();
startKeys();
await startLanguage();
render(<App />, document.getElementById('app')!);
