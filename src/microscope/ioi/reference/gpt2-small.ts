import type { PatchSite } from '../../patching/index.ts';
import * as published from './gpt2-small-tables.ts';
import { demonstrationHalves } from './halves.ts';
import type { IoiReference, PublishedFigures } from './types.ts';

const sentences: readonly (readonly [string, string, string])[] = [
  ['When John and Mary went to the shops, {} gave the bag to', 'Mary', 'John'],
  ['When Tom and James went to the park, {} gave the ball to', 'Tom', 'James'],
  ['When Dan and Sid went to the shops, {} gave an apple to', 'Dan', 'Sid'],
  ['After Martin and Amy went to the park, {} gave a drink to', 'Martin', 'Amy'],
];

const after = (giver: string) =>
  `After John and Mary went to the store, ${giver} gave a bottle of milk to`;

/** `layer.head` to figures. */
const byHead = (matrix: published.PublishedMatrix): PublishedFigures =>
  Object.fromEntries(matrix.flatMap((row, l) => row.map((x, h) => [`${l}.${h}`, x])));

/** Position of the second subject in all eight prompts, the begin-of-text token counted. */
const S2 = 10;

/** A table of layers and positions, column by column. */
const byPosition = (site: 'resid_pre' | 'attn_out' | 'mlp_out', of: published.PublishedMatrix) =>
  of[0].map((_, column) => ({
    site,
    at: S2 + column,
    effects: Object.fromEntries(of.map((row, layer) => [String(layer), row[column]])),
  }));

const allPositions = (site: PatchSite, of: published.PublishedMatrix) => ({
  site,
  at: 'all' as const,
  effects: byHead(of),
});

/**
 * What a correct tool finds on GPT-2 small: the eight prompts that TransformerLens's demonstrations of
 * exploratory analysis and activation patching measure, and the prompts of its main demonstration, with all figures
 * of their plots; the heads of Wang et al. (2022); edges scored by EAP-IG's implementation, and rates of ACDC (Conmy et al.
 * 2023) against those heads. All prompts begin with the begin-of-text token; the random tokens do not.
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
  logitDiffs: [3.337, 3.202, 2.709, 3.797, 1.72, 5.281, 2.601, 5.767],
  mean: { clean: 3.552, corrupted: -3.552 },
  // Before the first block both answers are level: the running sums begin behind it.
  lens: Object.fromEntries(
    published.lens
      .map((x, i) => [`${Math.floor(i / 2)}_${i % 2 === 0 ? 'pre' : 'mid'}`, x] as const)
      .slice(1),
  ),
  layers: Object.fromEntries(
    published.layerEffects.flatMap(([attn, mlp], layer) => [
      [`attn ${layer}`, attn],
      [`mlp ${layer}`, mlp],
    ]),
  ),
  heads: byHead(published.headEffects),
  patching: [
    ...byPosition('resid_pre', published.residPrePatching),
    ...byPosition('attn_out', published.attnOutPatching),
    ...byPosition('mlp_out', published.mlpOutPatching),
    allPositions('z', published.zPatching),
    allPositions('q', published.qPatching),
    allPositions('k', published.kPatching),
    allPositions('v', published.vPatching),
    allPositions('pattern', published.patternPatching),
  ],
  // The mean is published to two decimals.
  knockOut: { head: '9.9', heads: byHead(published.withoutHead), mean: 2.92 },
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
    // From TransformerLens's tests: the same on the weights as they are.
    ablatedUnfolded: 4.117,
  },
  headScores: {
    halves: demonstrationHalves,
    previousToken: byHead(published.previousTokenScores),
    duplicateToken: byHead(published.duplicateTokenScores),
    induction: byHead(published.inductionScores),
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
