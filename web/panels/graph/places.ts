/**
 * Places of the subgraph's parts in a graph file: `sg_pos` is a row of numbers, x and y of every part in thousandths of
 * the picture, in the order in which Anthropic's and Neuronpedia's front ends sort the parts.
 */
import type { SubgraphPlacing } from '../../../src/figures/subgraph-layout.ts';
import type { SubgraphPlace } from '../../state/graph.ts';
import type { Group } from './view.ts';

/** The key that those front ends sort by: the characters of the members' feature numbers, sorted, as a list. */
function sortKey(members: readonly number[], features: readonly number[]): string {
  return [...members.map((i) => features[i]).join(' ')].sort().join(',');
}

/** Parts in the order of files: single nodes before supernodes where the key is the same. */
function inFileOrder(groups: readonly Group[], features: readonly number[]): Group[] {
  return [...groups]
    .sort(
      (a, b) =>
        Number(a.supernode !== null) - Number(b.supernode !== null) || a.members[0] - b.members[0],
    )
    .map((group) => ({ group, key: sortKey(group.members, features) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ group }) => group);
}

/**
 * @param features the number of each node's feature as the file has it, in the file's order of nodes
 */
export function writePlaces(
  groups: readonly Group[],
  features: readonly number[],
  places: ReadonlyMap<string, SubgraphPlacing>,
): string {
  return inFileOrder(groups, features)
    .flatMap(({ id }) => {
      const place = places.get(id);
      return place === undefined ? [] : [Math.round(place.x), Math.round(place.y)];
    })
    .join(' ');
}

/** Places from a file; none where their number is not that of the parts. */
export function readPlaces(
  text: string,
  groups: readonly Group[],
  features: readonly number[],
): SubgraphPlace[] {
  const numbers = text.trim() === '' ? [] : text.trim().split(/\s+/).map(Number);
  if (numbers.length !== 2 * groups.length || !numbers.every(Number.isFinite)) return [];
  return inFileOrder(groups, features).map(({ id }, i): SubgraphPlace => {
    return [id, numbers[2 * i], numbers[2 * i + 1]];
  });
}
