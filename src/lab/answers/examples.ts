import { Rng } from '../../base/rng.ts';
import { directLogitAttribution, type EditSpec, resolveToken } from '../../microscope/index.ts';
import {
  type Document,
  documentText,
  type Mechanism,
  mechanisms,
  promptOf,
} from '../../organisms/world/types.ts';
import type { World } from '../../organisms/world/world.ts';
import type { Example } from '../api.ts';
import { corruptedPrompts } from './pair.ts';
import { choice, type Handler, type Session, truthView } from './session.ts';

/** Mechanisms with more than one example: orders ABBA and BABA, and the chain that needs two steps. */
const COUNTS: Partial<Record<Mechanism, number>> = { 'indirect-object': 2, 'two-hop': 2 };

/** Documents drawn per mechanism to choose examples and replacements from. */
const DRAWN = 80;

/** Prompts every tokenizer of English knows, for models that were not trained on the world. */
const COMMON: readonly Omit<Example, 'id' | 'edits' | 'truth'>[] = [
  {
    mechanism: 'indirect-object',
    prompt: 'When Mary and John went to the store, John gave a drink to',
    promptB: 'When Mary and John went to the store, Mary gave a drink to',
    target: ' Mary',
    distractor: ' John',
  },
  {
    mechanism: 'one-hop',
    prompt: 'The Eiffel Tower is in the city of',
    promptB: null,
    target: ' Paris',
    distractor: ' Rome',
  },
  {
    mechanism: 'antonyms-en',
    prompt: 'The opposite of hot is',
    promptB: 'The opposite of big is',
    target: ' cold',
    distractor: ' small',
  },
  {
    mechanism: 'induction',
    prompt: ' red stone cat river lamp red stone cat river',
    promptB: null,
    target: ' lamp',
    distractor: ' stone',
  },
];

const encode = ({ model }: Session, text: string) => model.tokenizer!.encode(text);

/** The token that follows a prompt when it is continued by a text; null when the two run together. */
function nextToken(session: Session, prompt: string, continuation: string): number | null {
  const before = encode(session, prompt);
  const after = encode(session, prompt + continuation);
  return before.every((id, i) => id === after[i]) ? (after[before.length] ?? null) : null;
}

/** A token in a form that finds it again: its text, or `#id` where the text is not enough. */
function tokenName(session: Session, id: number): string {
  const { text } = choice(session, id);
  const [found, ...more] = session.model.tokenizer!.encode(text, { addSpecialTokens: false });
  return found === id && more.length === 0 ? text : `#${id}`;
}

/** Ablating the head that writes most towards the answer: measured, not guessed. */
async function firstEdit(session: Session, example: Omit<Example, 'edits'>): Promise<EditSpec[]> {
  const { model } = session;
  if (example.target === null) return [];
  const { components } = await directLogitAttribution(model, encode(session, example.prompt), {
    target: resolveToken(model, example.target),
    distractor: example.distractor === null ? undefined : resolveToken(model, example.distractor),
  });
  const heads = components.filter(({ kind }) => kind === 'head');
  const { layer, head } = heads.reduce((best, next) => (next.effect > best.effect ? next : best));
  return [{ at: `blocks.${layer}.attn.hook_z`, op: 'zero', heads: [head!] }];
}

/** The text of a document from its first answer on, which follows its prompt. */
function continuationOf(document: Document): string {
  const first = document.parts.findIndex(({ role }) => role === 'answer');
  const parts = first < 0 ? [] : document.parts.slice(first);
  return parts.map(({ text }) => text).join('');
}

function worldExample(
  session: Session,
  world: World,
  { document, others, id }: { document: Document; others: readonly Document[]; id: string },
): Omit<Example, 'edits'> {
  const { mechanism, truth } = document;
  const plain = { id, mechanism, promptB: null, target: null, distractor: null };
  if (!truth) return { ...plain, prompt: documentText(document), truth: null };
  const { prompt } = promptOf(document);
  const known = { ...plain, prompt, truth: truthView(session, prompt) };
  const continuation = continuationOf(document);
  const target = nextToken(session, prompt, continuation);
  if (target === null || !continuation.trimStart().startsWith(truth.answer)) return known;
  const withTarget = { ...known, target: tokenName(session, target) };
  const space = continuation.startsWith(' ') ? ' ' : '';
  const { length } = encode(session, prompt);
  for (const other of corruptedPrompts(world, prompt, { truth, others })) {
    const distractor = nextToken(session, other.prompt, space + other.truth.answer);
    if (distractor === null || distractor === target) continue;
    if (encode(session, other.prompt).length !== length) continue;
    return { ...withTarget, promptB: other.prompt, distractor: tokenName(session, distractor) };
  }
  return withTarget;
}

/** Held-out documents whose answer follows at once come first: those have a token to ask about. */
function worldExamples(session: Session, world: World): Omit<Example, 'edits'>[] {
  return mechanisms.flatMap((mechanism) => {
    const rng = new Rng(world.seed).fork(`lab ${mechanism}`);
    const drawn = Array.from({ length: DRAWN }, () => world.write(mechanism, rng, 'held-out'));
    const direct = drawn.filter(({ truth, parts }) => {
      const answer = parts.find(({ role }) => role === 'answer');
      return truth && answer?.text.trimStart().startsWith(truth.answer);
    });
    const count = COUNTS[mechanism] ?? 1;
    const chosen = direct.length > 0 ? direct : drawn;
    return chosen
      .slice(0, count)
      .map((document, i) =>
        worldExample(session, world, { document, others: drawn, id: `${mechanism}-${i + 1}` }),
      );
  });
}

function commonExamples(session: Session): Omit<Example, 'edits'>[] {
  const { tokenizer } = session.model;
  if (!tokenizer) return [];
  const isToken = (text: string | null) =>
    text === null || tokenizer.encode(text, { addSpecialTokens: false }).length === 1;
  return COMMON.filter(({ target, distractor }) => isToken(target) && isToken(distractor)).map(
    (example) => ({ ...example, id: `${example.mechanism}-1`, truth: null }),
  );
}

export const examples: Handler<'examples'> = async (session, _request, { progress }) => {
  const { world, model } = session;
  const found = world && model.tokenizer ? worldExamples(session, world) : commonExamples(session);
  const list: Example[] = [];
  for (const example of found) {
    list.push({ ...example, edits: await firstEdit(session, example) });
    progress({ label: 'examples', done: list.length, total: found.length, unit: 'examples' });
  }
  return { examples: list };
};
