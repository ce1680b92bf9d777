import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { LensResponse } from '../../../src/lab/api.ts';
import { tint } from '../../components/shade.ts';
import { useSize } from '../../components/size.ts';
import { TokenText, tokenText } from '../../components/token.tsx';
import { formatCount, t } from '../../i18n.ts';
import { frozen, lock, locked, preview, state } from '../../state/index.ts';
import { cellShare, cellValue, columnWidth, shadeReach, visibleColumns } from './data.ts';
import { layerName, valueText } from './names.ts';
import { LensPopup } from './popup.tsx';

/** Room for the names of the layers, in px. */
const NAMES = 48;
/** What the columns cannot use: the names and the border, in px. */
const AROUND = NAMES + 2;

interface Place {
  readonly layer: number;
  readonly position: number;
}

/**
 * Layers up, positions across: the prompt stands below, the last layer on top, as the stream flows. Only the
 * columns in sight are drawn. One tab stop; the arrow keys move, Enter locks.
 */
export function LensGrid({ data }: { readonly data: LensResponse }) {
  const id = useId();
  const [frame, size] = useSize<HTMLDivElement>({ width: 640 + AROUND, height: 0 });
  const box = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const viewport = size.value.width - AROUND;
  const anchor = useSignal<HTMLElement | null>(null);
  const keyed = useSignal<Place | null>(null);
  const positions = data.tokens.length;
  const layers = data.layers.length;

  const width = columnWidth({
    viewport,
    count: positions,
    most: state.panel.value === 'lens' ? 160 : 104,
  });
  const { start, end } = visibleColumns({
    count: positions,
    width,
    scroll: scroll.value,
    viewport,
  });
  const cellId = ({ layer, position }: Place) => `${id}-${layer}-${position}`;
  const at = currentPlace(keyed.value, { layers, positions });

  const held = heldPlace({ layers, positions });
  const heldId = held === null ? null : cellId(held);
  useEffect(() => {
    // A lock from a link or another panel: show it, and hang the popup on its cell.
    if (held === null || box.current === null) return;
    reveal(box.current, held.position * width, width);
    anchor.value = document.getElementById(cellId(held));
  }, [heldId, width, data]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      lock(at);
      return;
    }
    const next = move(at, event.key, { layers, positions });
    if (next === null) return;
    event.preventDefault();
    keyed.value = next;
    if (box.current !== null) reveal(box.current, next.position * width, width);
    preview(next);
    requestAnimationFrame(() => {
      anchor.value = document.getElementById(cellId(next));
    });
  };
  const track = (event: Event) => {
    if (frozen.peek()) return;
    const { target } = event;
    const cell = target instanceof Element ? target.closest<HTMLElement>('.lens-cell') : null;
    if (cell !== null) anchor.value = cell;
  };

  return (
    <div ref={frame}>
      <div
        ref={box}
        class="lens-grid"
        role="grid"
        aria-label={t().lens.grid}
        aria-rowcount={layers + 1}
        aria-colcount={positions + 1}
        aria-activedescendant={at.position >= start && at.position < end ? cellId(at) : undefined}
        tabIndex={0}
        onScroll={(event) => {
          scroll.value = event.currentTarget.scrollLeft;
        }}
        onKeyDown={onKeyDown}
        onPointerOver={track}
        onFocus={() => {
          if (box.current !== null) reveal(box.current, at.position * width, width);
          preview(at);
        }}
        onBlur={() => preview(null)}
        style={{ '--column': `${width}px`, '--names': `${NAMES}px`, '--count': positions }}
      >
        {data.layers.map((_, index) => {
          const layer = layers - 1 - index;
          return (
            <LensRow
              key={layer}
              data={data}
              layer={layer}
              columns={{ start, end, width }}
              held={held}
              at={at}
              cellId={cellId}
            />
          );
        })}
        <TokenRow data={data} columns={{ start, end, width }} />
      </div>
      <LensPopup data={data} anchor={anchor} held={held} />
    </div>
  );
}

interface Columns {
  readonly start: number;
  readonly end: number;
  readonly width: number;
}

function LensRow(props: {
  readonly data: LensResponse;
  readonly layer: number;
  readonly columns: Columns;
  readonly held: Place | null;
  /** Where the keyboard is. */
  readonly at: Place;
  readonly cellId: (place: Place) => string;
}) {
  const { data, layer, columns, held } = props;
  const shade = state.lensShade.value;
  const reach = shadeReach(data, shade);
  return (
    <div class="lens-row" role="row" aria-rowindex={data.layers.length - layer} tabIndex={-1}>
      <span
        class="lens-name"
        role="rowheader"
        aria-colindex={1}
        tabIndex={-1}
        data-layer={layer}
        title={data.layers[layer]}
      >
        {layerName(data, layer)}
      </span>
      <Spacer width={columns.start * columns.width} />
      {data.tokens.slice(columns.start, columns.end).map((_, offset) => {
        const position = columns.start + offset;
        const value = cellValue(data, shade, { layer, position });
        const top = data.top[layer][position][0];
        const isAt = props.at.layer === layer && props.at.position === position;
        const isTarget = data.target.rank[layer][position] === 0;
        const isHeld = held?.layer === layer && held.position === position;
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles the keys of all its cells.
          <span
            key={position}
            id={props.cellId({ layer, position })}
            class={`lens-cell${isHeld ? ' held' : ''}${isTarget ? ' target' : ''}${isAt ? ' at' : ''}`}
            role="gridcell"
            tabIndex={-1}
            aria-colindex={position + 2}
            aria-selected={isHeld}
            aria-label={`${cellLabel(data, { layer, position })}: ${tokenText(top?.text ?? '')} ${valueText(shade, value)}`}
            data-position={position}
            data-layer={layer}
            style={tint('magnitude', cellShare(value, shade, reach))}
            onClick={() => lock({ layer, position })}
          >
            <TokenText text={top?.text ?? ''} />
            <span class="lens-value">{valueText(shade, value)}</span>
          </span>
        );
      })}
    </div>
  );
}

function TokenRow({ data, columns }: { readonly data: LensResponse; readonly columns: Columns }) {
  return (
    <div
      class="lens-row lens-tokens"
      role="row"
      aria-rowindex={data.layers.length + 1}
      tabIndex={-1}
    >
      <span class="lens-name" role="rowheader" aria-colindex={1} tabIndex={-1}>
        {t().terms.token}
      </span>
      <Spacer width={columns.start * columns.width} />
      {data.tokens.slice(columns.start, columns.end).map((token, offset) => {
        const position = columns.start + offset;
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the strip offers the same to the keyboard.
          <span
            key={position}
            class="lens-token"
            role="columnheader"
            tabIndex={-1}
            aria-colindex={position + 2}
            data-position={position}
            onClick={() => lock({ position })}
          >
            <TokenText text={data.groups[token.group].text} />
            <span class="note number">{formatCount(position)}</span>
          </span>
        );
      })}
    </div>
  );
}

/** Stands for the columns that are scrolled out and not drawn. */
function Spacer({ width }: { readonly width: number }) {
  return width === 0 ? null : (
    <span role="presentation" style={{ flex: 'none', width: `${width}px` }} />
  );
}

function cellLabel(data: LensResponse, { layer, position }: Place): string {
  const token = data.tokens[position];
  return t().lens.cell(
    layerName(data, layer),
    formatCount(position),
    tokenText(data.groups[token.group].text),
  );
}

interface Size {
  readonly layers: number;
  readonly positions: number;
}

/** The locked cell; null when no cell is, or when the prompt has become too short for it. */
function heldPlace({ layers, positions }: Size): Place | null {
  const { layer, position } = locked.value;
  if (layer === undefined || position === undefined) return null;
  return layer < layers && position < positions ? { layer, position } : null;
}

/** Where the keyboard is: where it was moved to, else what is locked, or the answer. */
function currentPlace(keyed: Place | null, { layers, positions }: Size): Place {
  const { layer, position } = { ...locked.value, ...keyed };
  return {
    layer: Math.min(layer ?? layers - 1, layers - 1),
    position: Math.min(position ?? positions - 1, positions - 1),
  };
}

/** The next cell for a key; null when the key is none of the grid's. Up is a later layer. */
function move({ layer, position }: Place, key: string, { layers, positions }: Size): Place | null {
  const steps: Readonly<Record<string, Place>> = {
    ArrowUp: { layer: layer + 1, position },
    ArrowDown: { layer: layer - 1, position },
    ArrowLeft: { layer, position: position - 1 },
    ArrowRight: { layer, position: position + 1 },
    Home: { layer, position: 0 },
    End: { layer, position: positions - 1 },
    PageUp: { layer: layers - 1, position },
    PageDown: { layer: 0, position },
  };
  const next = steps[key];
  if (next === undefined) return null;
  return {
    layer: Math.max(0, Math.min(layers - 1, next.layer)),
    position: Math.max(0, Math.min(positions - 1, next.position)),
  };
}

/** Scrolls sideways only, and only when the column is out of sight. */
function reveal(box: HTMLElement, left: number, width: number): void {
  const room = box.clientWidth - NAMES;
  if (left < box.scrollLeft) box.scrollLeft = left;
  else if (left + width > box.scrollLeft + room) box.scrollLeft = left + width - room;
}
