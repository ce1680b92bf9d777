import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { IconName } from './icon.tsx';
import { Icon } from './icon.tsx';

const MARGIN = 8;
const GAP = 4;

/** Puts a fixed box below its anchor, or above where there is more room, inside the window. */
function place(box: HTMLElement, anchor: DOMRect): void {
  const { offsetWidth, offsetHeight } = box;
  const below = window.innerHeight - anchor.bottom - GAP - MARGIN;
  const above = anchor.top - GAP - MARGIN;
  const up = offsetHeight > below && above > below;
  const top = up ? anchor.top - GAP - Math.min(offsetHeight, above) : anchor.bottom + GAP;
  const left = Math.min(anchor.left, window.innerWidth - MARGIN - offsetWidth);
  box.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  box.style.top = `${Math.max(MARGIN, top)}px`;
  box.style.left = `${Math.max(MARGIN, left)}px`;
}

/**
 * One box that stays open and slides as the pointer moves over its anchors: give it a new `anchor` and new
 * children and it moves instead of closing and opening. Null closes it. It never takes the pointer's
 * events unless `held`, so it cannot come between the pointer and what lies beneath.
 */
export function Popup(props: {
  readonly anchor: Element | null;
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
    place(element, anchor.getBoundingClientRect());
  });
  useEffect(() => {
    const element = box.current;
    if (anchor === null || element === null) return;
    const follow = () => place(element, anchor.getBoundingClientRect());
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
            place(event.currentTarget, button.current.getBoundingClientRect());
          }
        }}
      >
        {typeof children === 'function' ? children(close) : children}
      </div>
    </span>
  );
}
