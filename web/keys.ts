import { signal } from '@preact/signals';
import { release } from './state/focus.ts';

/** Something a person can do by key or from the command palette. */
export interface Command {
  readonly id: string;
  /** Shown in the palette and in the list of keys; called at each drawing, so that it is translated. */
  readonly label: () => string;
  /** The key as `KeyboardEvent.key` gives it; `mod+k` means Ctrl or Command. */
  readonly key?: string;
  readonly run: () => void;
}

/** All commands in the order they were added. */
export const commands = signal<readonly Command[]>([]);

/** Adds commands; the answer removes them. */
export function addCommands(added: readonly Command[]): () => void {
  commands.value = [...commands.peek(), ...added];
  return () => {
    commands.value = commands.peek().filter((command) => !added.includes(command));
  };
}

/** Starts listening. Single keys do nothing while a person types. */
export function startKeys(): void {
  window.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === 'Escape') {
      if (isTyping(event.target)) (event.target as HTMLElement).blur();
      else release();
      return;
    }
    // AltGr is how some keyboards type brackets; Windows reports it as Ctrl and Alt together.
    const typed = event.getModifierState('AltGraph');
    const mod = !typed && (event.ctrlKey || event.metaKey);
    if (
      (event.altKey && !typed) ||
      (!mod && (isTyping(event.target) || insideDialog(event.target)))
    )
      return;
    const pressed = mod ? `mod+${event.key.toLowerCase()}` : event.key;
    const command = commands.peek().find(({ key }) => key === pressed);
    if (command === undefined) return;
    event.preventDefault();
    command.run();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement &&
      !['button', 'checkbox', 'radio'].includes(target.type)) ||
    (target instanceof HTMLElement && target.isContentEditable)
  );
}

function insideDialog(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('dialog') !== null;
}

/** A key as people read it. */
export function keyName(key: string): string {
  const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
  if (key.startsWith('mod+')) return `${apple ? '⌘' : 'Ctrl '}${key.slice(4).toUpperCase()}`;
  return key === 'Escape' ? 'Esc' : key;
}
