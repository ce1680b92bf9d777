import { useSignal } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import { attentionPattern, patternLayout } from '../../../src/figures/attention-pattern.ts';
import { palettes } from '../../../src/figures/palette.ts';
import type { PatternMatrix } from '../../../src/figures/pattern-cells.ts';
import { useSize } from '../../components/size.ts';
import { formatProbability, t } from '../../i18n.ts';
import { focus, lock, locked, preview } from '../../state/focus.ts';
import { state } from '../../state/url.ts';

/** Height of the picture at most; longer prompts scroll inside it. A maximised panel has the window's. */
const MOST = 540;
const AROUND_MAXIMISED = 250;

interface CellAt {
  readonly destination: number;
  readonly source: number;
}

/** Side of a cell in px: large for a few tokens, never under what a label needs. */
function cellSize(
  tokens: readonly string[],
  room: { readonly width: number; readonly height: number },
): number {
  const { left, top } = patternLayout(tokens, { heading: 'hidden' });
  const side = Math.min(room.height - top, room.width - left) - 2;
  return Math.max(14, Math.min(36, Math.floor(side / Math.max(1, tokens.length))));
}

/**
 * One pattern, large. Only the cells in sight are drawn, at a layout that follows from the prompt alone,
 * so that neither hovering nor scrolling moves anything, whether there are 5 tokens or 512.
 */
export function PatternView(props: {
  readonly name: string;
  readonly pattern: PatternMatrix;
  readonly tokens: readonly string[];
}) {
  const { pattern, tokens } = props;
  const [box, size] = useSize<HTMLDivElement>({ width: 480, height: MOST });
  const cover = useRef<HTMLDivElement>(null);
  const readout = useId();
  const scroll = useSignal({ left: 0, top: 0 });
  const at = useSignal<CellAt | null>(null);
  const words = t().attention;

  const count = tokens.length;
  const most =
    state.panel.value === 'attention'
      ? Math.max(MOST, window.innerHeight - AROUND_MAXIMISED)
      : MOST;
  const layout = patternLayout(tokens, {
    heading: 'hidden',
    cell: cellSize(tokens, { width: size.value.width, height: most }),
  });
  const { cell } = layout;

  // A cell that is not in the prompt any more is no cell.
  const pointed = at.value !== null && at.value.destination < count ? at.value : null;
  const row = Math.min(count - 1, Math.floor(scroll.value.top / cell));
  const column = Math.min(count - 1, Math.floor(scroll.value.left / cell));
  const fits = (length: number, margin: number) =>
    Math.max(1, Math.floor((length - margin) / cell));
  const drawn = {
    row,
    column,
    rows: Math.min(count - row, fits(size.value.height, layout.top)),
    columns: Math.min(count - column, fits(size.value.width, layout.left)),
  };
  const linked = focus.value.position;
  const mark = pointed ?? { destination: linked, source: linked };

  const cellUnder = (event: MouseEvent): CellAt | null => {
    const area = cover.current?.getBoundingClientRect();
    if (area === undefined) return null;
    const destination = drawn.row + Math.floor((event.clientY - area.top) / cell);
    const source = drawn.column + Math.floor((event.clientX - area.left) / cell);
    const inside = destination >= 0 && source >= 0 && destination < count && source < count;
    return inside ? { destination, source } : null;
  };
  const point = (next: CellAt | null) => {
    const last = at.peek();
    if (last?.destination === next?.destination && last?.source === next?.source) return;
    at.value = next;
    preview(next === null ? null : { position: next.destination });
  };
  const step = (event: KeyboardEvent) => {
    const from = pointed ?? {
      destination: locked.value.position ?? count - 1,
      source: locked.value.position ?? 0,
    };
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      lock({ position: from.destination });
      return;
    }
    const move = MOVES[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const clamp = (value: number) => Math.min(count - 1, Math.max(0, value));
    const [down, right] = move;
    const next = {
      destination: clamp(from.destination + down),
      source: clamp(from.source + right),
    };
    point(next);
    scrollTo(box.current, { next, layout, cell });
  };

  return (
    <div class="pattern">
      <p class="pattern-readout" id={readout} aria-live="polite">
        {pointed === null ? (
          <span class="note">{words.pointHint}</span>
        ) : (
          describeCell(pointed, pattern, tokens)
        )}
      </p>
      <div
        ref={box}
        class="pattern-scroll"
        style={{ height: `${Math.min(most, layout.top + count * cell + 1)}px` }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a picture with a cursor takes the keyboard.
        tabIndex={0}
        role="application"
        aria-label={`${words.view} ${props.name}. ${words.patternKeys}`}
        aria-describedby={readout}
        onKeyDown={step}
        onScroll={(event) => {
          const { scrollLeft: left, scrollTop: top } = event.currentTarget;
          scroll.value = { left, top };
        }}
        onPointerMove={(event) => point(cellUnder(event))}
        onPointerLeave={() => point(null)}
        onClick={(event) => {
          const under = cellUnder(event);
          if (under !== null) lock({ position: under.destination });
        }}
        onBlur={() => point(null)}
      >
        <div
          style={{
            width: `${layout.left + count * cell}px`,
            height: `${layout.top + count * cell}px`,
          }}
        >
          <div class="pattern-window">
            {attentionPattern(
              { pattern, tokens },
              {
                title: `${words.view} ${props.name}`,
                heading: 'hidden',
                palette: palettes.page,
                destinationTitle: words.destination,
                sourceTitle: words.source,
                unit: words.unit,
                cell,
                window: drawn,
                mark,
              },
            )}
            <div
              ref={cover}
              class="pattern-cover"
              data-position={pointed?.destination}
              style={{
                left: `${layout.left}px`,
                top: `${layout.top}px`,
                width: `${drawn.columns * cell}px`,
                height: `${drawn.rows * cell}px`,
              }}
            />
          </div>
        </div>
      </div>
    </div>
  );
}

const MOVES: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
};

/** Scrolls just far enough that a cell is in sight. */
function scrollTo(
  box: HTMLElement | null,
  to: {
    readonly next: CellAt;
    readonly layout: { readonly left: number; readonly top: number };
    readonly cell: number;
  },
): void {
  if (box === null) return;
  const { next, layout, cell } = to;
  const seen = (scrolled: number, length: number, index: number) => {
    const start = index * cell;
    const room = Math.floor(length / cell) * cell;
    return start < scrolled
      ? start
      : start + cell > scrolled + room
        ? start + cell - room
        : scrolled;
  };
  box.scrollTop = seen(box.scrollTop, box.clientHeight - layout.top, next.destination);
  box.scrollLeft = seen(box.scrollLeft, box.clientWidth - layout.left, next.source);
}

/** Both tokens by name and place, and the weight between them. */
function describeCell(
  { destination, source }: CellAt,
  pattern: PatternMatrix,
  tokens: readonly string[],
): string {
  const words = t().attention;
  const name = (position: number) => `${words.quote(tokens[position])} (${position})`;
  if (source > destination) return words.future(name(destination), name(source));
  const value = pattern.values[destination * pattern.columns + source];
  return words.readout(name(destination), name(source), formatProbability(value));
}
