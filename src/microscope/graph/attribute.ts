import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { checkSet, type Decomposition, decompose } from './features.ts';
import { edgeProgram, frozenAddresses, type TargetSite } from './frozen.ts';
import { encoderVector, layOutSources, type Sources } from './sources.ts';
import { type LogitTarget, logitTargets, type TargetOptions } from './targets.ts';
import type { AttributionGraph, GraphNode } from './types.ts';

/** What an attribution graph explains, and how far it is followed. */
export interface GraphOptions extends TargetOptions {
  /** Features that get a row of their own, the most influential ones; 7,500 unless told. */
  readonly maxFeatures?: number;
  /** Targets per backward pass, 256 unless told. */
  readonly batch?: number;
  /** Batches between rankings of what to do next, 4 unless told. */
  readonly rankEvery?: number;
  /**
   * Positions left out of features and errors; the first one unless told, as in circuit-tracer. It should hold a
   * special token: see {@link withBeginning}.
   */
  readonly ignoredPositions?: readonly number[];
  /** Throws instead of holding more than this many bytes; 4 GiB unless told. */
  readonly maxBytes?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** A graph with what it was made from. */
export interface Attribution {
  readonly graph: AttributionGraph;
  readonly targets: readonly LogitTarget[];
  readonly decomposition: Decomposition;
  /** Features that fired, of which `graph` holds the most influential. */
  readonly activeFeatures: number;
  /** Bytes of the largest arrays held at the end: sources, rows and the matrix; at most `maxBytes`. */
  readonly peakBytes: number;
}

/** One target of edges: where it reads and along what. */
interface Target {
  readonly site: TargetSite;
  readonly position: number;
  readonly vector: Float32Array;
}

/** Partial influence stops here; no chain of direct effects is longer than a few times the depth. */
const RANK_STEPS = 128;

const DEFAULT_MAX_BYTES = 4 * 2 ** 30;

/** Rows of edges as they are found; columns are sources. */
class Rows {
  readonly rows: {
    readonly weight: number;
    readonly feature: number | null;
    readonly values: Float32Array;
  }[] = [];

  add(values: Float32Array, weight: number, feature: number | null): void {
    this.rows.push({ values, weight, feature });
  }

  /** Influence of every source on the logits through the rows known so far. */
  influence(columns: number): Float64Array {
    const sums = this.rows.map(({ values }) => {
      let total = 0;
      for (const value of values) total += Math.abs(value);
      return Math.max(total, 1e-10);
    });
    const total = new Float64Array(columns);
    let weights = this.rows.map(({ weight }) => weight);
    for (let step = 0; step < RANK_STEPS && weights.some((w) => w !== 0); step++) {
      const reached = new Float64Array(columns);
      this.rows.forEach(({ values }, row) => {
        const scale = weights[row] / sums[row];
        if (scale === 0) return;
        for (let i = 0; i < columns; i++) reached[i] += Math.abs(values[i]) * scale;
      });
      for (let i = 0; i < columns; i++) total[i] += reached[i];
      weights = this.rows.map(({ feature }) => (feature === null ? 0 : reached[feature]));
    }
    return total;
  }
}

/** Computes rows of edges in batches of targets at the same site. */
class EdgeRunner {
  readonly #model: Model;
  readonly #set: DictionarySet;
  readonly #sources: Sources;
  readonly #held: Readonly<Record<string, TensorData>>;

  constructor(
    model: Model,
    set: DictionarySet,
    sources: Sources,
    cache: Readonly<Record<string, TensorData>>,
  ) {
    this.#model = model;
    this.#set = set;
    this.#sources = sources;
    const held = frozenAddresses(model.config).map((address) => [
      `held.${address}`,
      cache[address],
    ]);
    const skips = set.dictionaries.flatMap(({ params }, layer) =>
      params.W_skip ? [[`dictionary.${layer}.W_skip`, params.W_skip]] : [],
    );
    this.#held = Object.fromEntries([...held, ...skips]);
  }

  /** `[targets][columns]`; all targets share a site. */
  async rows(targets: readonly Target[]): Promise<Float32Array[]> {
    const { config, runner } = this.#model;
    const [{ site }] = targets;
    const signature = JSON.stringify(
      this.#set.dictionaries.map(({ config: { reads, writes, skip } }) => [reads, writes, skip]),
    );
    const kept = runner.program(`edges ${site} ${signature}`, 'fed', () =>
      edgeProgram(config, this.#set, site),
    );
    const k = targets.length;
    const vectors = new Float32Array(k * config.dModel);
    targets.forEach(({ vector }, i) => {
      vectors.set(vector, i * config.dModel);
    });
    const positions = BigInt64Array.from(targets, ({ position }) => BigInt(position));
    const results = await runner.run(kept, {
      ...this.#held,
      ...this.#sources.feeds,
      vectors: { dtype: 'float32', shape: [k, config.dModel], data: vectors },
      positions: { dtype: 'int64', shape: [k], data: positions },
    });
    return this.#collect(results, k);
  }

  #collect(results: Readonly<Record<string, TensorData>>, k: number): Float32Array[] {
    const { columns, firstToken, slots, widths } = this.#sources;
    const out = Array.from({ length: k }, () => new Float32Array(columns));
    slots.forEach((entries, layer) => {
      const edges = results[`edges.${layer}`]?.data as Float32Array | undefined;
      if (!edges) return;
      const width = widths[layer];
      for (const { column, position, slot } of entries) {
        for (let t = 0; t < k; t++) out[t][column] += edges[(position * k + t) * width + slot];
      }
    });
    const embed = results['edges.embed'].data as Float32Array;
    for (let i = 0; i < embed.length; i++) out[i % k][firstToken + Math.floor(i / k)] = embed[i];
    return out;
  }
}

function bySite(targets: readonly number[], siteOf: (feature: number) => number): number[][] {
  const groups = new Map<number, number[]>();
  for (const feature of targets) {
    const site = siteOf(feature);
    groups.set(site, [...(groups.get(site) ?? []), feature]);
  }
  return [...groups.values()];
}

/**
 * The attribution graph of a prompt's next-token prediction: direct effects between features, dictionary
 * errors, token embeddings and logits, with attention patterns and norm scales frozen and MLPs replaced by
 * dictionaries (Ameisen et al. 2025, "Circuit Tracing: Revealing Computational Graphs in Language Models"; the
 * procedure is circuit-tracer's). An edge is (activation · decoder vector) of the source carried through
 * the frozen model onto the direction the target reads. Positional embeddings and biases are no nodes.
 *
 * @throws GlassboxError `dictionary-mismatch`, `no-active-features` when nothing fires, `bad-token` or `same-token`
 *   for targets that cannot be explained, `non-finite`, `graph-too-large` beyond `maxBytes`
 */
export async function attributePrompt(
  model: Model,
  set: DictionarySet,
  tokens: readonly number[],
  options: GraphOptions = {},
): Promise<Attribution> {
  checkSet(model, set);
  const { config, tokenizer } = model;
  const { nLayers, dModel } = config;
  const pos = tokens.length;
  const ignored = options.ignoredPositions ?? [0];
  const layers = Array.from({ length: nLayers }, (_, l) => l);
  const addresses = new Set([
    ...frozenAddresses(config),
    ...set.dictionaries.flatMap((dictionary) => dictionary.config.reads),
    ...layers.map((layer) => `blocks.${layer}.hook_mlp_out`),
    'hook_embed',
  ]);
  const { cache, logits } = await model.runWithCache(tokens, [...addresses], { logits: 'last' });
  const decomposition = await decompose(model, set, { cache, ignored });
  const { features } = decomposition;
  if (features.length === 0) {
    throw new GlassboxError('no feature of the dictionaries fires on this prompt', {
      code: 'no-active-features',
      remedy: 'Use a longer prompt, or dictionaries trained on text like it.',
    });
  }
  const targets = logitTargets(model, logits!.data as Float32Array, options);
  const limit = Math.min(options.maxFeatures ?? 7500, features.length);
  const sources = layOutSources(set, decomposition, {
    embeddings: cache.hook_embed.data as Float32Array,
    pos,
    dModel,
  });
  const peakBytes = bytesOf(sources, limit, targets.length);
  checkSize(peakBytes, limit, options.maxBytes ?? DEFAULT_MAX_BYTES);
  const runner = new EdgeRunner(model, set, sources, cache);
  const weightSum = targets.reduce((sum, { probability }) => sum + probability, 0);

  const rows = new Rows();
  const batch = options.batch ?? 256;
  for (let start = 0; start < targets.length; start += batch) {
    options.signal?.throwIfAborted();
    const chunk = targets.slice(start, start + batch);
    const found = await runner.rows(
      chunk.map(({ vector }) => ({ site: 'logits', position: pos - 1, vector })),
    );
    for (const [i, row] of found.entries()) rows.add(row, chunk[i].probability / weightSum, null);
  }

  const visited = new Set<number>();
  while (visited.size < limit) {
    const queue = nextFeatures(rows, sources, {
      visited,
      limit,
      features: features.length,
      count: batch * (options.rankEvery ?? 4),
    });
    for (const group of bySite(queue, (feature) => features[feature].layer)) {
      for (let start = 0; start < group.length; start += batch) {
        options.signal?.throwIfAborted();
        const chunk = group.slice(start, start + batch);
        const found = await runner.rows(
          chunk.map((feature) => {
            const { layer, position, index } = features[feature];
            return { site: layer, position, vector: encoderVector(set.dictionaries[layer], index) };
          }),
        );
        for (const [i, row] of found.entries()) rows.add(row, 0, chunk[i]);
        for (const feature of chunk) visited.add(feature);
        options.progress?.({
          label: 'tracing',
          done: visited.size,
          total: limit,
          unit: 'features',
        });
      }
    }
  }
  const text = (id: number) => tokenizer?.tokenStrings([id])[0]?.text ?? `#${id}`;
  const graph = assemble(rows, sources, {
    decomposition,
    targets,
    nLayers,
    pos,
    tokens: tokens.map((id) => ({ id, text: text(id) })),
    prompt: tokenizer?.decode(tokens, { skipSpecialTokens: true }) ?? tokens.join(' '),
    visited: [...visited].sort((a, b) => a - b),
  });
  return { graph, targets, decomposition, activeFeatures: features.length, peakBytes };
}

/** Bytes of the sources, of all rows, and of the matrix that is made of them. */
function bytesOf(sources: Sources, features: number, logits: number): number {
  const { columns, firstError, feeds } = sources;
  const sourceBytes = Object.values(feeds).reduce((sum, { data }) => sum + data.byteLength, 0);
  const nodes = features + columns - firstError + logits;
  return sourceBytes + 4 * (features + logits) * columns + 4 * nodes * nodes;
}

function checkSize(bytes: number, features: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  const size = (value: number) => `${(value / 2 ** 20).toFixed(0)} MiB`;
  throw new GlassboxError(
    `a graph with ${features} features in rows of their own takes ${size(bytes)}, more than ${size(maxBytes)}`,
    {
      code: 'graph-too-large',
      remedy: 'Follow fewer features (maxFeatures), shorten the prompt, or allow more memory.',
      details: { bytes, maxBytes, features },
    },
  );
}

/** All remaining features when they fit, else the most influential ones by what is known so far. */
function nextFeatures(
  rows: Rows,
  sources: Sources,
  state: { visited: ReadonlySet<number>; limit: number; features: number; count: number },
): number[] {
  const open = Array.from({ length: state.features }, (_, i) => i).filter(
    (i) => !state.visited.has(i),
  );
  if (state.limit === state.features) return open;
  const influence = rows.influence(sources.columns);
  open.sort((a, b) => influence[b] - influence[a] || a - b);
  return open.slice(0, Math.min(state.count, state.limit - state.visited.size));
}

function assemble(
  rows: Rows,
  sources: Sources,
  given: {
    decomposition: Decomposition;
    targets: readonly LogitTarget[];
    nLayers: number;
    pos: number;
    tokens: readonly { id: number; text: string }[];
    prompt: string;
    visited: readonly number[];
  },
): AttributionGraph {
  const { decomposition, targets, nLayers, pos, tokens, visited } = given;
  const none = { activation: null, probability: null };
  const nodes: GraphNode[] = [
    ...visited.map(
      (i): GraphNode => ({ kind: 'feature', ...decomposition.features[i], probability: null }),
    ),
    ...Array.from({ length: nLayers * pos }, (_, i): GraphNode => {
      const layer = Math.floor(i / pos);
      return { kind: 'error', layer, position: i % pos, index: -1, ...none };
    }),
    ...tokens.map(
      ({ id }, position): GraphNode => ({ kind: 'token', layer: -1, position, index: id, ...none }),
    ),
    ...targets.map(
      ({ id, probability }): GraphNode => ({
        kind: 'logit',
        layer: nLayers,
        position: pos - 1,
        index: id,
        activation: null,
        probability,
      }),
    ),
  ];
  const n = nodes.length;
  const rest = sources.columns - sources.firstError;
  const adjacency = new Float32Array(n * n);
  const nodeOf = new Map(visited.map((feature, node) => [feature, node]));
  let logit = visited.length + rest;
  for (const { values, feature } of rows.rows) {
    const target = feature === null ? logit++ : nodeOf.get(feature)!;
    visited.forEach((source, column) => {
      adjacency[target * n + column] = values[source];
    });
    adjacency.set(values.subarray(sources.firstError), target * n + visited.length);
  }
  const outputs = targets.map(({ id, label }) => ({ id, text: label }));
  return { nodes, adjacency, prompt: given.prompt, tokens, outputs, nLayers };
}
