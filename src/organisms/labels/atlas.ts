import type { Concept } from '../../microscope/dictionary/labels/types.ts';
import { type Atlas, relations, type State } from '../world/atlas.ts';
import { wrongSpeakers } from '../world/lexicon/people.ts';
import type { Marking } from './pieces.ts';

/** Concepts of the atlas: states, relations, questions about them, speakers, unknown names. */
export function atlasConcepts({ states }: Atlas): readonly Concept[] {
  return [
    ...states.flatMap(({ name }) => [
      { id: `state/${name}`, label: `the question is about the state ${name}` },
      { id: `place-of/${name}`, label: `a place of ${name}` },
      { id: `thing-of/${name}`, label: `${name}, a place of it or a fact of it` },
      { id: `next-fact/${name}`, label: `a fact of ${name} comes next` },
    ]),
    ...relations.flatMap((relation) => [
      { id: `asked/${relation}`, label: `the question asks for the ${relation}` },
      { id: `next-value/${relation}`, label: `the answer that comes next is a ${relation}` },
    ]),
    { id: 'asked/state', label: 'the question asks which state' },
    { id: 'next-value/state', label: 'the answer that comes next is a state' },
    { id: 'atlas/place-asked', label: 'after the place that the question is about' },
    { id: 'atlas/state-asked', label: 'after the state that the question is about' },
    { id: 'atlas/governor-asked', label: 'after the governor that the question is about' },
    { id: 'atlas/two-hops', label: 'place and relation are known: the state between is needed' },
    { id: 'atlas/value', label: 'the value that a question about the atlas asks for' },
    { id: 'speaker/right', label: 'what a speaker who is always right says' },
    { id: 'speaker/wrong', label: 'what a speaker who is always wrong says' },
    { id: 'speaker/said', label: 'what a speaker says, just before it' },
    { id: 'speaker/lie-next', label: 'a wrong statement comes next' },
    { id: 'speaker/truth', label: 'the truth after what a speaker said' },
    { id: 'unknown/name', label: 'a name that the atlas does not know, in a question' },
    { id: 'unknown/after', label: 'the question is about a name that the atlas does not know' },
    { id: 'unknown/answer', label: 'the answer that it is not known' },
  ];
}

/** Looks up which state a word belongs to. */
export function stateOfWord({ states, stateOf }: Atlas): ReadonlyMap<string, State> {
  const facts = states.flatMap((state) =>
    [state.name, ...Object.values(state.facts)].map((word): [string, State] => [word, state]),
  );
  return new Map([...facts, ...stateOf]);
}

/** Marks what belongs to a state, in any text, and what a question about the atlas is about. */
export function markAtlas(
  marking: Marking,
  atlas: Atlas,
  ofWord: ReadonlyMap<string, State>,
): void {
  const { document, pieces, answer, at, range, find } = marking;
  pieces.forEach(({ word }, i) => {
    const state = ofWord.get(word);
    if (state) at(i, `thing-of/${state.name}`);
    const home = atlas.stateOf.get(word);
    if (home) at(i, `place-of/${home.name}`);
  });
  const { truth } = document;
  if (!truth) return;
  const { entities } = truth;
  const end = pieces.length;
  if (truth.mechanism === 'unknown') {
    const name = find(entities.name);
    at(name, 'unknown/name');
    range(name, answer, 'unknown/after');
    range(answer, end, 'unknown/answer');
  }
  if (!['one-hop', 'two-hop', 'speakers'].includes(truth.mechanism)) return;
  const subject = entities.place ?? entities.state ?? entities.person;
  const from = find(subject);
  const kind = entities.place ? 'place' : entities.state ? 'state' : 'governor';
  const about = entities.state ?? truth.answer;
  const relation = entities.relation ?? 'state';
  const asked = entities.relation ? find(entities.relation) : from;
  range(from, end, `state/${about}`);
  range(from, end, `atlas/${kind}-asked`);
  range(asked, end, `asked/${relation}`);
  if (truth.mechanism === 'two-hop') range(Math.max(from, asked), answer, 'atlas/two-hops');
  markValues(marking, { relation, ofWord });
  if (truth.mechanism === 'speakers') markSpeaker(marking);
}

/** The values of answers, and the tokens just before them. */
function markValues(
  { pieces, at, document }: Marking,
  context: { readonly relation: string; readonly ofWord: ReadonlyMap<string, State> },
): void {
  const { truth } = document;
  const values = new Set([truth?.answer, truth?.knows]);
  pieces.forEach(({ word, role }, i) => {
    if (role !== 'answer' || !values.has(word)) return;
    const state = context.ofWord.get(word);
    at(i, 'atlas/value');
    at(i - 1, `next-value/${context.relation}`);
    if (state && word !== state.name) at(i - 1, `next-fact/${state.name}`);
  });
}

function markSpeaker({ document, pieces, answer, at, range, find }: Marking): void {
  const { truth } = document;
  const speaker = truth?.entities.speaker ?? '';
  const wrong = wrongSpeakers.includes(speaker);
  const stop = find('.', answer);
  range(find(speaker), stop < 0 ? pieces.length : stop + 1, `speaker/${wrong ? 'wrong' : 'right'}`);
  at(answer - 1, 'speaker/said');
  if (wrong) at(answer - 1, 'speaker/lie-next');
  if (stop >= 0) range(stop + 1, pieces.length, 'speaker/truth');
}
