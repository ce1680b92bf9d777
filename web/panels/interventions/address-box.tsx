import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { AddressListing } from '../../../src/lab/api.ts';
import { formatCount, t } from '../../i18n.ts';
import { matchAddresses, searchAddresses } from './edits.ts';

/** Options drawn at once; typing narrows the rest down. */
const SHOWN = 80;

/**
 * An address of the model, searched by its name or its meaning. Text that is no single address is kept when
 * it is a pattern that matches some, such as `blocks.*.hook_mlp_out`.
 */
export function AddressBox(props: {
  readonly value: string;
  readonly addresses: readonly AddressListing[];
  readonly onChange: (address: string) => void;
}) {
  const { value, addresses } = props;
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const open = useSignal(false);
  const typed = useSignal<string | null>(null);
  const chosen = useSignal(-1);
  const words = t().interventions;

  // Nothing typed yet: everything is offered, with the present address in sight.
  const query = typed.value ?? '';
  const found = open.value
    ? /[*{]/.test(query)
      ? matchAddresses(query, addresses)
      : searchAddresses(query, addresses)
    : [];
  const first =
    typed.value === null ? Math.max(0, found.findIndex((one) => one.address === value) - 8) : 0;
  const shown = found.slice(first, first + SHOWN);
  const current =
    chosen.value >= 0 ? chosen.value : shown.findIndex((one) => one.address === value);

  useEffect(() => {
    if (open.value) list.current?.children[current]?.scrollIntoView({ block: 'nearest' });
  });

  const close = () => {
    open.value = false;
    typed.value = null;
    chosen.value = -1;
  };
  const take = (address: string) => {
    close();
    if (address !== value) props.onChange(address);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      open.value = true;
      const by = event.key === 'ArrowDown' ? 1 : -1;
      chosen.value = Math.min(shown.length - 1, Math.max(0, current + by));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const picked = shown[chosen.value]?.address;
      const pattern = /[*{]/.test(query) && found.length > 0 ? query : undefined;
      take(picked ?? pattern ?? shown[0]?.address ?? value);
    } else if (event.key === 'Escape' && open.value) {
      // Esc closes the list first; what is locked stays.
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };

  return (
    <span class="address-box">
      <input
        type="text"
        role="combobox"
        class="mono"
        aria-label={words.at}
        aria-expanded={open.value}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={open.value && current >= 0 ? `${id}-${current}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={typed.value ?? value}
        onFocus={(event) => {
          open.value = true;
          event.currentTarget.select();
        }}
        onBlur={() => {
          if (/[*{]/.test(query) && matchAddresses(query, addresses).length > 0) take(query);
          else close();
        }}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          open.value = true;
          chosen.value = event.currentTarget.value === '' ? -1 : 0;
        }}
        onKeyDown={onKeyDown}
      />
      <div class="address-list" hidden={!open.value}>
        <div
          ref={list}
          id={id}
          class="options"
          role="listbox"
          tabIndex={-1}
          aria-label={words.addresses}
        >
          {shown.map(({ address, meaning, shape }, index) => (
            <div
              key={address}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === current}
              // The press, not the click: by then the box has lost the focus and is closed.
              onPointerDown={(event) => {
                event.preventDefault();
                take(address);
              }}
            >
              <code>{address}</code>
              <span class="note">
                {meaning} [{shape.join(', ')}]
              </span>
            </div>
          ))}
        </div>
        <p class="note">
          {found.length === 0
            ? words.noAddress
            : words.shownOf(formatCount(shown.length), formatCount(found.length))}
        </p>
      </div>
    </span>
  );
}
