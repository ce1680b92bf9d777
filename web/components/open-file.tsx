import type { ComponentChildren, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { Button } from './controls.tsx';

/** A button that opens a JSON file from this machine. */
export function OpenFile(props: { readonly label: string; readonly onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
        hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          // The same file may be chosen again after a change.
          event.currentTarget.value = '';
          if (file !== undefined) props.onFile(file);
        }}
      />
      <Button onClick={() => input.current?.click()}>{props.label}</Button>
    </>
  );
}

/** An area that takes a file dropped on it. */
export function DropFile(props: {
  readonly areaRef?: RefObject<HTMLDivElement | null>;
  readonly onFile: (file: File) => void;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button that opens a file is the way by keyboard.
    <div
      ref={props.areaRef}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const file = event.dataTransfer?.files[0];
        if (file !== undefined) props.onFile(file);
      }}
    >
      {props.children}
    </div>
  );
}

/** Open, save, close: what a panel that shows files offers. */
export function FileButtons(props: {
  readonly words: { readonly open: string; readonly save: string; readonly closeFile: string };
  readonly onFile: (file: File) => void;
  /** Undefined while there is nothing to save. */
  readonly onSave: (() => void) | undefined;
  /** Undefined while what is shown is not from a file. */
  readonly onClose: (() => void) | undefined;
}) {
  const { words, onSave, onClose } = props;
  return (
    <span class="panel-files">
      <OpenFile label={words.open} onFile={props.onFile} />
      {onSave === undefined ? null : <Button onClick={onSave}>{words.save}</Button>}
      {onClose === undefined ? null : <Button onClick={onClose}>{words.closeFile}</Button>}
    </span>
  );
}
