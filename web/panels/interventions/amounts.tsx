import { useSignal } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import type { TokenChoice } from '../../../src/lab/api.ts';
import { post, send } from '../../api.ts';
import { Field, NumberField, Segments } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import { modelName } from '../../state/run.ts';
import { tokenName } from '../tokens/measures.ts';
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

/** Tokens offered while one is typed. */
const OFFERED = 12;

/** A token of a direction, as text or as `#id`; the vocabulary's tokens are offered while typing. */
function TokenInput(props: {
  readonly label: string;
  readonly value: string | number | undefined;
  readonly optional?: boolean;
  readonly onChange: (token: string | undefined) => void;
}) {
  const { value } = props;
  const offered = useSignal<readonly TokenChoice[]>([]);
  const asking = useRef<AbortController>(null);
  const offer = async (query: string) => {
    asking.current?.abort();
    const control = new AbortController();
    asking.current = control;
    if (query === '') return;
    const call = post('/api/token-search', { model: modelName.peek(), query, limit: OFFERED });
    try {
      const outcome = await send(call, { signal: control.signal });
      if ('data' in outcome) offered.value = outcome.data.matches;
    } catch (cause) {
      // A newer key has made this answer of no use.
      if (!control.signal.aborted) throw cause;
    }
  };
  const hint = typeof value === 'number' ? tokenWord(value) : undefined;
  return (
    <Field label={props.label} hint={hint}>
      {(id) => (
        <>
          <input
            id={id}
            type="text"
            class="mono token-input"
            list={`${id}-tokens`}
            autocomplete="off"
            spellcheck={false}
            value={typeof value === 'number' ? `#${value}` : (value ?? '')}
            onInput={(event) => void offer(event.currentTarget.value.trim())}
            onChange={(event) => {
              const text = event.currentTarget.value;
              if (text !== '') props.onChange(text);
              else if (props.optional === true) props.onChange(undefined);
              else event.currentTarget.value = String(value ?? '');
            }}
          />
          <datalist id={`${id}-tokens`}>
            {offered.value.map((token) => (
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
        <NumberField
          label={t().terms.seed}
          value={value.random}
          whole
          range={[0, Number.POSITIVE_INFINITY]}
          onChange={(random) => props.onChange({ random })}
        />
      ) : null}
      {'vector' in value ? <span class="note">{value.vector.length}</span> : null}
    </>
  );
}
