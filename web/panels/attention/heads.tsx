import { useMemo, useRef } from 'preact/hooks';
import { headThumbnail, signedBar } from '../../../src/figures/head-grid.ts';
import { palettes } from '../../../src/figures/palette.ts';
import { formatNumber, t } from '../../i18n.ts';
import { lock, locked } from '../../state/focus.ts';
import { state } from '../../state/url.ts';
import { ordered, patterns, shownHead } from './data.ts';
import { type HeadRow, type HeadSort, headName, scoreOf } from './order.ts';

/** Side of a thumbnail in px: fewer heads, larger pictures; never under 40. */
function thumbnailSize(heads: number): number {
  return heads <= 6 ? 72 : heads <= 8 ? 58 : 44;
}

/** Small multiples of all heads. One of them takes the keyboard; arrows move among them. */
export function HeadGrid() {
  const box = useRef<HTMLDivElement>(null);
  const all = patterns.data.value;
  if (all === undefined) return null;
  const rows = ordered.value;
  const sort = state.headSort.value;
  const size = thumbnailSize(all.heads);
  const reach = rows.reduce((most, { effect = 0 }) => Math.max(most, Math.abs(effect)), 0);
  const current = shownHead.value;
  const kept = locked.value.head;

  const move = (event: KeyboardEvent) => {
    const buttons = [...(box.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = nextIndex(event.key, { at, buttons });
    if (next === undefined || at < 0) return;
    event.preventDefault();
    buttons[next]?.focus();
  };

  return (
    <div
      ref={box}
      class={`heads${sort === 'layer' ? ' by-layer' : ''}`}
      style={{ '--heads': all.heads, '--thumb': `${size}px` }}
      role="toolbar"
      aria-label={`${t().attention.heads}. ${t().attention.gridKeys}`}
      onKeyDown={move}
    >
      {rows.map((row) => (
        <HeadButton
          key={headName(row)}
          row={row}
          size={size}
          reach={reach}
          sort={sort}
          stop={row.layer === current?.layer && row.head === current.head}
          kept={kept !== undefined && row.layer === kept.layer && row.head === kept.head}
        />
      ))}
    </div>
  );
}

/** Where an arrow leads from one of some buttons laid out in lines. */
function nextIndex(
  key: string,
  { at, buttons }: { readonly at: number; readonly buttons: readonly HTMLElement[] },
): number | undefined {
  const last = buttons.length - 1;
  if (key === 'ArrowRight') return Math.min(last, at + 1);
  if (key === 'ArrowLeft') return Math.max(0, at - 1);
  if (key === 'Home') return 0;
  if (key === 'End') return last;
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return undefined;
  // The length of a line follows the width of the panel: count what stands at the first one's height.
  const line = buttons.filter(({ offsetTop }) => offsetTop === buttons[0].offsetTop).length;
  const to = at + (key === 'ArrowDown' ? line : -line);
  return to < 0 || to > last ? at : to;
}

function HeadButton(props: {
  readonly row: HeadRow;
  readonly size: number;
  readonly reach: number;
  readonly sort: HeadSort;
  readonly stop: boolean;
  readonly kept: boolean;
}) {
  const { row, size, sort } = props;
  const all = patterns.data.value;
  const small = all?.small.get(`${row.layer}.${row.head}`);
  const score = scoreOf(row, sort);
  const words = t().attention;
  // The accessible name begins with what is seen, so that speaking the visible words presses the button.
  const value =
    score !== undefined
      ? formatNumber(score.mean)
      : row.effect === undefined
        ? ''
        : formatNumber(row.effect, {
            signed: true,
            digits: props.reach >= 10 && size < 58 ? 1 : 2,
          });
  const unit =
    score !== undefined
      ? `[${formatNumber(score.low)}, ${formatNumber(score.high)}], n = ${score.n}, ${words.sorts[sort]}`
      : row.effect === undefined
        ? ''
        : words.effectUnit;
  const palette = palettes.page;
  const name = headName(row);
  // The same picture object lets the renderer pass over it when only the focus has moved.
  const picture = useMemo(
    () => (small === undefined ? null : headThumbnail(small, { palette, size })),
    [small, size],
  );
  return (
    <button
      type="button"
      class={`head${props.stop ? ' shown' : ''}`}
      data-head={`${row.layer}.${row.head}`}
      tabIndex={props.stop ? 0 : -1}
      aria-pressed={props.kept}
      aria-label={`${name} ${value} ${unit}`.trim()}
      title={`${name} ${value} ${unit}`.trim()}
      onClick={() => lock({ head: { layer: row.layer, head: row.head } })}
    >
      <span class="head-caption">
        <span>{name}</span> <span class="number">{value}</span>
      </span>
      <span class="head-picture">{picture}</span>
      <svg class="head-bar" width={size} height={5} aria-hidden="true">
        {score !== undefined ? (
          <ScoreBar mean={score.mean} low={score.low} high={score.high} width={size} />
        ) : row.effect === undefined ? null : (
          signedBar(row.effect, { palette, reach: props.reach, width: size, height: 5 })
        )}
      </svg>
    </button>
  );
}

/** A score in [0, 1] with its interval, as long as the thumbnail is wide. */
function ScoreBar(props: {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly width: number;
}) {
  const { mean, low, high, width } = props;
  return (
    <g>
      <rect width={width} height={5} fill="var(--gb-hairline)" opacity={0.45} />
      <rect width={mean * width} height={5} fill="var(--gb-line)" />
      <rect
        x={low * width}
        y={1.5}
        width={Math.max(1, (high - low) * width)}
        height={2}
        fill="var(--gb-uncertain)"
      />
    </g>
  );
}
