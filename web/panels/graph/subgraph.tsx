import { useSignal } from '@preact/signals';
import type { Palette } from '../../../src/figures/palette.ts';
import { palettes } from '../../../src/figures/palette.ts';
import { subgraph } from '../../../src/figures/subgraph.ts';
import type { GroupsResponse } from '../../../src/lab/api.ts';
import { type Call, send } from '../../api.ts';
import { Button } from '../../components/controls.tsx';
import { toast } from '../../components/toast.tsx';
import { formatCount, locale, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { choose, chosen, dissolve, groups, groupsCall, nodeLabel, rename } from './data.ts';
import { NameField } from './side.tsx';
import { type GraphView, groupLinks } from './view.ts';

/** Under this share of its target's input a link between groups is not drawn. */
const LEAST = 0.01;

/** The figure of pinned nodes and supernodes; undefined while there are none. */
export function subgraphFigure(
  view: GraphView,
  drawing: {
    readonly palette: Palette;
    readonly heading: 'shown' | 'hidden';
    readonly width: number;
  },
) {
  const words = t().graph;
  const { groups: list } = groups.value;
  if (list.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return subgraph(
    {
      nodes: list.map(({ id, label, members }) => {
        const nodes = members.map((i) => view.nodes[i]);
        return {
          id,
          label: label ?? nodeLabel(nodes[0]),
          kind: nodes[0].kind,
          layer: mean(nodes.map(({ layer }) => layer)),
          position: mean(nodes.map(({ position }) => position)),
          members: members.length,
          chosen: members.includes(chosen.value ?? -1),
        };
      }),
      links: groupLinks(view, list).filter(({ share }) => Math.abs(share) >= LEAST),
    },
    {
      ...drawing,
      title: words.subgraph,
      lang: locale.value,
      members: (count) => words.members(formatCount(count)),
    },
  );
}

export function Subgraph({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const { groups: list, missing } = groups.value;
  const busy = useSignal(false);
  const editing = useSignal<number | null>(null);
  const figure = subgraphFigure(view, { palette: palettes.page, heading: 'hidden', width: 560 });
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
    <section class="graph-subgraph">
      <h3>
        {words.subgraph} <span class="note">{words.subgraphAbout}</span>
      </h3>
      <div class="subgraph-actions">
        {view.file === null ? (
          <Button onClick={() => void propose()} disabled={busy.value}>
            {words.propose}
          </Button>
        ) : null}
        {state.pins.value.length + state.supernodes.value.length > 0 ? (
          <Button onClick={() => setState({ pins: [], supernodes: [] })}>{words.clear}</Button>
        ) : null}
      </div>
      {weak > 0 ? <p class="note">{words.weakLinks(formatCount(weak))}</p> : null}
      {missing > 0 ? <p class="note">{words.missing(formatCount(missing))}</p> : null}
      {figure === undefined ? (
        <p class="note">{words.subgraphEmpty}</p>
      ) : (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the chips below are the way by keyboard.
        // biome-ignore lint/a11y/noStaticElementInteractions: as above.
        <div
          class="scroll-x"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
          tabIndex={0}
          onClick={(event) => {
            const id = (event.target as Element).closest<SVGElement>('[data-node]')?.dataset.node;
            const group = list.find((one) => one.id === id);
            if (group !== undefined) choose(view.nodes[group.members[0]].key);
          }}
        >
          {figure}
        </div>
      )}
      <ul class="supernodes">
        {list.map(({ id, label, members, supernode }) =>
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
                  onClick={() => choose(view.nodes[members[0]].key)}
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
    </section>
  );
}
