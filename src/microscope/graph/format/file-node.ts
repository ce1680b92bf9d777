import type { GraphFileNode } from '../schema.ts';
import type { GraphNodeKind } from '../types.ts';
import { cantorPair, NODE_TYPES } from './node-ids.ts';

/** What a node's record in a file is made from. */
export interface NodeRecord {
  readonly id: string;
  readonly kind: GraphNodeKind;
  readonly layer: number;
  readonly position: number;
  readonly index: number;
  readonly activation: number | null;
  readonly probability: number | null;
  /** Cumulative share of influence, as pruning has it. */
  readonly influence: number | null;
  /** Whether it is the likeliest logit. */
  readonly target: boolean;
  /** What a token or logit node is called. */
  readonly text: string;
  readonly label: string | null;
  readonly nLayers: number;
  /** Tokens of the prompt. */
  readonly nTokens: number;
}

/** A token on one line: line breaks shown as ⏎. */
function oneLine(text: string): string {
  return text.replaceAll('\n', '⏎');
}

/**
 * A logit's label. Front ends look for `(p=` in it and fail without, so one of the reader's own gets it too.
 */
function logitLabel({ label, text, probability }: NodeRecord): string {
  if (label?.includes('(p=')) return label;
  return `${label ?? `Output "${oneLine(text)}"`} (p=${(probability ?? 0).toFixed(3)})`;
}

/**
 * A node as graph files have it. `jsNodeId`, by which Anthropic's front end tells nodes apart, counts positions from the end;
 * circuit-tracer has 0 there, so that a feature is one node at all its positions.
 */
export function fileNode(node: NodeRecord): GraphFileNode {
  const { kind, layer, index, position, nLayers, label, text } = node;
  const fromEnd = node.nTokens - 1 - position;
  const common = {
    node_id: node.id,
    ctx_idx: position,
    feature_type: NODE_TYPES[kind],
    token_prob: node.probability ?? 0,
    is_target_logit: node.target,
    run_idx: 0,
    reverse_ctx_idx: fromEnd,
    influence: node.influence,
    activation: node.activation,
  };
  switch (kind) {
    case 'feature':
      return {
        ...common,
        feature: cantorPair(layer, index),
        layer: String(layer),
        jsNodeId: `${layer}_${index}-${fromEnd}`,
        clerp: label ?? '',
      };
    case 'error':
      return {
        ...common,
        feature: -1,
        layer: String(layer),
        jsNodeId: `${layer}_err-${fromEnd}`,
        clerp: label ?? '',
      };
    case 'token':
      return {
        ...common,
        feature: position,
        layer: 'E',
        jsNodeId: `E_${index}-${position}`,
        clerp: label ?? `Emb: "${oneLine(text)}"`,
      };
    case 'logit':
      return {
        ...common,
        feature: index,
        layer: String(nLayers + 1),
        jsNodeId: `L_${index}-${position}`,
        clerp: logitLabel(node),
      };
  }
}
