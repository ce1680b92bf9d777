import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { Field, Segments } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import { type Direction, type EditContext, STRENGTH_RANGE, type StrengthKind } from './edits.ts';
import { tokenWord } from './words.ts';

/** How strong an edit is: a slider for feel, a number for exactness, the unit beside them. */
export function StrengthField(props: {
  readonly kind: StrengthKind;
  readonly value: number;
  readonly onChange: (value: number) => void;
}) {
  const { kind, value } = props;
  const id = useId();
  const dragged = useSignal<number | null>(null);
  const words = t().interventions;
  const { min, max, step } = STRENGTH_RANGE[kind];
  const label = { length: words.strength, factor: words.factor, share: words.share }[kind];
  const shown = dragged.value ?? value;
  const commit = (next: number) => {
    dragged.value = null;
    if (Number.isFinite(next) && next !== value) props.onChange(next);
  };
  return (
    <span class="field strength">
      <label for={id}>{label}</label>
      <input
        type="range"
        aria-label={label}
        min={min}
        max={max}
        step={step}
        value={shown}
        onInput={(event) => {
          dragged.value = event.currentTarget.valueAsNumber;
        }}
        onChange={(event) => commit(event.currentTarget.valueAsNumber)}
      />
      <input
        id={id}
        type="number"
        class="number"
        step="any"
        value={Math.round(shown * 1000) / 1000}
        onChange={(event) => commit(event.currentTarget.valueAsNumber)}
      />
      {kind === 'length' ? (
        <span class="unit" title={words.strengthAbout}>
          {words.strengthUnit}
        </span>
      ) : null}
    </span>
  );
}

/** A token of a direction, as text or as `#id`. */
function TokenInput(props: {
  readonly label: string;
  readonly value: string | number | undefined;
  readonly optional?: boolean;
  readonly onChange: (token: string | undefined) => void;
}) {
  const { value } = props;
  const hint = typeof value === 'number' ? tokenWord(value) : undefined;
  return (
    <Field label={props.label} hint={hint}>
      {(id) => (
        <input
          id={id}
          type="text"
          class="mono token-input"
          autocomplete="off"
          spellcheck={false}
          value={typeof value === 'number' ? `#${value}` : (value ?? '')}
          onChange={(event) => {
            const text = event.currentTarget.value;
            if (text !== '') props.onChange(text);
            else if (props.optional === true) props.onChange(undefined);
            else event.currentTarget.value = String(value ?? '');
          }}
        />
      )}
    </Field>
  );
}

/** Where a direction comes from: two tokens' unembeddings, or chance from a seed. */
export function DirectionFields(props: {
  readonly value: Direction;
  /** Tokens have directions where vectors are as wide as the residual stream. */
  readonly residual: boolean;
  readonly context: EditContext;
  readonly onChange: (direction: Direction) => void;
}) {
  const { value, context } = props;
  const words = t().interventions;
  const kind = 'token' in value ? 'token' : 'random' in value ? 'random' : 'vector';
  const kinds = ([...(props.residual ? ['token'] : []), 'random'] as const).concat(
    kind === 'vector' || (kind === 'token' && !props.residual) ? [kind] : [],
  ) as readonly (typeof kind)[];
  return (
    <>
      <Segments
        label={words.direction}
        value={kind}
        options={kinds.map((one) => ({ value: one, label: words.directions[one] }))}
        onChange={(next) => {
          if (next === 'random') props.onChange({ random: 0 });
          else if (next === 'token') {
            const { target = 0, distractor } = context;
            props.onChange({
              token: target,
              ...(distractor !== undefined && { minus: distractor }),
            });
          }
        }}
      />
      {'token' in value ? (
        <>
          <TokenInput
            label={words.tokenPlus}
            value={value.token}
            onChange={(token) => props.onChange({ ...value, token: token ?? value.token })}
          />
          <TokenInput
            label={words.tokenMinus}
            value={value.minus}
            optional
            onChange={(minus) =>
              props.onChange({ token: value.token, ...(minus !== undefined && { minus }) })
            }
          />
        </>
      ) : null}
      {'random' in value ? (
        <Field label={t().terms.seed}>
          {(id) => (
            <input
              id={id}
              type="number"
              class="number"
              min={0}
              step={1}
              value={value.random}
              onChange={(event) => {
                const seed = event.currentTarget.valueAsNumber;
                if (Number.isInteger(seed) && seed >= 0) props.onChange({ random: seed });
              }}
            />
          )}
        </Field>
      ) : null}
      {'vector' in value ? <span class="note">{value.vector.length}</span> : null}
    </>
  );
}
