import type { Provenance } from '../api.ts';
import type { ProgramIdentity } from '../identity.ts';
import type { ModelFacts, Question, Requests } from '../messages.ts';
import { commandLine } from './command.ts';
import { codeSnippet } from './snippet.ts';

/** Questions that always draw something at random. */
const SEEDED: ReadonlySet<Question> = new Set([
  'heads',
  'dose',
  'graph-validity',
  'circuit-curve',
  'ioi',
  'attribute',
]);

function seedOf(question: Question, request: Requests[Question]): number | null {
  const { seed, temperature } = request as { seed?: number; temperature?: number };
  const { ioi, checks } = request as { ioi?: { seed?: number }; checks?: boolean };
  if (SEEDED.has(question) || checks) return seed ?? 0;
  if (question === 'circuit' || question === 'circuit-eval') return ioi ? (ioi.seed ?? 0) : null;
  return question === 'generate' && (temperature ?? 0) > 0 ? (seed ?? 0) : null;
}

/** The provenance of an answer. */
export function provenanceOf<Q extends Question>(
  question: Q,
  request: Requests[Q],
  made: {
    /** The model's name; null when the request used the default one. */
    readonly named: string | null;
    readonly name: string;
    readonly facts: ModelFacts;
    readonly program: ProgramIdentity;
    readonly seconds: number;
    readonly cached: boolean;
  },
): Provenance {
  const { facts, program, name, named, seconds, cached } = made;
  return {
    model: name,
    modelHash: facts.hash,
    dataHash: facts.dataHash,
    seed: seedOf(question, request),
    glassboxVersion: program.version,
    commit: program.commit,
    command: commandLine(question, request, { model: named }),
    code: codeSnippet(question, request, { model: name }),
    seconds,
    cached,
  };
}
