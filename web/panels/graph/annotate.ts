/** What a reader adds to a graph: choices, pins, supernodes, names and places. All of it lives in the address. */
import { setState, state } from '../../state/url.ts';
import { causalPick, gathered, opened, view } from './data.ts';

/** Chooses a node by name; the same again releases it. A feature is then what the features panel shows. */
export function choose(key: string): void {
  const again = state.node.peek() === key;
  const node = view.peek()?.nodes[view.peek()?.indexOf.get(key) ?? -1];
  const feature =
    !again && node?.kind === 'feature' && opened.peek() === null
      ? { feature: `${node.layer}.${node.index}` }
      : {};
  causalPick.value = '';
  setState({ node: again ? '' : key, ...feature });
}

/** What a click or Enter on a node does: it gathers while a supernode is being made, pins with Ctrl, else chooses. */
export function press(
  key: string,
  event: { readonly metaKey: boolean; readonly ctrlKey: boolean },
): void {
  const held = gathered.peek();
  if (held !== null) {
    const without = held.filter((one) => one !== key);
    gathered.value = without.length < held.length ? without : [...held, key];
  } else if (event.metaKey || event.ctrlKey) togglePin(key);
  else choose(key);
}

/** Chooses a supernode: its first member in the picture, all of it for a change. */
export function chooseGroup(index: number, first: string): void {
  if (state.node.peek() !== first) choose(first);
  causalPick.value = supernodeId(index);
}

/** Makes a supernode of what was gathered, where that is more than one node. */
export function finishGathering(label: string): void {
  const keys = gathered.peek();
  gathered.value = null;
  if (keys !== null && keys.length > 1) group(keys, label);
}

export function togglePin(key: string): void {
  const pins = state.pins.peek();
  setState({ pins: pins.includes(key) ? pins.filter((pin) => pin !== key) : [...pins, key] });
}

/** The name of a supernode in the subgraph. */
export function supernodeId(index: number): string {
  return `super:${index}`;
}

/**
 * Replaces the supernodes. Places and what is expanded follow those that stay, as `former` says: for each new one the
 * number it had, or −1.
 */
function setSupernodes(
  supernodes: readonly (readonly string[])[],
  former: readonly number[],
  more: { readonly pins?: readonly string[] } = {},
): void {
  const now = new Map(former.map((old, index) => [supernodeId(old), supernodeId(index)]));
  const follow = (id: string) => (id.startsWith('super:') ? now.get(id) : id);
  setState({
    ...more,
    supernodes,
    subgraphAt: state.subgraphAt.peek().flatMap(([id, x, y]) => {
      const next = follow(id);
      return next === undefined ? [] : [[next, x, y] as const];
    }),
    expanded: state.expanded.peek().flatMap((id) => follow(id) ?? []),
  });
}

/** Makes a supernode of nodes; each leaves the one it was in. */
export function group(keys: readonly string[], label: string): void {
  const members = [...new Set(keys)];
  if (members.length < 2) return;
  const others = state.supernodes
    .peek()
    .map(([name, ...nodes], index) => {
      return { index, list: [name, ...nodes.filter((key) => !members.includes(key))] };
    })
    .filter(({ list }) => list.length > 2);
  setSupernodes(
    [...others.map(({ list }) => list), [label, ...members]],
    [...others.map(({ index }) => index), -1],
  );
}

/** Takes a supernode apart; its members stay pinned. */
export function dissolve(index: number): void {
  const all = state.supernodes.peek();
  const members = all[index]?.slice(1) ?? [];
  const kept = [...all.keys()].filter((i) => i !== index);
  setSupernodes(
    kept.map((i) => all[i]),
    kept,
    { pins: [...new Set([...state.pins.peek(), ...members])] },
  );
}

/** Renames a node, or a supernode by its number. An empty name gives the node its own back. */
export function rename(what: string | number, label: string): void {
  if (typeof what === 'number') {
    if (label === '') return;
    setState({
      supernodes: state.supernodes
        .peek()
        .map((one, i) => (i === what ? [label, ...one.slice(1)] : one)),
    });
    return;
  }
  const others = state.nodeLabels.peek().filter(([name]) => name !== what);
  setState({ nodeLabels: label === '' ? others : [...others, [what, label] as const] });
}

/** Puts a part of the subgraph in a place, in thousandths. Steps of a move are one step of the history. */
export function putAt(id: string, place: { readonly x: number; readonly y: number }): void {
  const bound = (value: number) => Math.min(1000, Math.max(0, Math.round(value)));
  const others = state.subgraphAt.peek().filter(([name]) => name !== id);
  const before = others.length < state.subgraphAt.peek().length;
  setState(
    { subgraphAt: [...others, [id, bound(place.x), bound(place.y)]] },
    { history: before ? 'replace' : 'push' },
  );
}

/** Lets a part go where the layout puts it; all parts if none is named. */
export function letGo(id?: string): void {
  const { subgraphAt } = state;
  setState({
    subgraphAt: id === undefined ? [] : subgraphAt.peek().filter(([name]) => name !== id),
  });
}

/** Shows a supernode's members one by one, or as one again. */
export function toggleExpanded(id: string): void {
  const open = state.expanded.peek();
  setState({ expanded: open.includes(id) ? open.filter((one) => one !== id) : [...open, id] });
}

/** Takes a part out of the subgraph: a pin, or a supernode with its members. */
export function remove(id: string): void {
  const index = Number(/^super:(\d+)$/.exec(id)?.[1] ?? Number.NaN);
  if (!Number.isInteger(index)) {
    setState({
      pins: state.pins.peek().filter((pin) => pin !== id),
      subgraphAt: state.subgraphAt.peek().filter(([name]) => name !== id),
    });
    return;
  }
  const all = state.supernodes.peek();
  const members = new Set(all[index]?.slice(1));
  const kept = [...all.keys()].filter((i) => i !== index);
  setSupernodes(
    kept.map((i) => all[i]),
    kept,
    { pins: state.pins.peek().filter((pin) => !members.has(pin)) },
  );
}
