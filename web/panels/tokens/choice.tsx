import { useSignal, useSignalEffect } from '@preact/signals';
import { Field } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import { setState, state } from '../../state/index.ts';

/** A token that is typed: as text, or as `#id`. It counts once the field is left or Enter is pressed. */
export function TokenChoiceField({ field }: { readonly field: 'target' | 'distractor' }) {
  const words = t().tokens;
  const draft = useSignal(state[field].peek());
  useSignalEffect(() => {
    draft.value = state[field].value;
  });
  const commit = () => setState({ [field]: draft.peek() });
  const hint = field === 'target' ? words.targetHint : words.distractorHint;
  return (
    <Field label={words[field]} hint={hint}>
      {(id) => (
        <input
          id={id}
          class="mono token-field"
          type="text"
          size={12}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          placeholder="–"
          value={draft.value}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onBlur={commit}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.isComposing) commit();
          }}
        />
      )}
    </Field>
  );
}
