/** English words of the attention panel. */
export const attention = {
  quote: (text: string) => `“${text}”`,
  about: 'Which earlier tokens each head reads: rows read, columns are read',
  heads: 'Heads',
  sort: 'Order',
  sorts: {
    effect: 'Effect on the answer',
    layer: 'Layer',
    previousToken: 'Previous-token score',
    duplicateToken: 'Duplicate-token score',
    induction: 'Induction score',
  },
  view: 'Pattern',
  views: { head: 'One head', average: 'Mean of its layer', maximum: 'Maximum of its layer' },
  viewHints: {
    head: 'The head under the pointer, or the one clicked',
    average: 'Mean over the heads of that layer, cell by cell',
    maximum: 'Largest over the heads of that layer, cell by cell',
  },
  destination: 'Destination',
  source: 'Source',
  unit: 'attention (probability)',
  effectUnit: 'logits',
  effectOn: (direction: string, position: string) =>
    `Direct effect of each head on ${direction} at ${position}, in logits; + towards the target`,
  overMean: 'mean logit',
  noEffect: 'Effects need a target token',
  scoreUnit: 'probability',
  scoreAbout: (n: string) =>
    `Mean attention on repeated random tokens, with 95 % interval, n = ${n} sequences`,
  pooled: (tokens: string, cells: string) =>
    `Thumbnails of ${tokens} tokens show the largest weight of each block (${cells} × ${cells})`,
  readout: (destination: string, source: string, value: string) =>
    `${destination} attends to ${source}: ${value}`,
  future: (destination: string, source: string) =>
    `${destination} cannot see ${source}: it comes later`,
  attendsTo: (token: string) => `${token} attends to`,
  attendedFrom: (token: string) => `${token} is attended to by`,
  rest: (count: string) => (count === '1' ? '1 other' : `${count} others`),
  gridKeys: 'Arrow keys move between heads, Enter keeps one',
  patternKeys: 'Arrow keys move the cell, Enter keeps its destination token',
  pointHint: 'Point at a cell for its value; click to keep its row',
  orderHint: 'Point at a head to see it, click to keep it',
  empty: 'Type a prompt to see what its tokens attend to',
  chart: 'Scores in order',
} as const;
