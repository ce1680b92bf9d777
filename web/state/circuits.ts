/** What a circuit is looked for with: what the search was started with, not what is being chosen. */
export interface CircuitSettings {
  /** The two prompts of the page, or sentences with two people. */
  readonly from: 'pair' | 'ioi';
  readonly method: (typeof CIRCUIT_METHODS)[number];
  readonly metric: (typeof CIRCUIT_METRICS)[number];
  readonly ablation: (typeof ABLATIONS)[number];
  /** Points of the integral of EAP-IG. */
  readonly steps: number;
  /** ACDC cuts what matters less, in the metric's unit. */
  readonly threshold: number;
  /** Sentences. */
  readonly count: number;
  readonly corruption: (typeof CORRUPTIONS)[number];
}

export const CIRCUIT_METHODS = [
  'eap-ig-inputs',
  'eap-ig-activations',
  'eap',
  'exact',
  'acdc',
] as const;
export const CIRCUIT_METRICS = ['logit-diff', 'log-prob', 'kl'] as const;
export const ABLATIONS = ['corrupted', 'zero', 'mean'] as const;
export const CORRUPTIONS = [
  's2-io',
  'abc',
  's2-random',
  's1-random',
  's-random',
  'io-random',
  'order',
] as const;

export const CIRCUIT_DEFAULTS: CircuitSettings = {
  from: 'pair',
  method: 'eap-ig-inputs',
  metric: 'logit-diff',
  ablation: 'corrupted',
  steps: 5,
  threshold: 0.01,
  count: 16,
  corruption: 's2-io',
};

const oneOf = (values: readonly string[], value: unknown) =>
  typeof value === 'string' && values.includes(value);
const isWhole = (value: unknown, low: number, high: number) =>
  Number.isInteger(value) && Number(value) >= low && Number(value) <= high;

/** Whether JSON from an address is what a search can be started with. */
export function isCircuit(value: unknown): value is CircuitSettings | null {
  if (value === null) return true;
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  const given = value as Record<string, unknown>;
  return (
    oneOf(['pair', 'ioi'], given.from) &&
    oneOf(CIRCUIT_METHODS, given.method) &&
    oneOf(CIRCUIT_METRICS, given.metric) &&
    oneOf(ABLATIONS, given.ablation) &&
    oneOf(CORRUPTIONS, given.corruption) &&
    isWhole(given.steps, 1, 200) &&
    isWhole(given.count, 1, 512) &&
    Number.isFinite(given.threshold) &&
    Number(given.threshold) >= 0
  );
}
