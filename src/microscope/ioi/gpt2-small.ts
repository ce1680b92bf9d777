import type { IoiReference } from './reference.ts';

const sentences: readonly (readonly [string, string, string])[] = [
  ['When John and Mary went to the shops, {} gave the bag to', 'Mary', 'John'],
  ['When Tom and James went to the park, {} gave the ball to', 'Tom', 'James'],
  ['When Dan and Sid went to the shops, {} gave an apple to', 'Dan', 'Sid'],
  ['After Martin and Amy went to the park, {} gave a drink to', 'Martin', 'Amy'],
];

/**
 * What a correct tool finds on GPT-2 small: the eight prompts that TransformerLens's demonstration of
 * exploratory analysis measures, with its figures, and the heads of Wang et al. (2022).
 */
export const gpt2SmallReference: IoiReference = {
  model: 'GPT-2 small',
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
  lens: {
    '7_mid': 0.25,
    '8_mid': 0.45,
    '9_pre': 0.46,
    '9_mid': 5.025,
    '10_pre': 5.143,
    '10_mid': 4.731,
    '11_pre': 4.887,
    '11_mid': 3.445,
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
    { site: 'resid_pre', at: 's2', effects: { 7: 0.923, 8: 0.657 } },
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
  roles: {
    'name mover': ['9.9', '9.6', '10.0'],
    'negative name mover': ['10.7', '11.10'],
    'S-inhibition': ['7.3', '7.9', '8.6', '8.10'],
    induction: ['5.5', '5.8', '5.9', '6.9'],
    'duplicate token': ['0.1', '0.10', '3.0'],
    'previous token': ['2.2', '4.11'],
  },
};
