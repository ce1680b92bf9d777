import { useRef } from 'preact/hooks';
import { formatCount, formatNumber, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import {
  chooseEdge,
  chooseNode,
  chosenEdge,
  found,
  headOf,
  listed,
  point,
  pointed,
  selection,
  togglePin,
} from './data.ts';
import { type CircuitView, MOST_LISTED, statusOf } from './view.ts';

/** All edges, the strongest first; hovering shows one in the diagram. */
export function EdgeTable({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const box = useRef<HTMLDivElement>(null);
  const all = listed.value;
  const rows = all.slice(0, MOST_LISTED);
  const unit = words.units[found.data.value?.unit ?? 'logits'];

  const step = (event: KeyboardEvent) => {
    const at = pointed.peek();
    const current = at !== null && 'edge' in at ? at.edge : chosenEdge.peek();
    const place = current === undefined ? -1 : rows.indexOf(current);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const next = place + (event.key === 'ArrowDown' ? 1 : -1);
      const edge = rows[Math.max(0, Math.min(rows.length - 1, next))];
      if (edge === undefined) return;
      point({ edge });
      box.current?.querySelector(`[data-row="${edge}"]`)?.scrollIntoView({ block: 'nearest' });
      return;
    }
    if (current === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      chooseEdge(current);
    }
    if (event.key === 'p' && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      togglePin(circuit.edges[current].name);
    }
  };

  return (
    <section class="circuit-list">
      <h3 id="circuit-edges">
        {words.edgeList}{' '}
        <span class="note" title={words.scoreHint(unit)}>
          {unit}
        </span>
      </h3>
      <span class="field circuit-search">
        <label for="circuit-search">{words.search}</label>
        <input
          id="circuit-search"
          type="text"
          class="mono"
          value={state.edgeSearch.value}
          placeholder="a3.h0"
          title={words.searchHint}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) =>
            setState({ edgeSearch: event.currentTarget.value }, { history: 'replace' })
          }
        />
      </span>
      <div
        ref={box}
        class="circuit-rows"
        role="group"
        aria-label={`${words.edgeList}. ${words.listKeys}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
        tabIndex={0}
        onKeyDown={step}
        onPointerLeave={() => point(null)}
        onBlur={() => point(null)}
      >
        <table class="data">
          <thead>
            <tr>
              <th scope="col">
                <span class="visually-hidden">{words.inCircuit}</span>
              </th>
              <th scope="col">{words.source}</th>
              <th scope="col">{words.target}</th>
              <th scope="col" colSpan={2} title={words.scoreHint(unit)}>
                {words.score}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((i) => (
              <Row key={circuit.edges[i].name} circuit={circuit} index={i} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 ? <p class="note">{words.none}</p> : null}
      </div>
      <p class="note">{words.listing(formatCount(rows.length), formatCount(all.length))}</p>
    </section>
  );
}

function Row(props: { readonly circuit: CircuitView; readonly index: number }) {
  const { circuit, index } = props;
  const words = t().circuits;
  const { name, from, to, input, score } = circuit.edges[index];
  const own = selection.value;
  const status = own === undefined ? 'cut' : statusOf(own, index);
  const share = circuit.reach > 0 ? (Math.abs(score) / circuit.reach) * 100 : 0;
  const pinned = state.circuitPins.value.includes(name);
  return (
    <tr
      data-status={status}
      data-row={index}
      onPointerEnter={() => point({ edge: index })}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey) togglePin(name);
        else if ((event.target as Element).closest('button') === null) chooseEdge(index);
      }}
    >
      <td>
        <span class="circuit-status" title={words.status[status]}>
          {status === 'circuit' ? '●' : status === 'dead' ? '○' : ''}
          {pinned ? '◆' : ''}
          <span class="visually-hidden">{words.status[status]}</span>
        </span>
      </td>
      <td>
        <NodeButton name={from} />
      </td>
      <td>
        <NodeButton name={to} input={input} />
      </td>
      <td class="circuit-bar" aria-hidden="true">
        <span
          class={score < 0 ? 'negative' : 'positive'}
          style={{ width: `${Math.max(share, score === 0 ? 0 : 1)}%` }}
        />
      </td>
      <td class="number">{formatNumber(score, { digits: scoreDigits(circuit), signed: true })}</td>
    </tr>
  );
}

/** Decimals that tell the strongest edges apart. */
function scoreDigits({ reach }: CircuitView): number {
  return reach >= 1 ? 2 : reach >= 0.01 ? 4 : 6;
}

/** A node by name; a head is then shown in the attention panel. */
export function NodeButton(props: {
  readonly name: string;
  readonly input?: 'q' | 'k' | 'v' | null;
}) {
  const { name, input } = props;
  const head = headOf(name);
  return (
    <button
      type="button"
      class="node-button mono"
      tabIndex={-1}
      data-head={head === undefined ? undefined : `${head.layer}.${head.head}`}
      aria-pressed={state.circuitNode.value === name}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey) return;
        chooseNode(name);
      }}
    >
      {name}
      {input === null || input === undefined ? null : <span class="node-input">{input}</span>}
    </button>
  );
}
