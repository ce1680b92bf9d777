import type { ComponentChildren, RefObject } from 'preact';

/** Where things stand in a picture, in px. */
export interface Places {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** The place that an arrow key leads to: near in the arrow's direction, and not far to its sides. */
export function placeAhead({ x, y }: Places, from: number, key: string): number | undefined {
  const [along, across] =
    key === 'ArrowLeft' || key === 'ArrowRight'
      ? [x, y]
      : key === 'ArrowUp' || key === 'ArrowDown'
        ? [y, x]
        : [];
  if (along === undefined || across === undefined) return undefined;
  const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < along.length; i++) {
    const ahead = (along[i] - along[from]) * sign;
    if (ahead <= 0.5) continue;
    const cost = ahead + 3 * Math.abs(across[i] - across[from]);
    if (cost >= least) continue;
    least = cost;
    best = i;
  }
  return best;
}

/** A scrolling box around a picture: one tab stop; arrow keys move inside, Enter chooses, P pins. */
export function PictureBox(props: {
  readonly boxRef: RefObject<HTMLDivElement | null>;
  readonly label: string;
  readonly class?: string;
  readonly onMove: (arrow: string) => void;
  readonly onChoose: (event: KeyboardEvent) => void;
  readonly onPin: () => void;
  /** The keyboard has left. */
  readonly onLeave: () => void;
  readonly children: ComponentChildren;
}) {
  const step = (event: KeyboardEvent) => {
    const act =
      event.key === 'Enter' || event.key === ' '
        ? () => props.onChoose(event)
        : event.key === 'p' && !event.ctrlKey && !event.metaKey
          ? props.onPin
          : event.key.startsWith('Arrow')
            ? () => props.onMove(event.key)
            : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  return (
    <div
      ref={props.boxRef}
      class={`picture-box ${props.class ?? ''}`}
      role="group"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the nodes are reached by arrow keys inside.
      tabIndex={0}
      onKeyDown={step}
      onBlur={props.onLeave}
    >
      {props.children}
    </div>
  );
}

/** One line that says what the pointer is on. Its height never changes. */
export function Readout({ text }: { readonly text: string }) {
  return (
    <p class="readout" aria-live="polite" title={text}>
      {text}
    </p>
  );
}
