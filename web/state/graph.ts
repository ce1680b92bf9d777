/** Features of the attribution graph set to a multiple of their activation. */
export interface GraphChange {
  /** Names of features. */
  readonly nodes: readonly string[];
  /** 0 ablates, 2 doubles. */
  readonly factor: number;
}

/** Where a reader put a part of the subgraph, in thousandths of its width and height. */
export type SubgraphPlace = readonly [id: string, x: number, y: number];
