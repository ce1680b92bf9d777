import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Button, Select } from '../../components/controls.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { press, rename, togglePin } from './annotate.ts';
import {
  chosen,
  inputs,
  logitName,
  nodeLabel,
  nodeTitle,
  outputs,
  renamed,
  shownNode,
  sourceOf,
  splitLink,
  splitScore,
  tokenName,
} from './data.ts';
import { differenceKey } from './filter.ts';
import { Overview } from './overview.tsx';
import type { Connection, GraphNode, GraphView } from './view.ts';

/** Rows per list and sign. */
const LISTED = 6;

/** The node in question, what feeds it and what it feeds. */
export function Side({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const index = shownNode.value;
  const node = index === undefined ? undefined : view.nodes[index];
  return (
    <div class="graph-side">
      {node === undefined || index === undefined ? (
        <Overview view={view} />
      ) : (
        <>
          <NodeCard node={node} view={view} fixed={chosen.value === index} />
          <div class="graph-connections">
            <Connections
              title={words.inputs}
              list={inputs.value}
              view={view}
              of={node}
              side="inputs"
            />
            <Connections
              title={words.outputs}
              list={outputs.value}
              view={view}
              of={node}
              side="outputs"
            />
          </div>
        </>
      )}
    </div>
  );
}

function NodeCard(props: {
  readonly node: GraphNode;
  readonly view: GraphView;
  readonly fixed: boolean;
}) {
  const { node, view } = props;
  const words = t().graph;
  const editing = useSignal(false);
  const from = sourceOf(node);
  const pinned = state.pins.value.includes(node.key);
  useEffect(() => {
    editing.value = false;
  }, [node.key]);
  return (
    <div class="node-card">
      <h3
        onDblClick={() => {
          editing.value = true;
        }}
      >
        {editing.value ? (
          <NameField
            value={renamed.value.get(node.key) ?? nodeLabel(node)}
            onDone={(name) => {
              editing.value = false;
              if (name !== null) rename(node.key, name === node.label ? '' : name);
            }}
          />
        ) : (
          nodeLabel(node)
        )}{' '}
        <span class="note">
          {words.kinds[node.kind]} · {view.tokens[node.position]} ({node.position})
        </span>
        {from === undefined ? null : <span class="note"> · {t().features.importedFrom(from)}</span>}
      </h3>
      <dl class="facts">
        {node.activation === null ? null : (
          <div>
            <dt>{words.activation}</dt>
            <dd class="number">{formatNumber(node.activation, { digits: 3 })}</dd>
          </div>
        )}
        {node.probability === null ? null : (
          <div>
            <dt>{words.probability}</dt>
            <dd class="number">{formatProbability(node.probability)}</dd>
          </div>
        )}
        {node.kind === 'logit' ? null : (
          <div>
            <dt>{words.influence}</dt>
            <dd class="number">{formatNumber(node.influence, { digits: 3 })}</dd>
          </div>
        )}
        {node.kind === 'feature' || node.kind === 'logit' ? (
          <div>
            <dt>{words.errorInput}</dt>
            <dd class="number">{formatProbability(node.errorShare)}</dd>
          </div>
        ) : null}
      </dl>
      <div class="node-actions">
        {props.fixed ? (
          <Button icon="previous" onClick={() => setState({ node: '' })}>
            {words.backToList}
          </Button>
        ) : null}
        <Button pressed={pinned} onClick={() => togglePin(node.key)}>
          {pinned ? words.unpin : words.pin}
        </Button>
        <Button
          onClick={() => {
            editing.value = true;
          }}
        >
          {words.rename}
        </Button>
        {node.kind === 'feature' && view.file === null ? (
          <Button
            onClick={() => {
              setState({ feature: `${node.layer}.${node.index}` });
              document.querySelector('[data-panel=features]')?.scrollIntoView({ block: 'nearest' });
            }}
          >
            {words.showFeature}
          </Button>
        ) : null}
        {node.kind === 'logit' ? <Difference node={node} view={view} /> : null}
      </div>
    </div>
  );
}

/** Makes a node of this logit minus another one of the graph. */
function Difference({ node, view }: { readonly node: GraphNode; readonly view: GraphView }) {
  const words = t().graph;
  const logits = view.nodes.filter(({ kind, probability }) => {
    return kind === 'logit' && probability !== null;
  });
  if (logits.length < 2) return null;
  const made = state.logitPair.value;
  if (node.probability === null) {
    const [plus, minus] = made.map((key) => view.nodes[view.indexOf.get(key) ?? -1]);
    // The picture subtracts the links it shows; a trace of the difference itself has all of them.
    return (
      <>
        <Button onClick={() => setState({ logitPair: [], node: '' })}>
          {words.dropDifference}
        </Button>
        {view.file === null && plus !== undefined && minus !== undefined ? (
          <Button
            label={words.traceDifferenceHint}
            onClick={() =>
              setState({
                target: `#${plus.index}`,
                distractor: `#${minus.index}`,
                logitPair: [],
                node: '',
              })
            }
          >
            {words.traceDifference}
          </Button>
        ) : null}
      </>
    );
  }
  return (
    <Select
      label={words.difference}
      hint={words.differenceHint}
      value=""
      options={[
        { value: '', label: '–' },
        ...logits
          .filter(({ key }) => key !== node.key)
          .map((other) => ({ value: other.key, label: logitName(other) })),
      ]}
      onChange={(other) => {
        if (other !== '') {
          setState({ logitPair: [node.key, other], node: differenceKey(node.key, other) });
        }
      }}
    />
  );
}

/** A name being written: Enter keeps it, Esc does not. */
export function NameField(props: {
  readonly value: string;
  readonly onDone: (name: string | null) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const ended = useRef(false);
  useLayoutEffect(() => input.current?.select(), []);
  // A field that is taken away loses the focus, which must not end it a second time.
  const end = (name: string | null) => {
    if (ended.current) return;
    ended.current = true;
    props.onDone(name);
  };
  return (
    <input
      type="text"
      class="name-field"
      aria-label={t().graph.nameOf}
      value={props.value}
      ref={input}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') end(event.currentTarget.value.trim());
        if (event.key === 'Escape') end(null);
      }}
      onBlur={(event) => end(event.currentTarget.value.trim())}
    />
  );
}

function Connections(props: {
  readonly title: string;
  readonly list: readonly Connection[];
  readonly view: GraphView;
  readonly of: GraphNode;
  readonly side: 'inputs' | 'outputs';
}) {
  const { list, title } = props;
  const words = t().graph;
  if (list.length === 0) return null;
  const reach = list.reduce((most, { share }) => Math.max(most, Math.abs(share)), 1e-12);
  const signs = [
    { name: words.positive, own: list.filter(({ weight }) => weight >= 0) },
    { name: words.negative, own: list.filter(({ weight }) => weight < 0) },
  ].filter(({ own }) => own.length > 0);
  return (
    <section>
      <h3 title={words.unitInput}>{title}</h3>
      {/* Among outputs the two disagree: every one of them has another receiving node. */}
      {props.side === 'outputs' ? <p class="note">{words.unitInput}</p> : null}
      {signs.map(({ name, own }) => (
        <Signed key={name} name={name} own={own} reach={reach} {...props} />
      ))}
    </section>
  );
}

/** The links of one sign, the strongest first; the rest by button. */
function Signed(props: RowProps & { readonly name: string; readonly own: readonly Connection[] }) {
  const { name, own, ...rest } = props;
  const words = t().graph;
  const all = useSignal(false);
  useEffect(() => {
    all.value = false;
  }, [props.of.key]);
  const shown = all.value ? own : own.slice(0, LISTED);
  return (
    <div class="connection-list">
      <p class="note">
        {name} ·{' '}
        {shown.length < own.length ? (
          <button
            type="button"
            class="more-button"
            onClick={() => {
              all.value = true;
            }}
          >
            {words.showAllOf(formatCount(shown.length), formatCount(own.length))}
          </button>
        ) : (
          formatCount(own.length)
        )}
      </p>
      <ul>
        {shown.map((one) => (
          <Row key={one.link} one={one} {...rest} />
        ))}
      </ul>
    </div>
  );
}

interface RowProps {
  /** The largest share of the list. */
  readonly reach: number;
  readonly view: GraphView;
  readonly of: GraphNode;
  readonly side: 'inputs' | 'outputs';
}

function Row(props: RowProps & { readonly one: Connection }) {
  const { one, view, of, side } = props;
  const words = t().graph;
  const other = view.nodes[one.node];
  const [source, target] = side === 'inputs' ? [other, of] : [of, other];
  // The difference of two logits has no link of its own to split.
  const real = target.kind !== 'logit' || target.probability !== null;
  const split = view.file === null && real;
  return (
    <li>
      <button
        type="button"
        class="connection"
        data-position={other.position}
        onClick={(event) => press(other.key, event)}
        title={`${nodeTitle(other)} · ${formatProbability(Math.abs(one.share))} ${words.ofInput}`}
        style={{
          '--share': `${(Math.abs(one.share) / props.reach) * 100}%`,
          '--sign': `var(--gb-${one.weight < 0 ? 'negative' : 'positive'})`,
        }}
      >
        <span class="connection-name">{nodeLabel(other)}</span>
        <span class="connection-token token-text">
          {other.kind === 'token' ? '' : tokenName(other.position)}
        </span>
        <span class="number">{formatNumber(one.weight, { signed: true })}</span>
      </button>
      {split ? (
        <button
          type="button"
          class="heads-button"
          title={words.headsOf(nodeLabel(source), nodeLabel(target))}
          aria-label={words.headsOf(nodeLabel(source), nodeLabel(target))}
          onClick={() => {
            splitScore.value = null;
            splitLink.value = { source: source.key, target: target.key };
          }}
        >
          {words.heads}
        </button>
      ) : null}
    </li>
  );
}
