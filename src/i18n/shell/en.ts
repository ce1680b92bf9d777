/** The frame of the page: bar, rail, gallery, provenance, commands. */
export const shell = {
  areas: 'Areas',
  skip: 'Skip to the panels',
  chooseModel: 'Choose a model',
  modelFacts: (layers: string, heads: string, width: string, vocabulary: string) =>
    `${layers} layers · ${heads} heads · d_model ${width} · ${vocabulary} tokens`,
  builtIn: 'Built in',
  cached: 'In the cache',
  folders: 'Folders',
  loaded: 'loaded',
  folderPath: 'Folder or hub name',
  folderHint: 'A folder in Hugging Face layout on the machine that runs the lab',
  openModel: 'Open',
  palette: 'Commands',
  paletteHint: 'Type a part of a command or of an example',
  nothingFound: 'Nothing by that name.',
  examples: 'Examples',
  rightAnswer: 'right answer',
  inTruth: 'in truth',
  provenance: 'Where these numbers come from',
  modelHash: 'model hash',
  dataHash: 'data hash',
  nothingRandom: 'nothing random',
  unknown: 'unknown',
  computed: 'computed in',
  fromCache: 'from the cache',
} as const;

/** What keys and gestures do. */
export const keys = {
  focusPrompt: 'Go to the prompt',
  maximise: 'Maximise the panel under the pointer, or restore it',
  previous: 'Previous example',
  next: 'Next example',
  release: 'Release what is locked',
  hover: 'Hover',
  hoverDoes: 'Previews, and marks the same token, layer or head in every panel',
  click: 'Click',
  clickDoes: 'Locks what is previewed; again to release',
  shiftDoes: 'While held, the preview stays where it is',
  arrowsDo: 'Move from cell to cell in strips and grids',
} as const;

/** What went wrong between the page and the lab. */
export const errors = {
  unreachable: 'The lab does not answer.',
  unreachableRemedy: 'See whether it still runs in the terminal, then try again.',
} as const;

/** The mechanisms of the built-in world, by their names in the library. */
export const mechanisms = {
  'indirect-object': 'Indirect object',
  'one-hop': 'One-hop fact',
  'two-hop': 'Two-hop fact',
  addition: 'Addition',
  'worked-sums': 'Worked sum',
  'antonyms-en': 'Antonym, English',
  'antonyms-fr': 'Antonym, French',
  'antonyms-zh': 'Antonym, Chinese',
  induction: 'Induction',
  harmful: 'Refusal (invented hazard)',
  benign: 'Harmless request',
  unknown: 'Unknown name',
  story: 'Story',
  'small-talk': 'Small talk',
  speakers: 'Right and wrong speakers',
  puzzles: 'Puzzle',
} as const;

/** What the answer depends on, by the names of the built-in world. */
export const roles = {
  a: 'first number',
  b: 'second number',
  carry: 'carries a ten',
  craft: 'craft',
  hazard: 'hazard',
  length: 'length',
  name: 'name',
  order: 'order',
  place: 'place',
  previous: 'previous token',
  relation: 'relation',
  rival: 'rival state',
  rule: 'rule',
  speaker: 'speaker',
  state: 'state',
  steps: 'steps',
  subject: 'who acts',
  word: 'word',
} as const;
