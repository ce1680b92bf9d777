import { signal } from '@preact/signals';
import { useId, useState } from 'preact/hooks';
import { Dialog } from '../components/dialog.tsx';
import { t } from '../i18n.ts';
import { type Command, commands, keyName } from '../keys.ts';
import { exampleList, openExample } from './examples.ts';
import { mechanismName } from './gallery.tsx';

const open = signal(false);

export function openPalette(): void {
  open.value = true;
}

function close(): void {
  open.value = false;
}

/** Everything that can be done, found by typing a part of its name. */
export function Palette() {
  return (
    <Dialog open={open.value} title={t().shell.palette} onClose={close}>
      <PaletteBody />
    </Dialog>
  );
}

function PaletteBody() {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useId();
  const found = matching(allCommands(), query);
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    close();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((chosen + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <div class="palette">
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length === 0 ? undefined : `${list}-${chosen}`}
        aria-label={t().shell.palette}
        placeholder={t().shell.paletteHint}
        autocomplete="off"
        spellcheck={false}
        autofocus
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={list} role="listbox" class="menu-list" aria-label={t().shell.palette}>
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the text field above.
          <div
            key={command.id}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            class="menu-item"
            aria-selected={index === chosen}
            onClick={() => run(command)}
          >
            <span>{command.label()}</span>
            {command.key === undefined ? null : <kbd>{keyName(command.key)}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 ? <p class="note">{t().shell.nothingFound}</p> : null}
    </div>
  );
}

function allCommands(): Command[] {
  const opens = exampleList.value.map((example) => ({
    id: `example-${example.id}`,
    label: () => `${mechanismName(example.mechanism)}: ${example.prompt}`,
    run: () => openExample(example),
  }));
  return [...commands.value.filter(({ id }) => id !== 'palette'), ...opens];
}

/** Commands whose name holds every word of the query, in their order. */
function matching(all: readonly Command[], query: string): Command[] {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((command) => {
    const name = command.label().toLowerCase();
    return parts.every((part) => name.includes(part));
  });
}
