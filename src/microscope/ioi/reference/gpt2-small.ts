import { demonstrationHalves } from './halves.ts';
import type { IoiReference } from './types.ts';

const sentences: readonly (readonly [string, string, string])[] = [
  ['When John and Mary went to the shops, {} gave the bag to', 'Mary', 'John'],
  ['When Tom and James went to the park, {} gave the ball to', 'Tom', 'James'],
  ['When Dan and Sid went to the shops, {} gave an apple to', 'Dan', 'Sid'],
  ['After Martin and Amy went to the park, {} gave a drink to', 'Martin', 'Amy'],
];

const after = (giver: string) =>
  `After John and Mary went to the store, ${giver} gave a bottle of milk to`;

/**
 * What a correct tool finds on GPT-2 small: the eight prompts that TransformerLens's demonstration of
 * exploratory analysis measures, and the prompts of its main demonstration, with their figures; the heads of Wang et al.
 * (2022); edges scored by EAP-IG's implementation, and rates of ACDC (Conmy et al. 2023) against those heads.
 */
export const gpt2SmallReference: IoiReference = {
  model: 'GPT-2 small',
  shape: { nLayers: 12, nHeads: 12, dModel: 768 },
  tolerance: 0.01,
  prompts: sentences.flatMap(([sentence, one, other]) => {
    const pair = (target: string, distractor: string) => ({
      clean: sentence.replace('{}', distractor),
      corrupted: sentence.replace('{}', target),
      target,
      distractor,
    });
    return [pair(one, other), pair(other, one)];
  }),
  s2: 10,
  logitDiffs: [3.337, 3.202, 2.709, 3.797, 1.72, 5.281, 2.601, 5.767],
  mean: { clean: 3.552, corrupted: -3.552 },
  lens: {
    // Published as about zero up to layer 7.
    '1_pre': { about: 0, within: 0.1 },
    '3_pre': { about: 0, within: 0.1 },
    '5_pre': { about: 0, within: 0.1 },
    '7_pre': { about: 0, within: 0.1 },
    '7_mid': 0.25,
    '8_mid': 0.45,
    '9_pre': 0.46,
    '9_mid': 5.025,
    '10_pre': 5.143,
    '10_mid': 4.731,
    '11_pre': 4.887,
    '11_mid': 3.445,
    '12_pre': 3.552,
  },
  layers: {
    'attn 7': 0.28,
    'attn 8': 0.199,
    'attn 9': 4.565,
    'mlp 9': 0.117,
    'attn 10': -0.412,
    'mlp 10': 0.156,
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: a measured effect, no constant.
    'attn 11': -1.442,
    'mlp 11': 0.106,
  },
  heads: {
    '9.9': 2.985,
    '10.7': -1.899,
    '9.6': 1.384,
    '11.10': -0.97,
    '10.0': 0.561,
    '10.10': 0.48,
    '11.2': -0.388,
    '8.10': 0.29,
    '10.6': 0.288,
    '7.9': 0.183,
  },
  patching: [
    {
      site: 'resid_pre',
      at: 's2',
      effects: {
        // Published as about one; .968 is given for the step between layers 5 and 6.
        0: { about: 1, within: 0.04 },
        1: { about: 1, within: 0.04 },
        2: { about: 1, within: 0.04 },
        3: { about: 1, within: 0.04 },
        4: { about: 1, within: 0.04 },
        5: { about: 1, within: 0.04 },
        6: { about: 0.968, within: 0.03 },
        7: 0.923,
        8: 0.657,
      },
    },
    { site: 'resid_pre', at: 'end', effects: { 8: 0.319, 9: 0.938, 10: 1.005 } },
    {
      site: 'attn_out',
      at: 'end',
      effects: { 7: 0.298, 8: 0.57, 9: 0.272, 10: -0.193, 11: -0.406 },
    },
    { site: 'attn_out', at: 's2', effects: { 3: 0.155, 5: 0.352, 6: 0.12 } },
    { site: 'mlp_out', at: 's2', effects: { 0: 0.851 } },
    {
      site: 'z',
      at: 'all',
      effects: {
        '10.7': -0.48,
        '5.5': 0.343,
        '8.6': 0.319,
        '11.10': -0.278,
        '8.10': 0.278,
        '9.9': 0.264,
        '7.9': 0.192,
        '6.9': 0.13,
        '7.3': 0.124,
        '3.0': 0.116,
      },
    },
    { site: 'v', at: 'all', effects: { '8.6': 0.317, '8.10': 0.273, '7.9': 0.208, '7.3': 0.133 } },
    { site: 'pattern', at: 'all', effects: { '10.7': -0.505, '5.5': 0.344, '9.9': 0.277 } },
  ],
  knockOut: { head: '9.9', heads: { '9.6': 1.441, '10.10': 1.229 } },
  answers: [
    { prompt: after('John'), token: 'Mary', logit: 18.09, probability: 0.7007 },
    { prompt: after('John'), token: 'John', logit: 15.35 },
  ],
  differences: [
    { prompt: after('Mary'), target: 'John', distractor: 'Mary', logitDiff: 4.276 },
    { prompt: after('John'), target: 'John', distractor: 'Mary', logitDiff: -2.738 },
  ],
  loss: {
    // The first sentence of the abstract of the GPT-2 paper, which the demonstration uses.
    text: 'Natural language processing tasks, such as question answering, machine translation, reading comprehension, and summarization, are typically approached with supervised learning on taskspecific datasets.',
    head: '0.8',
    plain: 3.999,
    ablated: 5.453,
  },
  headScores: {
    halves: demonstrationHalves,
    previousToken: { '4.11': 0.992, '3.7': 0.529, '6.8': 0.499, '2.2': 0.482 },
    duplicateToken: { '0.5': 0.703, '3.0': 0.678 },
    induction: {
      '5.1': 0.931,
      '6.9': 0.926,
      '5.5': 0.926,
      '7.10': 0.904,
      '7.2': 0.851,
      '10.1': 0.482,
    },
  },
  edges: {
    // EAP-IG subtracts clean from corrupted, so its file has the opposite signs.
    scores: {
      'a9.h9->logits': 0.2815,
      'input->m0': 0.2085,
      'a10.h7->logits': -0.1964,
      'a9.h6->logits': 0.13,
      'a11.h10->logits': -0.0915,
      'a5.h5->a8.h6<v>': 0.0777,
      'a8.h6->a9.h9<q>': 0.0253,
    },
    kept: 756,
  },
  acdc: [
    {
      metric: 'kl',
      threshold: 0.0063,
      edges: 380,
      truePositiveRate: 0.243,
      falsePositiveRate: 0.004,
      precision: 0.666,
      nodeTruePositiveRate: 0.842,
      nodeFalsePositiveRate: 0.111,
      divergence: 0.454,
    },
    { metric: 'kl', threshold: 0.0004, edges: 1055 },
  ],
  roles: {
    'name mover': ['9.9', '9.6', '10.0'],
    'negative name mover': ['10.7', '11.10'],
    'backup name mover': ['9.0', '9.7', '10.1', '10.2', '10.6', '10.10', '11.2', '11.9'],
    'S-inhibition': ['7.3', '7.9', '8.6', '8.10'],
    induction: ['5.5', '5.8', '5.9', '6.9'],
    'duplicate token': ['0.1', '0.10', '3.0'],
    'previous token': ['2.2', '4.11'],
  },
};
