import { computed, effect, signal } from '@preact/signals';
import type { HeadId } from './fields.ts';
import { setState, state } from './url.ts';

/** What the reader points at: a token, a row of the lens, a head, or several of them at once. */
export interface Focus {
  /** Token position in the prompt, from 0. */
  readonly position?: number;
  /** Row of the lens: 0 is the stream entering the first block, l + 1 the one leaving block l. */
  readonly layer?: number;
  readonly head?: HeadId;
}

const hover = signal<Focus | null>(null);

/** Held with Shift: what is shown stays while the pointer moves elsewhere. */
export const frozen = signal(false);

/** What the pointer (or the keyboard) is on; null when it is on nothing. */
export const hovered = computed(() => hover.value);

/** Reports what the pointer is on. Ignored while frozen. */
export function preview(focus: Focus | null): void {
  if (frozen.value || sameFocus(hover.peek(), focus)) return;
  hover.value = focus;
}

/** What was clicked; it lives in the address. */
export const locked = computed<Focus>(() => ({
  position: state.position.value ?? undefined,
  layer: state.layer.value ?? undefined,
  head: state.head.value ?? undefined,
}));

/** What to show: the hover where there is one, else what is locked. */
export const focus = computed<Focus>(() => ({ ...locked.value, ...dropUndefined(hover.value) }));

/** Locks what was clicked; the same click again releases it. */
export function lock(focus: Focus): void {
  const { position, layer, head } = locked.peek();
  const again =
    (focus.position === undefined || focus.position === position) &&
    (focus.layer === undefined || focus.layer === layer) &&
    (focus.head === undefined || sameHead(focus.head, head));
  const change: { -readonly [K in keyof Focus]?: Focus[K] | null } = {};
  if (focus.position !== undefined) change.position = again ? null : focus.position;
  if (focus.layer !== undefined) change.layer = again ? null : focus.layer;
  if (focus.head !== undefined) change.head = again ? null : focus.head;
  setState(change as Parameters<typeof setState>[0]);
}

/** Releases every lock (Esc). True when there was one. */
export function release(): boolean {
  hover.value = null;
  const { position, layer, head } = locked.peek();
  const chosen = [state.node, state.edge, state.circuitNode, state.compared].some(
    (one) => one.peek() !== '',
  );
  if (position === undefined && layer === undefined && head === undefined && !chosen) return false;
  setState({
    position: null,
    layer: null,
    head: null,
    node: '',
    edge: '',
    circuitNode: '',
    compared: '',
  });
  return true;
}

function sameHead(a: HeadId | undefined, b: HeadId | undefined): boolean {
  return a?.layer === b?.layer && a?.head === b?.head;
}

function sameFocus(a: Focus | null, b: Focus | null): boolean {
  return a?.position === b?.position && a?.layer === b?.layer && sameHead(a?.head, b?.head);
}

function dropUndefined(focus: Focus | null): Focus {
  return Object.fromEntries(Object.entries(focus ?? {}).filter(([, value]) => value !== undefined));
}

/** The focus that an element carries in `data-position`, `data-layer` and `data-head="3.1"`. */
export function focusOf(target: EventTarget | null): Focus | null {
  const element = target instanceof Element ? target.closest<HTMLElement>(FOCUSABLE) : null;
  if (element === null) return null;
  const { position, layer, head } = element.dataset;
  const [headLayer, headNumber] = head?.split('.').map(Number) ?? [];
  return {
    position: position === undefined ? undefined : Number(position),
    layer: layer === undefined ? undefined : Number(layer),
    head: head === undefined ? undefined : { layer: headLayer, head: headNumber },
  };
}

const FOCUSABLE = '[data-position], [data-layer], [data-head]';

/**
 * Linked highlighting without drawing anything anew: one style sheet marks every element that carries the
 * focused position, layer or head, in whichever panel it is.
 */
export function startHighlighting(): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  effect(() => {
    const rules = [...marks(locked.value, 'locked'), ...marks(hover.value ?? {}, 'lit')];
    sheet.replaceSync(rules.join('\n'));
  });
  const freeze = (held: boolean) => (event: KeyboardEvent) => {
    if (event.key === 'Shift') frozen.value = held;
  };
  window.addEventListener('keydown', freeze(true));
  window.addEventListener('keyup', freeze(false));
  window.addEventListener('blur', () => {
    frozen.value = false;
  });
  document.addEventListener('pointerover', (event) => preview(focusOf(event.target)));
  document.addEventListener('focusin', (event) => preview(focusOf(event.target)));
  document.documentElement.addEventListener('pointerleave', () => preview(null));
}

function marks({ position, layer, head }: Focus, kind: 'locked' | 'lit'): string[] {
  // Twice: one name for elements that stand for one thing, one per axis for cells of a grid.
  const rule = (axis: string) =>
    `{ --mark: var(--mark-${kind}); --mark-${axis}: var(--mark-${kind}); }`;
  const out: string[] = [];
  if (position !== undefined) out.push(`[data-position="${position}"] ${rule('position')}`);
  if (layer !== undefined) out.push(`[data-layer="${layer}"] ${rule('layer')}`);
  if (head !== undefined) out.push(`[data-head="${head.layer}.${head.head}"] ${rule('head')}`);
  return out;
}
