import { demonstrationHalves } from './halves.ts';
import type { IoiReference } from './types.ts';

/**
 * What TransformerLens's main demonstration finds on distilgpt2. Its random tokens have no seed, so the figures are only
 * known to about their spread.
 */
export const distilGpt2Reference: IoiReference = {
  model: 'distilgpt2',
  shape: { nLayers: 6, nHeads: 12, dModel: 768 },
  tolerance: 0.01,
  prompts: [],
  s2: 0,
  logitDiffs: [],
  lens: {},
  layers: {},
  heads: {},
  patching: [],
  headScores: {
    halves: demonstrationHalves,
    induction: { '3.10': { about: 0.937, within: 0.03 }, '3.2': { about: 0.867, within: 0.03 } },
  },
  roles: {},
};
