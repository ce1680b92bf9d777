import { useEffect } from 'preact/hooks';
import { Button, Field } from '../../components/controls.tsx';
import { formatCount, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { choose } from './annotate.ts';
import { found, matches, view } from './data.ts';

/** Chooses the next or the previous node that the search found, in the order of the list. */
export function stepFound(step: 1 | -1): void {
  const order = found.peek();
  const graph = view.peek();
  if (graph === undefined || order.length === 0) return;
  const at = order.findIndex((i) => graph.nodes[i].key === state.node.peek());
  const next = at < 0 ? (step > 0 ? 0 : order.length - 1) : at + step;
  const node = graph.nodes[order[(next + order.length) % order.length]];
  if (node.key !== state.node.peek()) choose(node.key);
}

/** [ and ] go through what was found while the panel is in use; elsewhere they leaf through examples. */
export function useFoundKeys(): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== '[' && event.key !== ']') return;
      if (event.ctrlKey || event.metaKey || matches.peek() === undefined) return;
      const { target } = event;
      if (target instanceof Element && target.closest('input, textarea, select, dialog')) return;
      const panel = document.querySelector('[data-panel=graph]');
      const inUse =
        panel?.matches(':hover') === true ||
        panel?.contains(document.activeElement) === true ||
        state.panel.peek() === 'graph';
      if (!inUse) return;
      event.preventDefault();
      stepFound(event.key === ']' ? 1 : -1);
    };
    window.addEventListener('keydown', listen, { capture: true });
    return () => window.removeEventListener('keydown', listen, { capture: true });
  }, []);
}

/** Finds nodes by their labels. */
export function LabelSearch() {
  const words = t().graph;
  const order = found.value;
  const at = order.findIndex((i) => view.value?.nodes[i].key === state.node.value);
  return (
    <Field label={words.search}>
      {(id) => (
        <>
          <input
            id={id}
            type="search"
            class="label-search"
            value={state.label.value}
            onInput={(event) =>
              setState({ label: event.currentTarget.value }, { history: 'replace' })
            }
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.isComposing) return;
              event.preventDefault();
              stepFound(event.shiftKey ? -1 : 1);
            }}
          />
          {matches.value === undefined ? null : (
            <>
              <output for={id}>
                {at < 0
                  ? words.found(formatCount(order.length))
                  : words.foundAt(formatCount(at + 1), formatCount(order.length))}
              </output>
              <Button
                kind="quiet"
                label={`${words.previousFound} [`}
                icon="previous"
                disabled={order.length === 0}
                onClick={() => stepFound(-1)}
              />
              <Button
                kind="quiet"
                label={`${words.nextFound} ]`}
                icon="next"
                disabled={order.length === 0}
                onClick={() => stepFound(1)}
              />
            </>
          )}
        </>
      )}
    </Field>
  );
}
