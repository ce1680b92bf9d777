/** The built-in world with its ground truth, and the recipe of the shipped model. */
export {
  type Batch,
  type BatchOptions,
  defaultMixture,
  type Mixture,
  trainingBatch,
} from './data.ts';
export * from './evaluation.ts';
export { measureFurther } from './further.ts';
export { greedyGenerator } from './greedy.ts';
export { ioiSentences, type SentenceSet, sentenceSets } from './ioi-sentences.ts';
export { type MarkedDocument, type WorldConcepts, worldConcepts } from './labels/concepts.ts';
export { type ProbeTask, type ProbeText, probeTasks, probeText } from './labels/probes.ts';
export { type ConceptTextOptions, conceptTexts } from './labels/text.ts';
export type { FurtherResults, Manifest } from './manifest.ts';
export { atlasRecipe, modelConfigJson, type Recipe } from './recipe.ts';
export { dataHash, shipModel, shipRecords } from './ship.ts';
export {
  createTokenizer as createWorldTokenizer,
  tokenizerConfig,
  tokenizerJson,
  type WorldTokenizer,
} from './tokenizer.ts';
export {
  organismConfig,
  type TrainedOrganism,
  type TrainOrganismOptions,
  trainOrganism,
} from './train.ts';
export { type Atlas, type Relation, relations, type State } from './world/atlas.ts';
export {
  type ContextMark,
  contextMarks,
  markContext,
  markDocument,
  splitContext,
} from './world/context.ts';
export type { Split } from './world/hold-out.ts';
export { rightSpeakers, storyNames, wrongSpeakers } from './world/lexicon/people.ts';
export {
  checkPuzzle,
  createPuzzle,
  type Puzzle,
  type PuzzleRule,
  puzzleRules,
} from './world/mechanisms/puzzles.ts';
export { REFUSAL } from './world/mechanisms/requests.ts';
export { UNKNOWN } from './world/mechanisms/unknown.ts';
export { chatTurn } from './world/phrase.ts';
export {
  type Document,
  documentText,
  type Mechanism,
  mechanisms,
  type Part,
  promptOf,
  SPECIAL,
  type Truth,
} from './world/types.ts';
export { createWorld, WORLD_SEED, type World } from './world/world.ts';
