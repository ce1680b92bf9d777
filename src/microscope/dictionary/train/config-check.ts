import { GlassboxError } from '../../../base/error.ts';
import type { DictionaryTask } from './rule.ts';

/** A dictionary of several addresses, as a configuration names it. */
type Entry =
  | { readonly kind: 'crosscoder'; readonly name: string; readonly at: readonly string[] }
  | {
      readonly kind: 'cross-layer';
      readonly name: string;
      readonly reads: readonly string[];
      readonly writes: readonly string[];
    };

function bad(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-train-config', remedy });
}

const layerOf = (address: string) => Number(/blocks\.(\d+)\./.exec(address)?.[1] ?? -1);

/**
 * Throws `bad-train-config` unless the addresses of a cross-layer transcoder or crosscoder belong together.
 *
 * @param widthOf width of an address
 */
export function checkAddresses(entry: Entry, widthOf: (address: string) => number): void {
  const { name, kind } = entry;
  const all = entry.kind === 'crosscoder' ? entry.at : [...entry.reads, ...entry.writes];
  const [first] = all;
  const other = all.find((address) => widthOf(address) !== widthOf(first));
  if (other !== undefined) {
    throw bad(
      `'${name}': '${other}' is ${widthOf(other)} wide, '${first}' ${widthOf(first)}`,
      `A ${kind} dictionary is made of addresses of one width.`,
    );
  }
  if (entry.kind === 'crosscoder') {
    if (new Set(all).size === all.length && all.length > 1) return;
    throw bad(
      `'${name}': a crosscoder of ${all.join(', ')}`,
      'Name at least two addresses, each once; for one address take an autoencoder.',
    );
  }
  const { reads, writes } = entry;
  const inOrder = reads.every(
    (address, l) =>
      layerOf(address) === layerOf(writes[l] ?? '') &&
      (l === 0 || layerOf(address) > layerOf(reads[l - 1])),
  );
  if (reads.length === writes.length && inOrder) return;
  throw bad(
    `'${name}': reads ${reads.join(', ')} and writes ${writes.join(', ')}`,
    'Name one address read and one written per layer, in order of layers.',
  );
}

/** Throws `bad-train-config` when a layer is left open, or when two dictionaries would be saved in one folder. */
export function checkTasks(
  config: { readonly run?: string },
  tasks: readonly DictionaryTask[],
): void {
  const folders = new Map<string, string>();
  // Checkpoints and the log lie there unless the configuration says where.
  if (config.run === undefined) folders.set('run', 'the run itself');
  for (const { name, parts } of tasks) {
    const open = [name, ...parts.flatMap(({ reads, writes }) => [...reads, ...writes])];
    if (open.some((text) => text.includes('{l}'))) {
      throw bad(
        `'${name}' holds {l}, but names no layers`,
        'Add "layers": [0, 1, …], or write the layer.',
      );
    }
    if (name.includes('@')) continue;
    const own = parts.length === 1 ? [name] : parts.map((_, part) => `${name}-${part}`);
    for (const folder of own) {
      const taken = folders.get(folder);
      if (taken !== undefined && taken !== name) {
        throw bad(
          `'${name}' and ${taken === 'the run itself' ? taken : `'${taken}'`} would both be saved in ${folder}`,
          'Give one of them another name.',
        );
      }
      folders.set(folder, name);
    }
  }
}
