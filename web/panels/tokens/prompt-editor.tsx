import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { tokenLang } from '../../components/token.tsx';
import { leftBehind } from '../../shell/examples.ts';
import { setState, state } from '../../state/index.ts';

/** Wait after the last key before the lab is asked, in milliseconds. */
const PAUSE = 350;

/**
 * The text of a prompt. What is typed reaches the address after a short pause, at once with Enter; a change of
 * the address from elsewhere (an example, the back button) replaces the text.
 */
export function PromptEditor(props: {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly field: 'prompt' | 'promptB';
}) {
  const { field, id } = props;
  const draft = useSignal(state[field].peek());
  const timer = useRef(0);
  useSignalEffect(() => {
    draft.value = state[field].value;
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);

  // The first change since the focus came, or since Enter, is a step that the back button undoes.
  const fresh = useRef(true);
  const commit = () => {
    window.clearTimeout(timer.current);
    const typed = draft.peek();
    if (typed === state[field].peek()) return;
    setState(
      { ...(field === 'prompt' ? leftBehind(typed) : {}), [field]: typed },
      { history: fresh.current ? 'push' : 'replace' },
    );
    fresh.current = false;
  };
  return (
    <div class="prompt">
      <label for={id}>{props.label}</label>
      <textarea
        id={id}
        rows={1}
        title={props.hint}
        spellcheck={false}
        lang={tokenLang(draft.value)}
        autocapitalize="off"
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(commit, PAUSE);
        }}
        onFocus={() => {
          fresh.current = true;
        }}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          commit();
          fresh.current = true;
        }}
      />
    </div>
  );
}
