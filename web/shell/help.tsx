import { signal } from '@preact/signals';
import { Dialog } from '../components/dialog.tsx';
import { t } from '../i18n.ts';
import { commands, keyName } from '../keys.ts';

const open = signal(false);

export function openHelp(): void {
  open.value = true;
}

/** Keys and gestures. */
export function HelpDialog() {
  const words = t();
  const gestures: readonly (readonly [string, string])[] = [
    [words.keys.hover, words.keys.hoverDoes],
    [words.keys.click, words.keys.clickDoes],
    ['Shift', words.keys.shiftDoes],
    ['← ↑ → ↓', words.keys.arrowsDo],
  ];
  return (
    <Dialog
      open={open.value}
      title={words.app.help}
      onClose={() => {
        open.value = false;
      }}
    >
      <dl class="keys">
        {commands.value
          .filter(({ key }) => key !== undefined)
          .map(({ id, key, label }) => (
            <div key={id}>
              <dt>
                <kbd>{keyName(key!)}</kbd>
              </dt>
              <dd>{label()}</dd>
            </div>
          ))}
        {gestures.map(([gesture, does]) => (
          <div key={gesture}>
            <dt>
              <kbd>{gesture}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
