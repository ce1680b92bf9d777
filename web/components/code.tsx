import { useState } from 'preact/hooks';
import type { Provenance } from '../../src/lab/api.ts';
import { t } from '../i18n.ts';
import { copyText } from './actions.ts';
import { Button } from './controls.tsx';
import { Dialog } from './dialog.tsx';

/** The library call and the command line that give the same numbers. */
export function CodeView({ provenance }: { readonly provenance: Provenance }) {
  const [open, setOpen] = useState(false);
  const words = t().common;
  return (
    <>
      <Button kind="quiet" icon="code" label={words.showCode} onClick={() => setOpen(true)} />
      <Dialog open={open} title={words.showCode} onClose={() => setOpen(false)}>
        {provenance.code === null ? null : (
          <CodeBlock title={words.library} text={provenance.code} />
        )}
        {provenance.command === null ? null : (
          <CodeBlock title={words.commandLine} text={provenance.command} />
        )}
      </Dialog>
    </>
  );
}

/** Code as text, with a button that copies it. */
export function CodeBlock({ title, text }: { readonly title: string; readonly text: string }) {
  const words = t().common;
  return (
    <figure class="code">
      <figcaption>
        {title}
        <Button kind="quiet" onClick={() => void copyText(text, words.copied)}>
          {words.copy}
        </Button>
      </figcaption>
      <pre translate={false} lang="en">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard. */}
        <code tabIndex={0}>{text}</code>
      </pre>
    </figure>
  );
}
