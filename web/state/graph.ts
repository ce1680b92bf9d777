/** Features of the attribution graph set to a multiple of their activation. */
export interface GraphChange {
  /** Names of features. */
  readonly nodes: readonly string[];
  /** 0 ablates, 2 doubles. */
  readonly factor: number;
}
