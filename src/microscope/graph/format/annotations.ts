/** What a reader added to a graph in a front end. */
export interface FileAnnotations {
  /** Ids of pinned nodes. */
  readonly pins: readonly string[];
  /** Each a label followed by ids. */
  readonly supernodes: readonly (readonly string[])[];
  /** Labels by the `feature` number of nodes; they hold wherever the feature is. */
  readonly labels: ReadonlyMap<string, string>;
  /** Id of the node that was clicked; empty for none. */
  readonly clicked: string;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.trimStart().startsWith('[')) return [];
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

/**
 * Reads a file's `qParams`. Lists are lists as circuit-tracer writes a new file, and texts as its front end saves them: pins
 * with commas between them, supernodes and labels (`clerps`) as JSON.
 */
export function readAnnotations(qParams: unknown): FileAnnotations {
  const given = typeof qParams === 'object' && qParams !== null ? qParams : {};
  const { pinnedIds, supernodes, clerps, clickedId } = given as Record<string, unknown>;
  const pins = typeof pinnedIds === 'string' ? pinnedIds.split(',') : listOf(pinnedIds);
  const texts = (list: unknown) => listOf(list).filter((item) => typeof item === 'string');
  const pairs = listOf(clerps).flatMap((pair): [string, string][] => {
    const [feature, label] = listOf(pair);
    return typeof label === 'string' && label !== '' ? [[String(feature), label]] : [];
  });
  return {
    pins: pins.filter((id): id is string => typeof id === 'string' && id !== ''),
    supernodes: listOf(supernodes)
      .map(texts)
      .filter(({ length }) => length > 1),
    labels: new Map(pairs),
    clicked: typeof clickedId === 'string' && clickedId !== 'null' ? clickedId : '',
  };
}
