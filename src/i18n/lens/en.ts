/** The panel of the logit lens. */
export const lens = {
  title: 'Logit lens',
  about:
    'What each layer would predict if it were the last: the final norm and unembedding applied to the residual stream.',
  shadeBy: 'Shade',
  shades: {
    top: 'Probability of the top token',
    target: 'Probability of the target',
    rank: 'Rank of the target',
    entropy: 'Entropy',
  },
  guesses: 'Guesses',
  embed: 'embed',
  layerName: (layer: string) => `L${layer}`,
  follows: 'The target is the token that follows in the prompt.',
  followed: (token: string) => `The target is “${token}” everywhere.`,
  cell: (layer: string, position: string, token: string) =>
    `${layer}, position ${position}, after “${token}”`,
  targetProb: 'p(target)',
  rankShare: 'rank, 1 is full',
  bold: 'Bold: the target is the top token.',
  topToken: 'top token',
  rankOf: (rank: string) => `rank ${rank}`,
  otherLayers: 'At this position, by layer',
  grid: 'Layers by positions. Arrow keys move, Enter locks.',
} as const;
