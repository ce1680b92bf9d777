import type { ModelResponse } from '../../../src/lab/api.ts';
import { Button, Field, NumberField } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import type { StackedEdit } from '../../state/edits.ts';
import { AddressBox } from './address-box.tsx';
import { DirectionFields, StrengthField } from './amounts.tsx';
import { editContext, patchSource } from './data.ts';
import { type EditOp, OPS, placeOf, strengthOf, withOp } from './edits.ts';
import { HeadPicker, PositionPicker } from './places.tsx';
import { summarise } from './words.ts';

/** One edit of the stack with all its choices. */
export function EditCard(props: {
  readonly edit: StackedEdit;
  readonly index: number;
  readonly count: number;
  readonly model: ModelResponse;
  readonly onChange: (edit: StackedEdit) => void;
  readonly onMove: (by: -1 | 1) => void;
  readonly onRemove: () => void;
}) {
  const { edit, index, model, onChange } = props;
  const words = t().interventions;
  const place = placeOf(edit.at, model);
  const off = edit.off === true;
  return (
    <li
      class={`edit${off ? ' off' : ''}`}
      aria-label={words.editName(String(index + 1), summarise(edit))}
    >
      <div class="edit-head">
        <input
          type="checkbox"
          checked={!off}
          aria-label={`${words.enable}: ${index + 1}`}
          title={words.enable}
          onChange={(event) => {
            const { off: _, ...on } = edit;
            onChange(event.currentTarget.checked ? (on as StackedEdit) : { ...edit, off: true });
          }}
        />
        <span class="edit-number number">{index + 1}</span>
        <select
          aria-label={words.op}
          title={words.opHints[edit.op]}
          value={edit.op}
          onChange={(event) =>
            onChange(withOp(edit, event.currentTarget.value as EditOp, editContext.value))
          }
        >
          {OPS.map((op) => (
            <option
              key={op}
              value={op}
              title={words.opHints[op]}
              disabled={(op === 'add' || op === 'project') && place.known && !place.vectors}
            >
              {words.ops[op]}
            </option>
          ))}
        </select>
        <AddressBox
          value={edit.at}
          addresses={model.addresses}
          onChange={(at) => {
            const { heads: _, ...rest } = { ...edit, at };
            const next = placeOf(at, model);
            // Heads of the old address mean nothing at one without heads.
            onChange(next.heads === 0 ? (rest as StackedEdit) : { ...edit, at });
          }}
        />
        <span class="edit-moves">
          <IconButton
            label={words.up}
            glyph="↑"
            disabled={index === 0}
            onClick={() => props.onMove(-1)}
          />
          <IconButton
            label={words.down}
            glyph="↓"
            disabled={index === props.count - 1}
            onClick={() => props.onMove(1)}
          />
          <Button kind="quiet" icon="close" label={words.remove} onClick={props.onRemove} />
        </span>
      </div>
      <div class="edit-body">
        <Amount {...props} residual={place.residual} />
        {place.heads === 0 || edit.op === 'feature' ? null : (
          <HeadPicker
            heads={place.heads}
            value={edit.heads}
            onChange={(heads) => onChange({ ...edit, heads })}
          />
        )}
        {place.positions ? (
          <PositionPicker
            value={edit.positions}
            onChange={(positions) => onChange({ ...edit, positions })}
          />
        ) : null}
      </div>
    </li>
  );
}

function IconButton(props: {
  readonly label: string;
  readonly glyph: string;
  readonly disabled: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="button quiet bare"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.glyph}
    </button>
  );
}

/** What an operation needs to know besides where. */
function Amount(props: {
  readonly edit: StackedEdit;
  readonly residual: boolean;
  readonly onChange: (edit: StackedEdit) => void;
}) {
  const { edit, onChange } = props;
  const words = t().interventions;
  const strength = strengthOf(edit);
  switch (edit.op) {
    case 'add':
    case 'project':
      return (
        <>
          <DirectionFields
            value={edit.direction}
            residual={props.residual}
            context={editContext.value}
            onChange={(direction) => onChange({ ...edit, direction })}
          />
          <StrengthField
            kind={edit.op === 'add' ? 'length' : 'share'}
            value={strength ?? 1}
            onChange={(value) => onChange({ ...edit, strength: value })}
          />
        </>
      );
    case 'scale':
      return (
        <StrengthField
          kind="factor"
          value={edit.strength}
          onChange={(value) => onChange({ ...edit, strength: value })}
        />
      );
    case 'feature':
      return (
        <>
          <Field label={words.feature} hint={words.featureHint}>
            {(id) => (
              <input
                id={id}
                type="text"
                class="mono"
                spellcheck={false}
                value={edit.feature}
                onChange={(event) => {
                  const feature = event.currentTarget.value;
                  if (/^.+:\d+$/.test(feature)) onChange({ ...edit, feature });
                  else event.currentTarget.value = edit.feature;
                }}
              />
            )}
          </Field>
          <StrengthField
            kind="factor"
            value={edit.strength}
            onChange={(value) => onChange({ ...edit, strength: value })}
          />
        </>
      );
    case 'set':
      return typeof edit.value === 'number' ? (
        <NumberField
          label={words.value}
          value={edit.value}
          onChange={(value) => onChange({ ...edit, value })}
        />
      ) : (
        <span class="note">
          {words.value}: {edit.value.length}
        </span>
      );
    case 'patch':
      return (
        <>
          <Field label={words.from} hint={words.lengthDiffers}>
            {(id) => (
              <input
                id={id}
                type="text"
                class="mono patch-from"
                spellcheck={false}
                value={edit.from}
                onChange={(event) => onChange({ ...edit, from: event.currentTarget.value })}
              />
            )}
          </Field>
          {patchSource.value !== '' && patchSource.value !== edit.from ? (
            <Button onClick={() => onChange({ ...edit, from: patchSource.value })}>
              {words.fromB}
            </Button>
          ) : null}
        </>
      );
    default:
      return <span class="note">{words.opHints[edit.op]}</span>;
  }
}
