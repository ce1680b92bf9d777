import { useMemo } from 'preact/hooks';
import { markColours } from '../../../src/figures/attribution-graph.ts';
import { markPath } from '../../../src/figures/graph-layout.ts';
import { palettes } from '../../../src/figures/palette.ts';
import { Button, Segments } from '../../components/controls.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { NODE_LISTS } from '../../state/fields.ts';
import { preview } from '../../state/focus.ts';
import { setState, state } from '../../state/url.ts';
import { press } from './annotate.ts';
import { fromList, matches, nodeLabel, nodeTitle, pointed, tokenName } from './data.ts';
import { shelves } from './lists.ts';
import { strongestPaths } from './paths.ts';
import type { GraphNode, GraphView } from './view.ts';

/** Chains that are listed. */
const PATHS = 5;
/** Rows without groups, and per group. */
const ROWS = 30;
const ROWS_OF_GROUP = 6;

/** A node's mark as in the picture. */
export function Mark({ kind }: { readonly kind: GraphNode['kind'] }) {
  return (
    <svg class="node-mark" width="10" height="10" viewBox="-5 -5 10 10" aria-hidden="true">
      <path d={markPath(kind, 4)} {...markColours({ kind, strength: 0.6 }, palettes.page)} />
    </svg>
  );
}

function pointAt(view: GraphView, index: number | null): void {
  fromList.value = index !== null;
  pointed.value = index;
  preview(index === null ? null : { position: view.nodes[index].position });
}

/** A node's name as a button: pointing at it shows the node in the picture, a click chooses it. */
function NodeButton(props: {
  readonly view: GraphView;
  readonly index: number;
  readonly class: string;
  /** The longest bar of its list; none without. */
  readonly reach?: number;
}) {
  const { view, index, reach } = props;
  const node = view.nodes[index];
  const bar = reach === undefined ? undefined : { '--share': `${(node.influence / reach) * 100}%` };
  return (
    <button
      type="button"
      class={props.class}
      data-position={node.position}
      data-node={node.key}
      title={nodeTitle(node)}
      style={bar}
      onPointerEnter={() => pointAt(view, index)}
      onPointerLeave={() => pointAt(view, null)}
      onFocus={() => pointAt(view, index)}
      onBlur={() => pointAt(view, null)}
      onClick={(event) => {
        fromList.value = false;
        press(node.key, event);
      }}
    >
      <Mark kind={node.kind} />
      <span class="connection-name">{nodeLabel(node)}</span>
      {reach === undefined ? null : (
        <>
          <span class="connection-token token-text">
            {node.kind === 'token' ? '' : tokenName(node.position)}
          </span>
          <span class="number">{formatNumber(node.influence, { digits: 3 })}</span>
        </>
      )}
    </button>
  );
}

/** What to look at first: the strongest chains from prompt to answer, and the nodes that matter most. */
export function Overview({ view }: { readonly view: GraphView }) {
  return (
    <>
      {matches.value === undefined ? <Paths view={view} /> : null}
      <NodeList view={view} />
    </>
  );
}

function Paths({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const paths = useMemo(() => strongestPaths(view, PATHS), [view]);
  if (paths.length === 0) return null;
  return (
    <section>
      <h3>
        {words.paths} <span class="note">{words.pathsAbout}</span>
      </h3>
      <ol class="graph-paths">
        {paths.map(({ nodes, share, positive }) => (
          <li key={nodes.join(' ')}>
            <span class="number path-share" title={words.pathShare}>
              {positive ? '+' : '−'}
              {formatProbability(share)}
            </span>
            <span class="path-chain">
              {nodes.map((index, i) => (
                <span key={view.nodes[index].key} class="path-step">
                  {i === 0 ? '' : <span aria-hidden="true">→</span>}
                  <NodeButton view={view} index={index} class="path-node" />
                </span>
              ))}
            </span>
            <Button
              kind="quiet"
              onClick={() => {
                const keys = nodes.map((index) => view.nodes[index].key);
                setState({ pins: [...new Set([...state.pins.peek(), ...keys])] });
              }}
            >
              {words.pinPath}
            </Button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function NodeList({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const found = matches.value;
  const by = state.nodeList.value;
  const groups = shelves(view, { by, found });
  const nameOf = (part: number | null) => {
    if (part === null) return '';
    if (by === 'token') return `${view.tokens[part] ?? ''} (${part})`;
    return part < 0 ? words.tokenRow : part === view.layers ? words.logitRow : `L${part}`;
  };
  const all = groups.reduce((sum, { nodes }) => sum + nodes.length, 0);
  const reach = view.nodes.reduce((most, { influence }) => Math.max(most, influence), 1e-12);
  return (
    <section>
      <h3>
        {found === undefined ? words.nodeListTitle : words.foundTitle}{' '}
        <span class="note">{formatCount(all)}</span>
      </h3>
      <Segments
        label={words.listedBy}
        value={state.nodeList.value}
        options={NODE_LISTS.map((value) => ({ value, label: words.nodeLists[value] }))}
        onChange={(nodeList) => setState({ nodeList })}
      />
      {groups.map(({ part, nodes }) => {
        const name = nameOf(part);
        const most = name === '' ? ROWS : ROWS_OF_GROUP;
        return (
          <div key={part} class="connection-list">
            {name === '' ? null : (
              <h4 class="token-text">
                {name}{' '}
                <span class="note">
                  {nodes.length > most
                    ? words.moreNodes(formatCount(most), formatCount(nodes.length))
                    : formatCount(nodes.length)}
                </span>
              </h4>
            )}
            <ul>
              {nodes.slice(0, most).map((index) => (
                <li key={view.nodes[index].key}>
                  <NodeButton view={view} index={index} class="connection node-row" reach={reach} />
                </li>
              ))}
            </ul>
            {name === '' && nodes.length > most ? (
              <p class="note">{words.moreNodes(formatCount(most), formatCount(nodes.length))}</p>
            ) : null}
          </div>
        );
      })}
    </section>
  );
}
