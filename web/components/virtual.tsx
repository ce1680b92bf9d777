import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useSize } from './size.ts';

/** Rows drawn above and below what is in sight. */
const SPARE = 10;

/**
 * A table that draws only the rows in sight, all of one height. One row takes the keyboard; the arrows, Page Up and
 * Page Down, Home and End move among the rows, also among those that are not drawn yet.
 */
export function VirtualTable<T>(props: {
  readonly rows: readonly T[];
  /** Pixels; the style sheet must give every row this height. */
  readonly rowHeight: number;
  readonly columns: number;
  readonly label: string;
  readonly head: ComponentChildren;
  /** The row that takes the keyboard, as an index. */
  readonly current: number;
  /** One `<tr>`; its first button gets the focus. */
  readonly row: (item: T, index: number, tabIndex: 0 | -1) => ComponentChildren;
}) {
  const { rows, rowHeight } = props;
  const [box, size] = useSize<HTMLDivElement>({ width: 0, height: 600 });
  const top = useSignal(0);
  const { height } = size.value;
  const first = Math.max(0, Math.floor(top.value / rowHeight) - SPARE);
  const last = Math.min(rows.length, Math.ceil((top.value + height) / rowHeight) + SPARE);
  const page = Math.max(1, Math.floor(height / rowHeight) - 2);
  const buttonAt = (index: number) =>
    box.current?.querySelector<HTMLElement>(`[aria-rowindex="${index + 2}"] button`);
  const focus = (index: number) => {
    const element = box.current!;
    const head = element.querySelector('thead')?.clientHeight ?? 0;
    const y = index * rowHeight;
    if (y < element.scrollTop) element.scrollTop = y;
    const bottom = element.scrollTop + element.clientHeight - head - rowHeight;
    if (y > bottom) element.scrollTop = y - element.clientHeight + head + rowHeight;
    top.value = element.scrollTop;
    const now = buttonAt(index);
    if (now) now.focus({ preventScroll: true });
    else requestAnimationFrame(() => buttonAt(index)?.focus({ preventScroll: true }));
  };
  const move = (event: KeyboardEvent) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('tbody [aria-rowindex]');
    if (row === null) return;
    const at = Number(row.getAttribute('aria-rowindex')) - 2;
    const step: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const next = step[event.key];
    if (next === undefined) return;
    event.preventDefault();
    focus(Math.min(rows.length - 1, Math.max(0, next)));
  };
  const inSight = props.current >= first && props.current < last;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys move among the buttons inside.
    <div
      ref={box}
      class="virtual"
      onKeyDown={move}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <table class="data" aria-rowcount={rows.length + 1} aria-label={props.label}>
        <thead>{props.head}</thead>
        <tbody>
          <Spacer height={first * rowHeight} columns={props.columns} />
          {rows
            .slice(first, last)
            .map((item, i) =>
              props.row(
                item,
                first + i,
                first + i === props.current || (!inSight && i === 0) ? 0 : -1,
              ),
            )}
          <Spacer height={(rows.length - last) * rowHeight} columns={props.columns} />
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null;
  return (
    <tr class="spacer">
      <td colSpan={columns} style={{ height: `${height}px`, padding: 0, border: 0 }} />
    </tr>
  );
}
