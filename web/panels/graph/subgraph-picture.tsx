import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { palettes } from '../../../src/figures/palette.ts';
import { SUBGRAPH_MARGIN, subgraph } from '../../../src/figures/subgraph.ts';
import {
  BOX,
  placingOf,
  type SubgraphPlacing,
  subgraphLayout,
} from '../../../src/figures/subgraph-layout.ts';
import { t } from '../../i18n.ts';
import { frozen, preview } from '../../state/focus.ts';
import { choose, chooseGroup, letGo, putAt, remove, rename, toggleExpanded } from './annotate.ts';
import { fromList, groups, pointed } from './data.ts';
import { NameField } from './side.tsx';
import { fixedPlaces, subgraphData, subgraphOptions } from './subgraph-figure.ts';
import type { GraphView, Group } from './view.ts';

/** A pointer that moves less than this many px is a click. */
const STILL = 4;
/** How far an arrow key moves a part, in thousandths, and with Shift. */
const STEP = 12;
const LEAP = 60;

interface Drag extends SubgraphPlacing {
  readonly id: string;
}

/** The parts of the subgraph as figure, with a button over each that is dragged, chosen, renamed and moved by keys. */
export function SubgraphPicture({
  view,
  width,
}: {
  readonly view: GraphView;
  readonly width: number;
}) {
  const words = t().graph;
  const drag = useSignal<Drag | null>(null);
  const editing = useSignal<string | null>(null);
  const hovered = useSignal<string | null>(null);
  const press = useRef<{ id: string; x: number; y: number; from: SubgraphPlacing } | null>(null);
  const wait = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(wait.current), []);
  const data = subgraphData(view);
  if (data === undefined) return <p class="note">{words.subgraphEmpty}</p>;
  const list = groups.value.groups;
  const fixed = fixedPlaces();
  if (drag.value !== null) fixed.set(drag.value.id, drag.value);
  const layout = subgraphLayout(data, { width: width - 2 * SUBGRAPH_MARGIN, fixed });
  const litAt = data.nodes.findIndex(({ id }) => id === hovered.value);
  const figure = subgraph(data, {
    ...subgraphOptions({ palette: palettes.page, heading: 'hidden', width }),
    layout,
    lit: litAt < 0 ? undefined : litAt,
  });
  const point = (group: Group | null) => {
    if (frozen.peek()) return;
    hovered.value = group?.id ?? null;
    const first = group?.members[0] ?? null;
    // What is pointed at here must not change what the side panel lists.
    fromList.value = first !== null;
    pointed.value = first;
    preview(first === null ? null : { position: view.nodes[first].position });
  };
  const click = (group: Group, onName: boolean) => {
    const key = view.nodes[group.members[0]].key;
    const isChosen = data.nodes.find(({ id }) => id === group.id)?.chosen === true;
    clearTimeout(wait.current);
    if (!isChosen) {
      if (group.supernode === null) choose(key);
      else chooseGroup(group.supernode, key);
    }
    // A second click may follow: it lets go, and must neither rename nor release first.
    else wait.current = setTimeout(() => (onName ? (editing.value = group.id) : choose(key)), 260);
  };
  const keys = (event: KeyboardEvent, group: Group, index: number) => {
    const size = event.shiftKey ? LEAP : STEP;
    const { x, y } = placingOf(layout, index);
    const steps: Readonly<Record<string, SubgraphPlacing>> = {
      ArrowLeft: { x: x - size, y },
      ArrowRight: { x: x + size, y },
      ArrowUp: { x, y: y - size },
      ArrowDown: { x, y: y + size },
    };
    const does: Readonly<Record<string, () => void>> = {
      F2: () => {
        editing.value = group.id;
      },
      Home: () => letGo(group.id),
      Delete: () => remove(group.id),
      e: () => {
        if (group.supernode !== null) toggleExpanded(group.id);
      },
    };
    const act = steps[event.key] ? () => putAt(group.id, steps[event.key]) : does[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
    <section class="scroll-x" tabIndex={0} aria-label={words.subgraph}>
      <div
        class="subgraph-picture"
        style={{
          width: `${layout.width + 2 * SUBGRAPH_MARGIN}px`,
          height: `${layout.height + 2 * SUBGRAPH_MARGIN}px`,
        }}
      >
        {figure}
        {list.map((group, i) => {
          const box = layout.boxes[i];
          const { label } = data.nodes[i];
          const place = {
            left: `${box.x + SUBGRAPH_MARGIN}px`,
            top: `${box.y + SUBGRAPH_MARGIN}px`,
            width: `${box.width}px`,
          };
          if (editing.value === group.id) {
            return (
              <div key={group.id} class="subgraph-edit" style={place}>
                <NameField
                  value={label}
                  onDone={(name) => {
                    editing.value = null;
                    if (name) rename(group.supernode ?? view.nodes[group.members[0]].key, name);
                  }}
                />
              </div>
            );
          }
          return (
            <div
              key={group.id}
              class="subgraph-part"
              style={place}
              onPointerEnter={() => point(group)}
              onPointerLeave={() => point(null)}
            >
              <button
                type="button"
                class="subgraph-node"
                data-node={group.id}
                data-position={view.nodes[group.members[0]].position}
                style={{ height: `${BOX.head}px` }}
                title={words.partKeys}
                aria-label={`${label}. ${words.partKeys}`}
                onFocus={() => point(group)}
                onBlur={() => point(null)}
                onKeyDown={(event) => keys(event, group, i)}
                onPointerDown={(event) => {
                  if (event.button !== 0) return;
                  event.currentTarget.setPointerCapture(event.pointerId);
                  const from = placingOf(layout, i);
                  press.current = { id: group.id, x: event.clientX, y: event.clientY, from };
                }}
                onPointerMove={(event) => {
                  const began = press.current;
                  if (began === null) return;
                  const [dx, dy] = [event.clientX - began.x, event.clientY - began.y];
                  if (drag.peek() === null && Math.hypot(dx, dy) < STILL) return;
                  drag.value = {
                    id: began.id,
                    x: began.from.x + (dx / layout.width) * 1000,
                    y: began.from.y + (dy / layout.height) * 1000,
                  };
                }}
                onPointerUp={() => {
                  press.current = null;
                }}
                onPointerCancel={() => {
                  press.current = null;
                  drag.value = null;
                }}
                onClick={(event) => {
                  const moved = drag.peek();
                  drag.value = null;
                  if (moved !== null) {
                    putAt(moved.id, moved);
                    return;
                  }
                  if (event.detail > 1) return;
                  // The keyboard clicks too, with no place: it chooses, and F2 renames.
                  click(group, event.detail === 1 && event.offsetX > 18 && event.offsetY < 18);
                }}
                onDblClick={() => {
                  clearTimeout(wait.current);
                  letGo(group.id);
                }}
              />
              {group.supernode === null ? null : (
                <button
                  type="button"
                  class="subgraph-expand"
                  aria-expanded={isOpen(data, i)}
                  aria-label={`${words.expand}: ${label}`}
                  title={words.expand}
                  onClick={() => toggleExpanded(group.id)}
                >
                  {isOpen(data, i) ? '▾' : '▸'}
                </button>
              )}
              {(data.nodes[i].rows ?? []).map((row, member) => (
                <button
                  key={view.nodes[group.members[member]].key}
                  type="button"
                  class="subgraph-member"
                  style={{ height: `${BOX.row}px` }}
                  data-position={view.nodes[group.members[member]].position}
                  aria-label={row}
                  onClick={() => choose(view.nodes[group.members[member]].key)}
                />
              ))}
            </div>
          );
        })}
      </div>
    </section>
  );
}

function isOpen(data: NonNullable<ReturnType<typeof subgraphData>>, index: number): boolean {
  return (data.nodes[index].rows ?? []).length > 0;
}
