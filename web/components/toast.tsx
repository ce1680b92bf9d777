import { signal } from '@preact/signals';

const message = signal('');
let timer = 0;

/** Says in passing that something was done; screen readers hear it. */
export function toast(text: string): void {
  message.value = text;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    message.value = '';
  }, 2400);
}

/** Where the words of {@link toast} appear; one on the page. */
export function Toast() {
  return (
    <div class="toast" role="status" aria-live="polite">
      {message.value === '' ? null : <span>{message.value}</span>}
    </div>
  );
}
