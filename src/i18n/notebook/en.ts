/** English words of the notebook. */
export const notebook = {
  title: 'Notebook',
  about: 'Findings pinned from the panels; they stay in this browser and are sent nowhere',
  empty:
    'Nothing pinned yet. The pin in a panel’s head keeps its figure, its numbers and the way back to it.',
  pin: 'Pin to the notebook',
  pinned: (count: string) => `Pinned to the notebook (${count})`,
  full: 'The browser has no room for this finding. Remove some, or export the report first.',
  note: 'Note',
  notePlaceholder: 'What does this show?',
  up: 'Move up',
  down: 'Move down',
  remove: 'Remove',
  open: 'Open this view',
  clear: 'Remove all',
  clearAsk: 'Remove all findings from the notebook?',
  html: 'Report as HTML',
  markdown: 'Report as Markdown',
  report: 'Glassbox report',
  made: 'Made',
  rows: (shown: string, total: string) => `${shown} of ${total} rows`,
  source: (model: string, hash: string, version: string) =>
    `Model ${model} (${hash}), Glassbox ${version}`,
  seed: (seed: string) => `seed ${seed}`,
  go: 'Go to the notebook',
  noFigure: 'No figure: the panel has none, or it was too large to keep.',
} as const;
