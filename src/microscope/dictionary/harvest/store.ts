import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../../../base/error.ts';
import { readSafetensors } from '../../../base/safetensors/index.ts';
import { requireFeature } from './feature.ts';
import { EVENTS, FEATURES, INDEX, ROWS, TOKENS } from './harvest.ts';
import {
  BINS,
  type ExampleGroup,
  type FeatureExample,
  type FeaturePage,
  type HarvestInfo,
  type Histogram,
  LISTED,
} from './types.ts';

/** How much of a feature its page shows. */
export interface PageOptions {
  /** Examples with the largest activations, one per row of text. Default 20. */
  readonly top?: number;
  /** Intervals of activation, from the highest down. Default 10. */
  readonly quantiles?: number;
  /** Examples per interval. Default 5. */
  readonly perQuantile?: number;
  /** Tokens shown before and after. Default 12. */
  readonly before?: number;
  readonly after?: number;
}

/** A feature in a list. */
export interface FeatureSummary {
  readonly feature: number;
  readonly fired: number;
  readonly density: number;
  readonly max: number;
  readonly mean: number;
  /** Ids of the logits it raises most. */
  readonly top: readonly number[];
}

/** A finished harvest, open for reading. */
export interface FeatureStore {
  readonly info: HarvestInfo;
  /** Every feature, cheap: nothing is read from disk. */
  list(): FeatureSummary[];
  /** Everything about one feature. Throws `unknown-feature`. */
  page(feature: number, options?: PageOptions): Promise<FeaturePage>;
  /** Token ids of a row of the text; none past the last row. */
  row(index: number): number[];
  close(): Promise<void>;
}

type Tables = Readonly<Record<string, Int32Array | Float32Array>>;

/**
 * Opens a harvest. Tables and tokens are held in memory; the activations of a feature are read when its page is
 * asked for.
 *
 * @throws GlassboxError `no-harvest`, `bad-harvest`
 */
export async function openHarvest(folder: string): Promise<FeatureStore> {
  const info = await readInfo(folder);
  const bytesOf = (name: string) =>
    readFile(join(folder, name)).catch((cause: Error) => {
      throw badHarvest(folder, `${name} cannot be read: ${cause.message}`, cause);
    });
  const features = await readSafetensors(await bytesOf(FEATURES), { path: join(folder, FEATURES) });
  const tables: Tables = Object.fromEntries(
    [...features].map(([name, { data }]) => [name, data as Float32Array]),
  );
  const tokens = wordsOf(await bytesOf(TOKENS));
  const rows = wordsOf(await bytesOf(ROWS));
  const offsets = new Float64Array(info.dDict + 1);
  for (let f = 0; f < info.dDict; f++) offsets[f + 1] = offsets[f] + tables.fired[f];
  const handle = await open(join(folder, EVENTS), 'r').catch((cause: Error) => {
    throw badHarvest(folder, `${EVENTS} cannot be read: ${cause.message}`, cause);
  });
  const { size } = await handle.stat();
  const whole = offsets[info.dDict] === info.events && size === 8 * info.events;
  if (!whole || tokens.length !== info.tokens) {
    await handle.close();
    throw badHarvest(folder, 'its files do not belong together');
  }
  const summary = (feature: number): FeatureSummary => {
    const fired = tables.fired[feature];
    return {
      feature,
      fired,
      density: fired / info.counted,
      max: tables.max[feature],
      mean: fired > 0 ? tables.sums[feature] / fired : 0,
      top: listAt(tables, 'top', feature).map(([id]) => id),
    };
  };
  return {
    info,
    list: () => Array.from({ length: info.dDict }, (_, feature) => summary(feature)),
    async page(feature, options = {}) {
      requireFeature(feature, info.dDict);
      const events = await readEvents(handle, offsets[feature], tables.fired[feature]);
      const { fired, density, max, mean } = summary(feature);
      const related = (name: string) =>
        listAt(tables, name, feature).map(([index, value]) => ({ feature: index, value }));
      const logits = (name: string) =>
        listAt(tables, name, feature).map(([id, value]) => ({ id, value }));
      return {
        feature,
        fired,
        counted: info.counted,
        density,
        max,
        mean,
        activations: histogram(events.values, max),
        logits: {
          histogram: {
            low: tables.logitLow[feature],
            high: tables.logitHigh[feature],
            counts: Array.from(tables.logitCounts.subarray(feature * BINS, (feature + 1) * BINS)),
          },
          top: logits('top'),
          bottom: logits('bottom'),
        },
        neighbours: related('neighbour'),
        correlated: related('correlated'),
        groups: exampleGroups(events, { max, tokens, rows, ...options }),
      };
    },
    row: (index) => Array.from(tokens.subarray(rows[index] ?? tokens.length, rows[index + 1])),
    close: () => handle.close(),
  };
}

function badHarvest(folder: string, problem: string, cause?: unknown): GlassboxError {
  return new GlassboxError(`${folder}: ${problem}`, {
    code: 'bad-harvest',
    remedy: 'Delete the folder and harvest again.',
    details: { folder },
    cause,
  });
}

async function readInfo(folder: string): Promise<HarvestInfo> {
  const text = await readFile(join(folder, INDEX), 'utf8').catch((cause: unknown) => {
    throw new GlassboxError(`${folder} holds no harvest`, {
      code: 'no-harvest',
      remedy: 'Make one with `glassbox dict harvest`.',
      details: { folder },
      cause,
    });
  });
  try {
    const info = JSON.parse(text) as HarvestInfo;
    if (info.version === 1) return info;
  } catch (cause) {
    throw badHarvest(folder, `${INDEX} is not JSON`, cause);
  }
  throw badHarvest(folder, `${INDEX} is of another version`);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer, 0, bytes.length >> 2);
}

/** The entries of one feature in a table of lists; unused places hold −1. */
function listAt(tables: Tables, name: string, feature: number): [number, number][] {
  const [start, end] = [feature * LISTED, (feature + 1) * LISTED];
  const index = tables[`${name}Index`].subarray(start, end);
  const value = tables[`${name}Value`].subarray(start, end);
  return Array.from(index, (item, i): [number, number] => [item, value[i]]).filter(
    ([item]) => item >= 0,
  );
}

interface Events {
  /** Token numbers, ascending. */
  readonly tokens: Uint32Array;
  readonly values: Float32Array;
}

async function readEvents(handle: FileHandle, offset: number, count: number): Promise<Events> {
  const bytes = new Uint8Array(8 * count);
  if (count > 0) await handle.read(bytes, 0, bytes.length, 8 * offset);
  const words = new Uint32Array(bytes.buffer);
  const floats = new Float32Array(bytes.buffer);
  const tokens = new Uint32Array(count);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    tokens[i] = words[2 * i];
    values[i] = floats[2 * i + 1];
  }
  return { tokens, values };
}

function histogram(values: Float32Array, high: number): Histogram {
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) {
    counts[Math.min(BINS - 1, Math.floor((value / (high || 1)) * BINS))]++;
  }
  return { low: 0, high, counts };
}

interface GroupContext extends PageOptions {
  readonly max: number;
  readonly tokens: Uint32Array;
  readonly rows: Uint32Array;
}

/** Top examples, then examples spread evenly over each interval of activation. */
function exampleGroups(events: Events, context: GroupContext): ExampleGroup[] {
  const { max, top = 20, quantiles = 10, perQuantile = 5 } = context;
  const count = events.values.length;
  if (count === 0) return [];
  const order = Array.from(events.values.keys()).sort(
    (a, b) => events.values[b] - events.values[a] || a - b,
  );
  const best = onePerRow(events, context.rows, order, top);
  const groups: ExampleGroup[] = [
    {
      name: 'top',
      low: events.values[best[best.length - 1]],
      high: max,
      share: best.length / count,
      examples: best.map((event) => example(events, event, context)),
    },
  ];
  for (let q = 0; q < quantiles; q++) {
    const high = max * (1 - q / quantiles);
    const low = max * (1 - (q + 1) / quantiles);
    const inside = order.filter((event) => {
      const value = events.values[event];
      return value > low && (value <= high || q === 0);
    });
    if (inside.length === 0) continue;
    // An even spread over the interval, and the same one every time.
    const stride = Math.max(1, Math.floor(inside.length / perQuantile));
    const picked = onePerRow(
      events,
      context.rows,
      inside.filter((_, i) => i % stride === 0),
      perQuantile,
    );
    groups.push({
      name: String(q + 1),
      low,
      high,
      share: inside.length / count,
      examples: picked.map((event) => example(events, event, context)),
    });
  }
  return groups;
}

/** The first events of a list that stand in different rows of text. */
function onePerRow(
  events: Events,
  rows: Uint32Array,
  order: readonly number[],
  count: number,
): number[] {
  const seen = new Set<number>();
  const out: number[] = [];
  for (const event of order) {
    if (out.length === count) break;
    const row = rowOf(rows, events.tokens[event]);
    if (seen.has(row)) continue;
    seen.add(row);
    out.push(event);
  }
  return out;
}

/** The row that holds a token, by its start. */
function rowOf(rows: Uint32Array, token: number): number {
  let [low, high] = [0, rows.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rows[middle] <= token) low = middle;
    else high = middle;
  }
  return low;
}

function example(events: Events, event: number, context: GroupContext): FeatureExample {
  const { tokens, rows, before = 12, after = 12 } = context;
  const token = events.tokens[event];
  const row = rowOf(rows, token);
  const first = Math.max(rows[row], token - before);
  const last = Math.min(rows[row + 1] ?? tokens.length, token + after + 1);
  const acts = new Array<number>(last - first).fill(0);
  // The feature's own list is in order of tokens, so its neighbours there are near in the text.
  for (let i = event; i >= 0 && events.tokens[i] >= first; i--) {
    acts[events.tokens[i] - first] = events.values[i];
  }
  for (let i = event; i < events.tokens.length && events.tokens[i] < last; i++) {
    acts[events.tokens[i] - first] = events.values[i];
  }
  return {
    row,
    start: first - rows[row],
    tokens: Array.from(tokens.subarray(first, last)),
    acts,
    at: token - first,
  };
}
