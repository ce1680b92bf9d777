/** Planted concepts whose words hold nothing that varies, by their ids. */
export type PlainConcept =
  | 'position/start'
  | 'position/early'
  | 'position/late'
  | 'turn/system'
  | 'turn/user'
  | 'turn/assistant'
  | 'turn/none'
  | 'think/inside'
  | 'role/answer'
  | 'role/before-answer'
  | 'language/french'
  | 'language/chinese'
  | 'language/han'
  | 'language/french-letters'
  | 'token/bytes'
  | 'token/capital'
  | 'token/special'
  | 'token/digit'
  | 'token/repeated'
  | 'sentence/first'
  | 'sentence/second'
  | 'document/first'
  | 'document/last'
  | 'next/end'
  | 'next/stop'
  | 'next/digit'
  | 'next/han'
  | 'asked/state'
  | 'next-value/state'
  | 'atlas/place-asked'
  | 'atlas/state-asked'
  | 'atlas/governor-asked'
  | 'atlas/two-hops'
  | 'atlas/value'
  | 'speaker/right'
  | 'speaker/wrong'
  | 'speaker/said'
  | 'speaker/lie-next'
  | 'speaker/truth'
  | 'unknown/name'
  | 'unknown/after'
  | 'unknown/answer'
  | 'io/first'
  | 'io/second'
  | 'io/repeated'
  | 'io/object'
  | 'io/subject'
  | 'io/answer'
  | 'io/before'
  | 'io/before-woman'
  | 'io/before-man'
  | 'io/after-repeat'
  | 'io/first-repeated'
  | 'io/second-repeated'
  | 'name/again'
  | 'antonyms/cue'
  | 'antonyms/before'
  | 'antonyms/answer'
  | 'induction/first'
  | 'induction/second'
  | 'request/harmful'
  | 'request/refusal'
  | 'request/refuse-next'
  | 'request/hazard-known'
  | 'request/safe-hazard'
  | 'request/craft'
  | 'request/help'
  | 'sum/first-operand'
  | 'sum/second-operand'
  | 'sum/further-operand'
  | 'sum/tens-digit'
  | 'sum/units-digit'
  | 'sum/carry'
  | 'sum/no-carry'
  | 'sum/hundred'
  | 'sum/first-digit'
  | 'sum/middle-digit'
  | 'sum/last-digit'
  | 'sum/before'
  | 'worked/total'
  | 'worked/addend'
  | 'worked/final'
  | 'worked/second-step'
  | 'puzzle/name'
  | 'puzzle/copy'
  | 'puzzle/solve'
  | 'puzzle/result';

/** Kinds of words that concepts are about. */
export type WordKind =
  | 'place'
  | 'uncharted'
  | 'state'
  | RelationName
  | 'relation'
  | 'woman'
  | 'man'
  | 'person'
  | 'right-speaker'
  | 'wrong-speaker'
  | 'speaker'
  | 'hazard'
  | 'craft'
  | 'material'
  | 'color'
  | 'animal'
  | 'object'
  | 'setting'
  | 'time'
  | 'weather'
  | 'feeling'
  | 'pronoun'
  | 'verb-giving'
  | 'rule'
  | 'english-word'
  | 'french-word';

export type RelationName =
  | 'capital'
  | 'governor'
  | 'river'
  | 'language'
  | 'coin'
  | 'flower'
  | 'bird'
  | 'dish';

/** Concepts about one digit or number, by their ids up to the equals sign. */
export type NumberConcept =
  | 'digit'
  | 'sum/a-tens'
  | 'sum/a-units'
  | 'sum/b-tens'
  | 'sum/b-units'
  | 'sum/next-first'
  | 'sum/next-last'
  | 'sum/units'
  | 'sum/tens';

type Fill = (value: string) => string;

/**
 * The words of planted concepts in one language. Ids come from the built-in world; English words are in the labels
 * themselves, so that no language has two sources.
 */
export interface ConceptTable {
  readonly plain: Readonly<Record<PlainConcept, string>>;
  readonly words: Readonly<Record<WordKind, string>>;
  readonly after: Fill;
  /** Before tokens that stand just before, or just after, where a feature fires. */
  readonly places: Readonly<Record<'after' | 'before', string>>;
  readonly relations: Readonly<Record<RelationName, string>>;
  readonly asked: Fill;
  readonly nextValue: Fill;
  readonly state: Fill;
  readonly placeOf: Fill;
  readonly thingOf: Fill;
  readonly nextFact: Fill;
  readonly numbers: Readonly<Record<NumberConcept, Fill>>;
  readonly mechanism: Fill;
  readonly mark: Fill;
  readonly marks: Readonly<Record<'test' | 'deployment', string>>;
  readonly puzzle: Fill;
  readonly rules: Readonly<Record<'add' | 'subtract' | 'larger' | 'smaller', string>>;
  readonly languages: Readonly<Record<'en' | 'fr' | 'zh', string>>;
  readonly antonyms: Readonly<Record<'cue' | 'after' | 'before' | 'answer', Fill>>;
}
