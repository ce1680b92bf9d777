import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { Model } from '../../model/model.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { batchesByPosition, EdgeRunner } from './edges.ts';
import { checkSet, type Decomposition, decompose } from './features.ts';
import { frozenAddresses } from './frozen.ts';
import { Rows } from './rows.ts';
import { encoderVectors, layOutSources, type Sources } from './sources.ts';
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

const DEFAULT_MAX_BYTES = 4 * 2 ** 30;

function bySite(targets: readonly number[], siteOf: (feature: number) => number) {
  const groups = new Map<number, number[]>();
  for (const feature of targets) {
    const site = siteOf(feature);
    const group = groups.get(site);
    if (group) group.push(feature);
    else groups.set(site, [feature]);
  }
  return groups;
}

/**
 * The attribution graph of a prompt's next-token prediction: direct effects between features, dictionary
 * errors, token embeddings and logits, with attention patterns and norm scales frozen and MLPs replaced by
 * dictionaries (Ameisen et al. 2025, "Circuit Tracing: Revealing Computational Graphs in Language Models"; the
 * procedure is circuit-tracer's). An edge is (activation · decoder vector) of the source carried through
 * the frozen model onto the direction the target reads. Positional embeddings and biases are no nodes.
 *
 * @throws GlassboxError `dictionary-mismatch`, `no-active-features` when nothing fires, `bad-token` or `same-token`
 *   for targets that cannot be explained, `not-finite` for activations or logits that are NaN, `bad-option`,
 *   `graph-too-large` beyond `maxBytes`
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
  const { batch = 256, rankEvery = 4 } = options;
  for (const [name, value] of Object.entries({ batch, rankEvery })) requireAtLeastOne(name, value);
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
      remedy:
        'Use a longer prompt (its first position is left out), or dictionaries trained on text like it.',
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
  for (let start = 0; start < targets.length; start += batch) {
    options.signal?.throwIfAborted();
    const chunk = targets.slice(start, start + batch);
    const vectors = new Float32Array(chunk.length * dModel);
    for (const [i, { vector }] of chunk.entries()) vectors.set(vector, i * dModel);
    const positions = chunk.map(() => pos - 1);
    const found = await runner.rows({ site: 'logits', positions, vectors });
    for (const [i, values] of found.entries()) {
      rows.add({ values, weight: chunk[i].probability / weightSum, feature: null });
    }
  }

  const visited = new Set<number>();
  while (visited.size < limit) {
    const queue = nextFeatures(rows, {
      visited,
      limit,
      features: features.length,
      count: batch * rankEvery,
    });
    for (const [layer, group] of bySite(queue, (feature) => features[feature].layer)) {
      const positionOf = (feature: number) => features[feature].position;
      for (const chunk of batchesByPosition(group, positionOf, batch)) {
        options.signal?.throwIfAborted();
        const found = await runner.rows({
          site: layer,
          positions: chunk.map(positionOf),
          vectors: encoderVectors(
            set.dictionaries[layer],
            chunk.map((feature) => features[feature].index),
          ),
        });
        for (const [i, values] of found.entries()) {
          rows.add({ values, weight: 0, feature: chunk[i] });
        }
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

/** Throws `bad-option` for a number of things done at a time that would never get anything done. */
function requireAtLeastOne(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new GlassboxError(`${name} is ${value}`, {
    code: 'bad-option',
    remedy: `Give a whole number of at least 1 for ${name}.`,
  });
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
      remedy:
        'Follow fewer features (maxFeatures, --max-features), shorten the prompt, or allow more memory (maxBytes, --memory).',
      details: { bytes, maxBytes, features },
    },
  );
}

/** All remaining features when they fit, else the most influential ones by what is known so far. */
function nextFeatures(
  rows: Rows,
  state: { visited: ReadonlySet<number>; limit: number; features: number; count: number },
): number[] {
  const open = Array.from({ length: state.features }, (_, i) => i).filter(
    (i) => !state.visited.has(i),
  );
  if (state.limit === state.features) return open;
  const influence = rows.influence(state.features);
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
    const row = target * n;
    // A loop without a function call: this is n² values.
    for (let column = 0; column < visited.length; column++) {
      adjacency[row + column] = values[visited[column]];
    }
    adjacency.set(values.subarray(sources.firstError), target * n + visited.length);
  }
  const outputs = targets.map(({ id, label }) => ({ id, text: label }));
  return { nodes, adjacency, prompt: given.prompt, tokens, outputs, nLayers };
}
