import { isGlassboxError } from '../../base/error.ts';
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

/** Prompts tried for one that the model answers. */
const TRIED = 8;

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

/** A token in a form that finds it again: its text, the text in quotes, or `#id`. */
function tokenName(session: Session, id: number): string {
  const { text } = choice(session, id);
  const found = [text, `"${text}"`].find((name) => {
    try {
      return resolveToken(session.model, name) === id;
    } catch (error) {
      if (isGlassboxError(error)) return false;
      throw error;
    }
  });
  return found ?? `#${id}`;
}

/** What the model says after a prompt. */
async function prediction(session: Session, prompt: string): Promise<number> {
  const { logits } = await session.model.forward(encode(session, prompt), { logits: 'last' });
  const row = logits!.data as Float32Array;
  return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
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

/** A prompt with the token that should follow it; null where the answer does not begin at once. */
interface Asked {
  readonly document: Document;
  readonly prompt: string;
  readonly target: number | null;
}

/** Whether the answer stands where the prompt ends, not after other words. */
function answersAtOnce(document: Document): boolean {
  const { truth } = document;
  return truth !== undefined && continuationOf(document).trimStart().startsWith(truth.answer);
}

function asked(session: Session, document: Document): Asked {
  if (!document.truth) return { document, prompt: documentText(document), target: null };
  const { prompt } = promptOf(document);
  const target = answersAtOnce(document)
    ? nextToken(session, prompt, continuationOf(document))
    : null;
  return { document, prompt, target };
}

/** One after the other, because cutting all of them into tokens takes longer than the few tried. */
function* asking(session: Session, documents: readonly Document[]): Generator<Asked> {
  for (const document of documents) yield asked(session, document);
}

/** The first of some things that passes, among the first {@link TRIED}; else the first of all. */
async function firstThat<T>(
  things: Iterable<T>,
  passes: (thing: T) => Promise<boolean>,
): Promise<T | undefined> {
  let first: T | undefined;
  let tried = 0;
  for (const thing of things) {
    first ??= thing;
    if (await passes(thing)) return thing;
    if (++tried === TRIED) break;
  }
  return first;
}

/** Prompts of as many tokens with another answer, each with the token of its answer. */
function* secondPrompts(
  session: Session,
  world: World,
  { asked: { document, prompt, target }, others }: { asked: Asked; others: readonly Document[] },
) {
  const { length } = encode(session, prompt);
  const space = continuationOf(document).startsWith(' ') ? ' ' : '';
  for (const other of corruptedPrompts(world, prompt, { truth: document.truth!, others })) {
    const token = nextToken(session, other.prompt, space + other.truth.answer);
    if (token === null || token === target) continue;
    if (encode(session, other.prompt).length === length) yield { prompt: other.prompt, token };
  }
}

async function worldExample(
  session: Session,
  world: World,
  made: { readonly asked: Asked; readonly others: readonly Document[]; readonly id: string },
): Promise<Omit<Example, 'edits'>> {
  const { document, prompt, target } = made.asked;
  const second =
    target === null
      ? undefined
      : await firstThat(
          secondPrompts(session, world, made),
          async (found) => (await prediction(session, found.prompt)) === found.token,
        );
  return {
    id: made.id,
    mechanism: document.mechanism,
    prompt,
    promptB: second?.prompt ?? null,
    target: target === null ? null : tokenName(session, target),
    distractor: second ? tokenName(session, second.token) : null,
    truth: document.truth ? truthView(session, prompt) : null,
  };
}

/**
 * Examples from held-out documents. They are there to be looked into, not to measure the model: those
 * whose answer follows at once, and which the model answers, are preferred.
 */
async function worldExamples(session: Session, world: World): Promise<Omit<Example, 'edits'>[]> {
  const list: Omit<Example, 'edits'>[] = [];
  for (const mechanism of mechanisms) {
    const rng = new Rng(world.seed).fork(`lab ${mechanism}`);
    const others = Array.from({ length: DRAWN }, () => world.write(mechanism, rng, 'held-out'));
    const direct = others.filter(answersAtOnce);
    let documents = direct.length > 0 ? direct : others;
    for (let i = 1; i <= (COUNTS[mechanism] ?? 1); i++) {
      const found = await firstThat(
        asking(session, documents),
        async ({ prompt, target }) =>
          target === null || (await prediction(session, prompt)) === target,
      );
      if (!found) break;
      documents = documents.filter((document) => promptOf(document).prompt !== found.prompt);
      const id = `${mechanism}-${i}`;
      list.push(await worldExample(session, world, { asked: found, others, id }));
    }
  }
  return list;
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
  const found =
    world && model.tokenizer ? await worldExamples(session, world) : commonExamples(session);
  const list: Example[] = [];
  for (const example of found) {
    list.push({ ...example, edits: await firstEdit(session, example) });
    progress({ label: 'examples', done: list.length, total: found.length, unit: 'examples' });
  }
  return { examples: list };
};
