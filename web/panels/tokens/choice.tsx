import { effect, type Signal, signal } from '@preact/signals';
import type { TokenSearchResponse } from '../../../src/lab/api.ts';
import { post, type Resource, resource } from '../../api.ts';
import { Field } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import { modelName, setState, state } from '../../state/index.ts';
import { tokenName } from './measures.ts';

/** Wait after the last key before the vocabulary is searched, in milliseconds. */
const PAUSE = 150;

interface Choice {
  readonly field: 'target' | 'distractor';
  /** What stands in the field; it counts once the field is left or Enter is pressed. */
  readonly draft: Signal<string>;
  /** Tokens that contain what is being typed. */
  readonly matches: Resource<TokenSearchResponse>;
}

function choice(field: Choice['field']): Choice {
  const draft = signal('');
  effect(() => {
    draft.value = state[field].value;
  });
  const matches = resource(
    () => {
      const query = draft.value.trim();
      if (query === '' || draft.value === state[field].value) return undefined;
      return post('/api/token-search', { model: modelName.value, query, limit: 12 });
    },
    { delay: PAUSE },
  );
  return { field, draft, matches };
}

const choices = { target: choice('target'), distractor: choice('distractor') };

/** A token that is typed: as text, or as `#id`, with the vocabulary's tokens offered while typing. */
export function TokenChoiceField({ field }: { readonly field: Choice['field'] }) {
  const words = t().tokens;
  const { draft, matches } = choices[field];
  const commit = () => setState({ [field]: draft.peek() });
  const hint = field === 'target' ? words.targetHint : words.distractorHint;
  return (
    <Field label={words[field]} hint={hint}>
      {(id) => (
        <>
          <input
            id={id}
            class="mono token-field"
            type="text"
            size={12}
            list={`${id}-tokens`}
            spellcheck={false}
            autocomplete="off"
            autocapitalize="off"
            placeholder="–"
            value={draft.value}
            onInput={(event) => {
              draft.value = event.currentTarget.value;
            }}
            onChange={commit}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.isComposing) commit();
            }}
          />
          <datalist id={`${id}-tokens`}>
            {matches.data.value?.matches.map((token) => (
              <option key={token.id} value={tokenName(token)}>
                {`#${token.id}`}
              </option>
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
