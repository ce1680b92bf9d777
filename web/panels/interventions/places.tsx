import { Select } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import type { StackedEdit } from '../../state/edits.ts';
import { promptLabels } from './data.ts';
import { chosenPositions } from './edits.ts';

type Positions = StackedEdit['positions'];

/** Where along the text an edit acts: everywhere, a part, or tokens that are clicked. */
export function PositionPicker(props: {
  readonly value: Positions;
  readonly onChange: (positions: Positions) => void;
}) {
  const labels = promptLabels.value;
  const words = t().interventions;
  const chosen = new Set(chosenPositions(props.value, labels.length));
  const mode = Array.isArray(props.value) ? 'chosen' : (props.value ?? 'everywhere');
  const toggle = (position: number) => {
    const next = new Set(chosen);
    if (!next.delete(position)) next.add(position);
    props.onChange(next.size === 0 ? undefined : [...next].sort((a, b) => a - b));
  };
  return (
    <div class="places">
      <Select
        label={words.positions}
        value={mode}
        options={[
          { value: 'everywhere', label: words.everywhere },
          { value: 'prompt', label: words.onPrompt },
          { value: 'generated', label: words.generated },
          { value: 'chosen', label: words.chosen },
        ]}
        onChange={(next) => {
          if (next === 'everywhere') props.onChange(undefined);
          else if (next === 'chosen') props.onChange([Math.max(0, labels.length - 1)]);
          else props.onChange(next);
        }}
      />
      {mode !== 'chosen' ? null : (
        <div class="token-picker" role="group" aria-label={words.chosen}>
          {labels.map((label, position) => (
            <button
              key={`${position} ${label}`}
              type="button"
              class="token-text"
              data-position={position}
              aria-pressed={chosen.has(position)}
              aria-label={`${position} ${label}`}
              onClick={() => toggle(position)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Which heads an edit acts on; none chosen means all. */
export function HeadPicker(props: {
  readonly heads: number;
  readonly value: readonly number[] | undefined;
  readonly onChange: (heads: number[] | undefined) => void;
}) {
  const words = t().interventions;
  const chosen = new Set(props.value);
  const toggle = (head: number) => {
    const next = new Set(chosen);
    if (!next.delete(head)) next.add(head);
    props.onChange(next.size === 0 ? undefined : [...next].sort((a, b) => a - b));
  };
  return (
    <div class="head-picker" role="group" aria-label={words.heads}>
      <span class="note">{words.heads}</span>
      <button
        type="button"
        aria-pressed={chosen.size === 0}
        onClick={() => props.onChange(undefined)}
      >
        {words.allHeads}
      </button>
      {Array.from({ length: props.heads }, (_, head) => (
        <button
          key={head}
          type="button"
          aria-pressed={chosen.has(head)}
          aria-label={`${t().terms.head} ${head}`}
          onClick={() => toggle(head)}
        >
          {head}
        </button>
      ))}
    </div>
  );
}
