import type { ComponentChildren, Ref } from 'preact';
import { useId } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

/** A button. With an icon and no children, `label` is its accessible name and its tooltip. */
export function Button(props: {
  readonly onClick?: (event: MouseEvent) => void;
  readonly label?: string;
  readonly icon?: IconName;
  readonly kind?: 'plain' | 'primary' | 'quiet';
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly children?: ComponentChildren;
  readonly buttonRef?: Ref<HTMLButtonElement>;
  readonly describedBy?: string;
}) {
  const { kind = 'plain', icon, label, children } = props;
  return (
    <button
      ref={props.buttonRef}
      type="button"
      class={`button ${kind}${children === undefined ? ' bare' : ''}`}
      onClick={props.onClick}
      title={label}
      aria-label={children === undefined ? label : undefined}
      aria-pressed={props.pressed}
      aria-describedby={props.describedBy}
      disabled={props.disabled}
    >
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A control with its name before it. The control gets the id that the name points at. */
export function Field(props: {
  readonly label: string;
  readonly hint?: string;
  readonly children: (id: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <span class="field" title={props.hint}>
      <label for={id}>{props.label}</label>
      {props.children(id)}
    </span>
  );
}

/** A choice from a list, as the platform's menu. */
export function Select<T extends string>(props: {
  readonly label: string;
  readonly hint?: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}) {
  return (
    <Field label={props.label} hint={props.hint}>
      {(id) => (
        <select
          id={id}
          value={props.value}
          onChange={(event) => props.onChange(event.currentTarget.value as T)}
        >
          {props.options.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A choice of two to five, all in sight: radio buttons drawn as one bar. */
export function Segments<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly {
    readonly value: T;
    readonly label: string;
    readonly hint?: string;
    readonly lang?: string;
  }[];
  readonly onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend>{props.label}</legend>
      {props.options.map(({ value, label, hint, lang }) => (
        <label key={value} title={hint} lang={lang}>
          <input
            type="radio"
            name={name}
            value={value}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/**
 * A slider with its value beside it. `onInput` follows the drag; `onChange` comes once, at its end: ask the
 * lab only then.
 */
export function Range(props: {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly format: (value: number) => string;
  readonly onInput?: (value: number) => void;
  readonly onChange: (value: number) => void;
}) {
  return (
    <Field label={props.label} hint={props.hint}>
      {(id) => (
        <>
          <input
            id={id}
            type="range"
            min={props.min}
            max={props.max}
            step={props.step}
            value={props.value}
            onInput={(event) => props.onInput?.(event.currentTarget.valueAsNumber)}
            onChange={(event) => props.onChange(event.currentTarget.valueAsNumber)}
          />
          <output for={id} class="number">
            {props.format(props.value)}
          </output>
        </>
      )}
    </Field>
  );
}

/** A number to type. One that does not fit is not taken: the field shows the last that did. */
export function NumberField(props: {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly range?: readonly [low: number, high: number];
  readonly whole?: boolean;
  readonly onChange: (value: number) => void;
}) {
  const [low, high] = props.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const whole = props.whole === true;
  return (
    <Field label={props.label} hint={props.hint}>
      {(id) => (
        <input
          id={id}
          type="number"
          class="number"
          min={Number.isFinite(low) ? low : undefined}
          max={Number.isFinite(high) ? high : undefined}
          step={whole ? 1 : 'any'}
          value={props.value}
          onChange={(event) => {
            const { valueAsNumber: value } = event.currentTarget;
            const kind = whole ? Number.isInteger(value) : Number.isFinite(value);
            if (kind && value >= low && value <= high) props.onChange(value);
            else event.currentTarget.value = String(props.value);
          }}
        />
      )}
    </Field>
  );
}
