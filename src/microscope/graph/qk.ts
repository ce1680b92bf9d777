import { GlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import { createProgram } from '../../graph/program.ts';
import type { Model } from '../../model/model.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { probeName, traceProbe } from './affine.ts';
import type { Attribution } from './attribute.ts';
import { heldFeeds } from './head-loadings.ts';
import { decoderVector } from './sources.ts';

/** What wrote into the residual stream at one position before a layer. */
export interface StreamPart {
  /** A node of the graph, an earlier head, or what belongs to no part: biases and positions. */
  readonly kind: 'node' | 'head' | 'rest';
  /** Index of the graph's node; −1 otherwise. */
  readonly node: number;
  /** `L1H0` for heads, `rest` for the rest; '' for nodes. */
  readonly label: string;
}

/** A pair of parts and what it adds to an attention score. */
export interface QkPair {
  readonly query: StreamPart;
  readonly key: StreamPart;
  /** Share of the score, in score units (before a soft cap and the mask). */
  readonly value: number;
}

/** Why a head looks where it looks: its score split over pairs of parts. */
export interface QkAttribution {
  readonly score: number;
  /** All pairs, largest magnitude first; they sum to the score. */
  readonly pairs: readonly QkPair[];
  /** The same summed over keys, and over queries. */
  readonly queries: readonly { readonly part: StreamPart; readonly value: number }[];
  readonly keys: readonly { readonly part: StreamPart; readonly value: number }[];
}

interface PartVector {
  readonly part: StreamPart;
  readonly vector: Float32Array;
}

/** The stream entering a layer at one position, as a sum of parts; the rest is what they leave over. */
function streamParts(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  options: {
    readonly layer: number;
    readonly position: number;
    readonly cache: Readonly<Record<string, TensorData>>;
  },
): PartVector[] {
  const { config, params } = model;
  const { dModel, nHeads, dHead } = config;
  const { layer, position, cache } = options;
  const parts: PartVector[] = [];
  found.graph.nodes.forEach((node, index) => {
    if (node.position !== position || node.kind === 'logit') return;
    const part: StreamPart = { kind: 'node', node: index, label: '' };
    if (node.kind === 'token') {
      const embed = cache.hook_embed.data as Float32Array;
      parts.push({ part, vector: embed.slice(position * dModel, (position + 1) * dModel) });
      return;
    }
    if (node.layer >= layer) return;
    if (node.kind === 'error') {
      const error = found.decomposition.errors[node.layer];
      parts.push({ part, vector: error.slice(position * dModel, (position + 1) * dModel) });
      return;
    }
    const dictionary = set.dictionaries[node.layer];
    const vector = new Float32Array(dModel);
    dictionary.config.writes.forEach((address, j) => {
      // A cross-layer feature has only written to the layers below this one.
      if (Number(/\d+/.exec(address)![0]) >= layer) return;
      const decoder = decoderVector(dictionary, node.index, j);
      for (let i = 0; i < dModel; i++) vector[i] += node.activation! * decoder[i];
    });
    parts.push({ part, vector });
  });
  for (let l = 0; l < layer && !config.postNorms; l++) {
    const z = cache[`blocks.${l}.attn.hook_z`].data as Float32Array;
    const weight = params[`blocks.${l}.attn.o.weight`].data as Float32Array;
    for (let head = 0; head < nHeads; head++) {
      const vector = new Float32Array(dModel);
      for (let d = 0; d < dHead; d++) {
        const row = head * dHead + d;
        const value = z[position * nHeads * dHead + row];
        for (let i = 0; i < dModel; i++) vector[i] += value * weight[row * dModel + i];
      }
      parts.push({ part: { kind: 'head', node: -1, label: `L${l}H${head}` }, vector });
    }
  }
  const resid = cache[`blocks.${layer}.hook_resid_pre`].data as Float32Array;
  const rest = resid.slice(position * dModel, (position + 1) * dModel);
  for (const { vector } of parts) for (let i = 0; i < dModel; i++) rest[i] -= vector[i];
  parts.push({ part: { kind: 'rest', node: -1, label: 'rest' }, vector: rest });
  return parts;
}

/**
 * Splits one attention score over pairs of parts of the residual stream at the query's and at the key's
 * position. With the norm scale held the score is bilinear in them (Kamath et al. 2025, "Tracing Attention
 * Computation Through Feature Interactions"). Parts are the graph's nodes at the position, the heads of earlier
 * layers, and the rest (biases, position embeddings, features the graph left out).
 *
 * @throws GlassboxError `bad-attention-place` for a layer, head or position that does not exist, or a key after
 *   the query
 */
export async function qkAttribution(
  model: Model,
  set: DictionarySet,
  found: Attribution,
  place: {
    readonly layer: number;
    readonly head: number;
    readonly query: number;
    readonly key: number;
  },
): Promise<QkAttribution> {
  const { config, runner } = model;
  const { layer, head, query, key } = place;
  const pos = found.graph.tokens.length;
  const inside = (value: number, size: number) =>
    Number.isInteger(value) && value >= 0 && value < size;
  if (
    !inside(layer, config.nLayers) ||
    !inside(head, config.nHeads) ||
    !inside(query, pos) ||
    !inside(key, query + 1)
  ) {
    throw new GlassboxError(
      `no head ${layer}.${head} attends from position ${query} to ${key} here`,
      {
        code: 'bad-attention-place',
        remedy: `Use layers below ${config.nLayers}, heads below ${config.nHeads}, and a key at or before the query.`,
        details: place,
      },
    );
  }
  const tokens = found.graph.tokens.map(({ id }) => id);
  const resid = `blocks.${layer}.hook_resid_pre`;
  const zs = Array.from({ length: layer }, (_, l) => `blocks.${l}.attn.hook_z`);
  const { cache } = await model.runWithCache(tokens, ['hook_embed', resid, ...zs], {
    logits: 'none',
  });
  const at = (position: number) => streamParts(model, set, found, { layer, position, cache });
  const [queryParts, keyParts] = [at(query), at(key)];

  const rotary = config.positions.kind === 'rotary' ? 'rot_' : '';
  const [q, k] = ['q', 'k'].map((name) => `blocks.${layer}.attn.hook_${rotary}${name}`);
  const kept = runner.program(`qk ${layer}`, 'fed', () => {
    const recorded = traceProbe(config, { set, record: [q, k], from: layer });
    return createProgram({ q: recorded[q], k: recorded[k] });
  });
  // Row 0 has nothing put in and gives the biases; then one row per part of the query, then of the key.
  const all = [...queryParts, ...keyParts];
  const rows = all.length + 1;
  const data = new Float32Array(rows * pos * config.dModel);
  all.forEach(({ vector }, i) => {
    const position = i < queryParts.length ? query : key;
    data.set(vector, ((i + 1) * pos + position) * config.dModel);
  });
  const outputs = await runner.run(kept, {
    ...(await heldFeeds(model, set, tokens)),
    tokens: { dtype: 'int64', shape: [rows, pos], data: new BigInt64Array(rows * pos) },
    [probeName.resid]: { dtype: 'float32', shape: [rows, pos, config.dModel], data },
  });
  const { nHeads, nKvHeads, dHead } = config;
  const vectorOf = (name: 'q' | 'k', row: number): Float32Array => {
    const heads = name === 'q' ? nHeads : nKvHeads;
    const own = name === 'q' ? head : Math.floor(head / (nHeads / nKvHeads));
    const start = ((row * pos + (name === 'q' ? query : key)) * heads + own) * dHead;
    return (outputs[name].data as Float32Array).slice(start, start + dHead);
  };
  const minus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value - b[i]);
  const withBias = (name: 'q' | 'k', parts: readonly PartVector[], first: number) => {
    const bias = vectorOf(name, 0);
    return parts.map(({ part }, i) => {
      const own = minus(vectorOf(name, first + i), bias);
      // Biases of the norm and of the projection belong to no part, so the rest carries them.
      return { part, vector: part.kind === 'rest' ? own.map((value, d) => value + bias[d]) : own };
    });
  };
  const qs = withBias('q', queryParts, 1);
  const ks = withBias('k', keyParts, 1 + queryParts.length);
  const scale = config.queryScale / (config.scaleByInverseLayer ? layer + 1 : 1);
  const pairs = qs.flatMap((a) =>
    ks.map((b): QkPair => {
      const value = a.vector.reduce((sum, v, i) => sum + v * b.vector[i], 0) * scale;
      return { query: a.part, key: b.part, value };
    }),
  );
  const marginal = (side: 'query' | 'key', parts: readonly PartVector[]) =>
    parts
      .map(({ part }) => ({
        part,
        value: pairs.reduce((sum, pair) => (pair[side] === part ? sum + pair.value : sum), 0),
      }))
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  return {
    score: pairs.reduce((sum, { value }) => sum + value, 0),
    pairs: pairs.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)),
    queries: marginal('query', queryParts),
    keys: marginal('key', keyParts),
  };
}
