import { GlassboxError } from '../../base/error.ts';
import { PickleRecord } from '../dictionary/formats/pickle.ts';
import { readTorchFile } from '../dictionary/formats/torch.ts';
import type { AttributionGraph, GraphNode } from './types.ts';

/** Classes whose objects circuit-tracer puts beside the tensors. Their fields are read; the classes are not looked for. */
const RECORDS = new Set([
  'circuit_tracer.utils.tl_nnsight_mapping.UnifiedConfig',
  'circuit_tracer.attribution.targets.LogitTarget',
  // The model's configuration in graphs of earlier versions.
  'transformer_lens.HookedTransformerConfig.HookedTransformerConfig',
  'transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig',
  'transformer_lens.config.hooked_transformer_config.HookedTransformerConfig',
  'torch.device',
]);

/** A graph with what its file says of the model. */
export interface TorchGraph {
  readonly graph: AttributionGraph;
  /** The transcoders as circuit-tracer names them. */
  readonly scan: string | null;
  readonly model: string | null;
  readonly tokenizer: string | null;
}

function bad(path: string, message: string): GlassboxError {
  return new GlassboxError(`${path}: ${message}`, {
    code: 'bad-graph-file',
    remedy: 'Give a graph as circuit-tracer saves it with Graph.to_pt, unchanged.',
    details: { path },
  });
}

/** The parts of the file by name, checked as they are asked for. */
function partsOf(path: string, value: unknown) {
  if (!(value instanceof Map)) throw bad(path, 'holds no attribution graph');
  const tensor = (name: string, dims: number) => {
    const found = value.get(name) as { shape?: readonly number[]; data?: ArrayLike<number> };
    if (found?.shape?.length !== dims || found.data === undefined) {
      throw bad(path, `${name} is missing or no tensor of ${dims} dimensions`);
    }
    return { shape: found.shape, data: Array.from(found.data, Number) };
  };
  return { tensor, get: (name: string): unknown => value.get(name) };
}

/** The logits that the graph explains: pairs of text and id, or ids alone in files of earlier versions. */
function targetsOf(parts: ReturnType<typeof partsOf>): { id: number; text: string | null }[] {
  const given = parts.get('logit_targets') ?? parts.get('logit_tokens');
  if (Array.isArray(given)) {
    return given.map((one) => {
      const [text, id] = one instanceof PickleRecord ? one.args : [];
      return { id: Number(id), text: typeof text === 'string' ? text : null };
    });
  }
  const name = parts.get('logit_targets') === undefined ? 'logit_tokens' : 'logit_targets';
  return parts.tensor(name, 1).data.map((id) => ({ id, text: null }));
}

/**
 * Reads a graph that circuit-tracer saved with `Graph.to_pt`. Only tensors and plain values are taken from the file, and the
 * fields of the few classes that belong there; nothing is run.
 *
 * @param options.tokenText the text of a token, which the file does not have; `#id` unless told
 * @throws GlassboxError `unsafe-pickle`, `bad-torch-file`, or `bad-graph-file` naming what is missing
 */
export async function readTorchGraph(
  path: string,
  options: { readonly tokenText?: (id: number) => string } = {},
): Promise<TorchGraph> {
  const parts = partsOf(path, await readTorchFile(path, { records: RECORDS }));
  const text = options.tokenText ?? ((id: number) => `#${id}`);
  const active = parts.tensor('active_features', 2).data;
  const selected = parts.tensor('selected_features', 1).data;
  const acts = parts.tensor('activation_values', 1).data;
  const tokens = parts.tensor('input_tokens', 1).data;
  const probabilities = parts.tensor('logit_probabilities', 1).data;
  const targets = targetsOf(parts);
  const matrix = parts.tensor('adjacency_matrix', 2);
  const fixed = selected.length + tokens.length + targets.length;
  const nLayers = (matrix.shape[0] - fixed) / tokens.length;
  if (!Number.isInteger(nLayers) || nLayers < 1 || matrix.shape[0] !== matrix.shape[1]) {
    throw bad(path, `adjacency_matrix is [${matrix.shape}], which does not fit the other tensors`);
  }
  if (!matrix.data.every(Number.isFinite))
    throw bad(path, 'adjacency_matrix holds NaN or infinity');
  const last = tokens.length - 1;
  const none = { activation: null, probability: null };
  const nodes: GraphNode[] = [
    ...selected.map((at): GraphNode => {
      const [layer, position, index] = active.slice(3 * at, 3 * at + 3);
      if (index === undefined || acts[at] === undefined) {
        throw bad(path, `selected_features names ${at} of ${acts.length} active features`);
      }
      return { kind: 'feature', layer, position, index, activation: acts[at], probability: null };
    }),
    ...Array.from({ length: nLayers * tokens.length }, (_, i): GraphNode => {
      const layer = Math.floor(i / tokens.length);
      return { kind: 'error', layer, position: i % tokens.length, index: -1, ...none };
    }),
    ...tokens.map((index, position): GraphNode => {
      return { kind: 'token', layer: -1, position, index, ...none };
    }),
    ...targets.map(({ id }, i): GraphNode => {
      const probability = probabilities[i] ?? 0;
      return {
        kind: 'logit',
        layer: nLayers,
        position: last,
        index: id,
        activation: null,
        probability,
      };
    }),
  ];
  const { fields } =
    parts.get('cfg') instanceof PickleRecord
      ? (parts.get('cfg') as PickleRecord)
      : { fields: new Map() };
  const named = (value: unknown) => (typeof value === 'string' ? value : null);
  const scan = parts.get('scan');
  return {
    graph: {
      nodes,
      adjacency: Float32Array.from(matrix.data),
      prompt: named(parts.get('input_string')) ?? '',
      tokens: tokens.map((id) => ({ id, text: text(id) })),
      outputs: targets.map(({ id, text: own }) => ({ id, text: own || text(id) })),
      nLayers,
    },
    scan: Array.isArray(scan) ? scan.join(' ') : named(scan),
    model: named(fields.get('model_name')),
    tokenizer: named(fields.get('tokenizer_name')),
  };
}
