import { render } from 'preact';
import { loadMessages, negotiateLocale } from '../src/i18n/index.ts';

const locale = negotiateLocale(navigator.languages);
const messages = await loadMessages(locale);
document.documentElement.lang = locale;
render(<h1>{messages.app.name}</h1>, document.getElementById('app')!);
