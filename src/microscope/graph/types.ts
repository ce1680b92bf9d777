/** What a node of an attribution graph stands for. */
export type GraphNodeKind = 'feature' | 'error' | 'token' | 'logit';

/** A node: a feature, the error of a dictionary, a token's embedding, or a logit, at one position. */
export interface GraphNode {
  readonly kind: GraphNodeKind;
  /** The dictionary's layer; −1 for tokens, n_layers for logits. */
  readonly layer: number;
  readonly position: number;
  /** Feature index, or token id for tokens and logits; −1 for errors. */
  readonly index: number;
  /** Activation of a feature; null otherwise. */
  readonly activation: number | null;
  /** Probability of a logit; null otherwise. */
  readonly probability: number | null;
}

/**
 * A square matrix of direct effects, row-major: entry [target, source] is what the source adds to the
 * target along all direct paths, with attention patterns and norm scales frozen. Rows are targets in
 * every file of Glassbox; circuit-tracer's tensors have the same convention.
 */
export interface AttributionGraph {
  /** Features, then errors (by layer, then position), then tokens, then logits. */
  readonly nodes: readonly GraphNode[];
  /** `[nodes, nodes]` */
  readonly adjacency: Float32Array;
  readonly prompt: string;
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  /** What the logit nodes stand for, in their order: a token, or `a − b`. */
  readonly outputs: readonly { readonly id: number; readonly text: string }[];
  readonly nLayers: number;
}
