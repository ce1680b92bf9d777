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
  /** By the lab's error code; the details that follow are in English. */
  codes: {
    'bad-edit': 'An intervention cannot be carried out as written.',
    'bad-edit-shape': 'An intervention has the wrong size for its place.',
    'bad-request': 'The lab does not understand the request.',
    'bad-token': 'There is no such token.',
    'empty-prompt': 'The prompt is empty.',
    internal: 'The lab made a mistake.',
    'missing-weight': 'The model lacks weights.',
    'no-file': 'A file of the model is missing.',
    'no-tokenizer': 'The model has no tokenizer.',
    'not-one-token': 'The text is more than one token.',
    'prompt-too-long': 'The prompt is too long for this model.',
    'prompts-differ-in-length': 'The two prompts differ in length.',
    'request-too-large': 'The request is too large.',
    'run-failed': 'The model could not be run.',
    'token-needed': 'The lab asks for its access token.',
    'unknown-address': 'The model has no such address.',
    'unknown-model': 'There is no such model.',
    'unsupported-architecture': 'This kind of model is not supported.',
  },
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
