import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import { type Preference, resolveToken, showToken, tokenizerOf } from '../../microscope/index.ts';
import type { Model } from '../../model/index.ts';
import type { World } from '../../organisms/world/world.ts';
import type { Guess, TargetView, TokenChoice, Tokens, TruthView } from '../api.ts';
import type { Answer, GeneratedToken, Question, Requests } from '../messages.ts';

/** A loaded model and what is known around it. */
export interface Session {
  readonly model: Model;
  /** Where the model lies, with what belongs to it. */
  readonly folder: string;
  /** Folders of dictionaries that the lab was given, beside those in the model's own. */
  readonly dictionaries: readonly string[];
  /** The world whose prompts the model was trained on; null for other models. */
  readonly world: World | null;
  /** Texts of tokens on their own, filled as they are needed. */
  readonly texts: Map<number, string>;
}

/** One request while it is answered. */
export interface Job {
  readonly progress: ProgressListener;
  readonly signal: AbortSignal;
  readonly emit: (token: GeneratedToken) => void;
}

export type Handler<Q extends Question> = (
  session: Session,
  request: Requests[Q],
  job: Job,
) => Promise<Answer<Q>>;

/** Guesses asked for per position when a request wants fewer, so that one program serves them all. */
const SHARED_TOP = 20;

/** How many guesses to compute for a request; {@link guesses} cuts them to what was asked for. */
export function computedTop(topK: number | undefined): number {
  return Math.max(SHARED_TOP, topK ?? 0);
}

/** Token ids of a prompt given as text or ids. Throws `empty-prompt`. */
export function promptIds({ model }: Session, prompt: string | readonly number[]): number[] {
  const ids =
    typeof prompt !== 'string'
      ? [...prompt]
      : prompt === ''
        ? []
        : tokenizerOf(model).encode(prompt, { addSpecialTokens: true });
  if (ids.length > 0) return ids;
  throw new GlassboxError('the prompt is empty', {
    code: 'empty-prompt',
    remedy: 'Give at least one character, or one token id.',
  });
}

/** One token as the page names it. */
export function choice({ model, texts }: Session, id: number): TokenChoice {
  let text = texts.get(id);
  if (text === undefined) {
    text = showToken(model, id).text;
    texts.set(id, text);
  }
  return { id, text };
}

/** The first guesses with their texts; 10 unless told. */
export function guesses(
  session: Session,
  list: readonly { readonly id: number; readonly prob: number }[],
  topK = 10,
): Guess[] {
  return list.slice(0, topK).map(({ id, prob }) => ({ ...choice(session, id), prob }));
}

/** Tokens with bytes, grouped where several make one character. */
export function viewTokens(session: Session, ids: readonly number[]): Tokens {
  const { tokenizer } = session.model;
  const found = tokenizer?.tokenStrings(ids) ?? ids.map((id) => ({ ids: [id], text: `#${id}` }));
  let first = 0;
  const groups = found.map(({ ids: members, text }) => {
    const group = { text, first, count: members.length };
    first += members.length;
    return group;
  });
  const tokens = found.flatMap(({ ids: members }, group) =>
    members.map((id) => ({
      ...choice(session, id),
      bytes: Array.from(tokenizer?.tokenStrings([id])[0]?.bytes ?? []),
      group,
    })),
  );
  return { tokens, groups };
}

interface ChosenTokens {
  readonly target?: string | number;
  readonly distractor?: string | number;
}

/** The question a target and a distractor ask. Throws `bad-request` for a distractor alone. */
export function preferenceOf({ model }: Session, chosen: ChosenTokens): Preference | undefined {
  const { target, distractor } = chosen;
  if (target === undefined) {
    if (distractor === undefined) return undefined;
    throw new GlassboxError('a distractor is given without a target', {
      code: 'bad-request',
      remedy: 'Give the target it is compared with.',
    });
  }
  return {
    target: resolveToken(model, target),
    distractor: distractor === undefined ? undefined : resolveToken(model, distractor),
  };
}

/** The unit of a preference's metric. */
export function metricUnit({ distractor }: Preference): 'logits' | 'nats' {
  return distractor === undefined ? 'nats' : 'logits';
}

/** The measured answer to a preference, for the page. */
export function targetView(
  session: Session,
  preference: Preference | undefined,
  answer: { readonly metric: number | null; readonly targetProb: number | null },
): TargetView | null {
  if (!preference || answer.metric === null || answer.targetProb === null) return null;
  const { target, distractor } = preference;
  return {
    target: choice(session, target),
    distractor: distractor === undefined ? null : choice(session, distractor),
    metric: answer.metric,
    targetProb: answer.targetProb,
    unit: metricUnit(preference),
  };
}

/** What the world says should follow. */
export function truthView({ world }: Session, prompt: string): TruthView | null {
  const truth = world?.truth(prompt);
  if (!truth) return null;
  const { mechanism, answer, entities, knows = null } = truth;
  return { mechanism, answer, entities, knows };
}
