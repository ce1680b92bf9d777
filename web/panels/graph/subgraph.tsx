import { useSignal } from '@preact/signals';
import type { GroupsResponse } from '../../../src/lab/api.ts';
import { type Call, send } from '../../api.ts';
import { Button } from '../../components/controls.tsx';
import { useSize } from '../../components/size.ts';
import { toast } from '../../components/toast.tsx';
import { formatCount, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { chooseGroup, dissolve, letGo, rename } from './annotate.ts';
import { groups, groupsCall, subgraphScores } from './data.ts';
import { NameField } from './side.tsx';
import { LEAST } from './subgraph-figure.ts';
import { SubgraphPicture } from './subgraph-picture.tsx';
import { type GraphView, groupLinks } from './view.ts';

export function Subgraph({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const { groups: list, missing } = groups.value;
  const busy = useSignal(false);
  const [box, size] = useSize<HTMLElement>({ width: 560, height: 0 });
  const weak = groupLinks(view, list).filter(({ share }) => Math.abs(share) < LEAST).length;
  const propose = async () => {
    busy.value = true;
    const outcome = await send(groupsCall(view) as Call<GroupsResponse>);
    busy.value = false;
    if ('problem' in outcome) {
      toast(outcome.problem.message);
      return;
    }
    const taken = new Set(state.supernodes.peek().flatMap(([, ...names]) => names));
    const fresh = outcome.data.groups
      .map(({ label, nodes }) => [label, ...nodes.filter((key) => !taken.has(key))])
      .filter(({ length }) => length > 2);
    toast(words.proposed(formatCount(fresh.length)));
    if (fresh.length > 0) setState({ supernodes: [...state.supernodes.peek(), ...fresh] });
  };
  return (
    <section class="graph-subgraph" ref={box}>
      <h3>
        {words.subgraph} <span class="note">{words.subgraphAbout}</span>
      </h3>
      <div class="subgraph-actions">
        {view.file === null ? (
          <Button onClick={() => void propose()} disabled={busy.value}>
            {words.propose}
          </Button>
        ) : null}
        {state.subgraphAt.value.length > 0 ? (
          <Button onClick={() => letGo()}>{words.arrangeAnew}</Button>
        ) : null}
        {state.pins.value.length + state.supernodes.value.length > 0 ? (
          <Button
            onClick={() => setState({ pins: [], supernodes: [], subgraphAt: [], expanded: [] })}
          >
            {words.clear}
          </Button>
        ) : null}
      </div>
      <SubgraphScores view={view} />
      {weak > 0 ? <p class="note">{words.weakLinks(formatCount(weak))}</p> : null}
      {missing > 0 ? <p class="note">{words.missing(formatCount(missing))}</p> : null}
      <SubgraphPicture view={view} width={size.value.width} />
      <Supernodes view={view} />
    </section>
  );
}

/** What the subgraph alone explains, beside the whole graph. */
function SubgraphScores({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const own = subgraphScores.value;
  if (own === undefined) return null;
  const rows = [
    { name: words.replacement, part: own.replacement, whole: view.scores.replacement },
    { name: words.completeness, part: own.completeness, whole: view.scores.completeness },
  ];
  return (
    <dl class="facts subgraph-scores" title={words.subgraphScoresHint}>
      {rows.map(({ name, part, whole }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span class="number">{formatProbability(part)}</span>{' '}
            <span class="note">{words.ofGraph(formatProbability(whole))}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Supernodes({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const editing = useSignal<number | null>(null);
  return (
    <ul class="supernodes">
      {groups.value.groups.map(({ id, label, members, supernode }) =>
        supernode === null || label === null ? null : (
          <li key={id}>
            {editing.value === supernode ? (
              <NameField
                value={label}
                onDone={(name) => {
                  editing.value = null;
                  if (name) rename(supernode, name);
                }}
              />
            ) : (
              <button
                type="button"
                class="supernode-name"
                onClick={() => chooseGroup(supernode, view.nodes[members[0]].key)}
                onDblClick={() => {
                  editing.value = supernode;
                }}
              >
                {label} <span class="note">{formatCount(members.length)}</span>
              </button>
            )}
            <Button
              kind="quiet"
              onClick={() => {
                editing.value = supernode;
              }}
            >
              {words.rename}
            </Button>
            <Button kind="quiet" onClick={() => dissolve(supernode)}>
              {words.ungroup}
            </Button>
          </li>
        ),
      )}
    </ul>
  );
}
