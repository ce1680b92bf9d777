import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { IconName } from './icon.tsx';
import { Icon } from './icon.tsx';

const MARGIN = 8;
const GAP = 4;

/**
 * Puts a fixed box below its anchor, or above where there is more room, inside the window. With `clear`, below
 * or above that whole element, so that the box hides none of it.
 */
function place(box: HTMLElement, anchor: Element, clear: Element = anchor): void {
  const edge = anchor.getBoundingClientRect();
  const inSight = edge.bottom > 0 && edge.top < window.innerHeight;
  box.style.visibility = inSight ? '' : 'hidden';
  // Its own height first: an earlier limit may have been smaller than there is room for now.
  box.style.maxHeight = '';
  const { offsetWidth, offsetHeight } = box;
  const { top, bottom } = clear.getBoundingClientRect();
  const below = window.innerHeight - bottom - GAP - MARGIN;
  const above = top - GAP - MARGIN;
  const up = offsetHeight > below && above > below;
  if (clear !== anchor && offsetHeight > (up ? above : below)) {
    // Neither side of the whole has room: then beside the anchor itself.
    place(box, anchor);
    return;
  }
  const y = up ? top - GAP - Math.min(offsetHeight, above) : bottom + GAP;
  box.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  box.style.top = `${Math.max(MARGIN, y)}px`;
  box.style.left = `${Math.max(MARGIN, Math.min(edge.left, window.innerWidth - MARGIN - offsetWidth))}px`;
}

/**
 * One box that stays open and slides as the pointer moves over its anchors: give it a new `anchor` and new
 * children and it moves instead of closing and opening. Null closes it. It never takes the pointer's
 * events unless `held`, so it cannot come between the pointer and what lies beneath.
 */
export function Popup(props: {
  readonly anchor: Element | null;
  /** What the box must not hide, the anchor's strip or grid; asked for when it is placed. */
  readonly clear?: () => Element | null | undefined;
  /** Locked by a click: the pointer may enter it. */
  readonly held?: boolean;
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { anchor } = props;
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (anchor === null) {
      element.hidePopover();
      return;
    }
    if (!element.matches(':popover-open')) element.showPopover();
    place(element, anchor, props.clear?.() ?? anchor);
  });
  useEffect(() => {
    const element = box.current;
    if (anchor === null || element === null) return;
    const follow = () => place(element, anchor, props.clear?.() ?? anchor);
    window.addEventListener('scroll', follow, { capture: true, passive: true });
    window.addEventListener('resize', follow);
    return () => {
      window.removeEventListener('scroll', follow, { capture: true });
      window.removeEventListener('resize', follow);
    };
  }, [anchor]);
  return (
    <div
      ref={box}
      popover="manual"
      class={`popup${props.held === true ? ' held' : ''}`}
      role="tooltip"
      aria-label={props.label}
    >
      {anchor === null ? null : props.children}
    </div>
  );
}

/** A button that opens a box below it; the platform closes it on Esc and on a click elsewhere. */
export function Menu(props: {
  readonly label: string;
  readonly icon?: IconName;
  /** Words or a value on the button; without them it is the icon alone. */
  readonly face?: ComponentChildren;
  readonly children: ComponentChildren | ((close: () => void) => ComponentChildren);
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const { children, face, icon } = props;
  const close = () => box.current?.hidePopover();
  return (
    <span class="menu">
      <button
        ref={button}
        type="button"
        class={`button quiet${face === undefined ? ' bare' : ''}`}
        popovertarget={id}
        aria-haspopup="true"
        title={props.label}
        aria-label={face === undefined ? props.label : undefined}
      >
        {icon === undefined ? null : <Icon name={icon} />}
        {face}
      </button>
      <div
        ref={box}
        id={id}
        popover="auto"
        class="popup menu-box"
        onToggle={(event) => {
          if (event.newState === 'open' && button.current !== null) {
            place(event.currentTarget, button.current);
          }
        }}
      >
        {typeof children === 'function' ? children(close) : children}
      </div>
    </span>
  );
}
