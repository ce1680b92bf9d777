import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n.ts';
import { Button } from './controls.tsx';

/** A modal box with a title, the platform's own: it holds the focus, Esc and a click beside it close it. */
export function Dialog(props: {
  readonly open: boolean;
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const title = useId();
  const { open } = props;
  // Before the next key: what is typed at once must land in the box.
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || element.open === open) return;
    if (open) element.showModal();
    else element.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a dialog by itself.
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby={title}
      onClose={() => {
        // The event comes late: by then the box may have been opened again.
        if (box.current?.open !== true) props.onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) props.onClose();
      }}
    >
      <div class="dialog-body">
        <header>
          <h2 id={title}>{props.title}</h2>
          <Button kind="quiet" icon="close" label={t().common.close} onClick={props.onClose} />
        </header>
        {open ? props.children : null}
      </div>
    </dialog>
  );
}
