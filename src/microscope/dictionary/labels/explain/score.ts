import { Rng } from '../../../../base/rng.ts';
import type { Endpoint, Message, TokenLogprobs } from './endpoint.ts';
import type { Example, FeatureExamples } from './examples.ts';
import {
  detectionPrompt,
  fuzzingPrompt,
  LEVELS,
  levels,
  markedText,
  readList,
  simulationPrompt,
} from './prompts.ts';
import { type Answer, classificationScore, type Simulated, simulationScore } from './statistics.ts';
import type { ClassificationScore, Measured, SimulationScore } from './types.ts';

/** Texts judged per question. */
const BATCH = 5;
/** Examples of each class that are simulated; every one is a question of its own. */
const SIMULATED = 5;

/** A text to be judged and the right answer. */
interface Item {
  readonly text: string;
  readonly truth: boolean;
}

interface Judge {
  readonly endpoint: Endpoint;
  readonly signal?: AbortSignal;
}

/** Detection: which whole texts hold a token that the feature fires on. */
export function detectionItems({ active, silent }: FeatureExamples): Item[] {
  const text = ({ tokens }: Example) => tokens.join('').trim();
  return mixed([
    ...active.map((example) => ({ text: text(example), truth: true })),
    ...silent.map((example) => ({ text: text(example), truth: false })),
  ]);
}

/**
 * Fuzzing: texts where the feature fires, every other one with as many silent tokens marked instead of the active ones.
 * Texts without enough silent tokens are left out.
 */
export function fuzzingItems({ active }: FeatureExamples): Item[] {
  const rng = new Rng(41);
  const items = active.flatMap(({ tokens, acts }, i): Item[] => {
    const on = acts.map((act) => act > 0);
    const truth = i % 2 === 0;
    if (truth) return [{ text: markedText(tokens, on), truth }];
    const silent = acts.flatMap((act, at) => (act > 0 ? [] : [at]));
    const count = on.filter(Boolean).length;
    if (silent.length < count) return [];
    const wrong = new Set(rng.sample(silent, count));
    return [
      {
        text: markedText(
          tokens,
          tokens.map((_, at) => wrong.has(at)),
        ),
        truth,
      },
    ];
  });
  return mixed(items);
}

const mixed = (items: readonly Item[]): Item[] => new Rng(43).shuffle(items);

/** Has an explanation judge items, in batches, and scores the answers. */
export async function classify(
  judge: Judge,
  options: {
    readonly explanation: string;
    readonly items: readonly Item[];
    readonly kind: 'detection' | 'fuzzing';
  },
): Promise<Measured<ClassificationScore>> {
  const { explanation, items, kind } = options;
  const prompt = kind === 'detection' ? detectionPrompt : fuzzingPrompt;
  const answers: Answer[] = [];
  let [missing, reason] = [0, 'no examples'];
  for (let i = 0; i < items.length; i += BATCH) {
    const batch = items.slice(i, i + BATCH);
    const asked = await list(judge, {
      messages: prompt(
        explanation,
        batch.map(({ text }) => text),
      ),
      length: batch.length,
      largest: 1,
    });
    if (typeof asked === 'string') {
      missing += batch.length;
      reason = asked;
      continue;
    }
    batch.forEach(({ truth }, j) => {
      const probability = asked.probabilities?.[j] ?? asked.numbers[j];
      answers.push({ truth, answer: asked.numbers[j] === 1, probability });
    });
  }
  const positives = answers.filter(({ truth }) => truth).length;
  if (positives === 0 || positives === answers.length || missing > answers.length) {
    return { outcome: 'notAssessed', reason };
  }
  return { outcome: 'assessed', score: classificationScore(answers, missing) };
}

/** Has an explanation predict activations token by token, and correlates them with the true ones. */
export async function simulate(
  judge: Judge,
  options: { readonly explanation: string; readonly examples: FeatureExamples },
): Promise<Measured<SimulationScore>> {
  const { explanation, examples } = options;
  const { active, silent, max } = examples;
  const stride = Math.max(1, Math.floor(active.length / SIMULATED));
  const shown = [
    ...active.filter((_, i) => i % stride === 0).slice(0, SIMULATED),
    ...silent.slice(0, SIMULATED),
  ];
  const found: Simulated[] = [];
  let [missing, reason] = [0, 'no examples'];
  for (const { tokens, acts } of shown) {
    const asked = await list(judge, {
      messages: simulationPrompt(explanation, tokens),
      length: tokens.length,
      largest: LEVELS,
    });
    if (typeof asked === 'string') {
      missing++;
      reason = asked;
    } else found.push({ truth: levels(acts, max), simulated: asked.numbers });
  }
  if (found.length === 0 || missing > found.length) return { outcome: 'notAssessed', reason };
  return { outcome: 'assessed', score: simulationScore(found, missing) };
}

/** Asks for a list of numbers; a text says what went wrong. */
async function list(
  { endpoint, signal }: Judge,
  options: {
    readonly messages: readonly Message[];
    readonly length: number;
    readonly largest: number;
  },
): Promise<{ numbers: number[]; probabilities: number[] | null } | string> {
  const { messages, length, largest } = options;
  const binary = largest === 1;
  const reply = await endpoint.ask(messages, {
    maxTokens: 16 + 8 * length,
    logprobs: binary,
    signal,
  });
  if (!reply.ok) return reply.failed;
  const numbers = readList(reply.text, length, largest);
  if (!numbers) return `the answer is not a list of ${length} numbers: ${reply.text.slice(0, 100)}`;
  return { numbers, probabilities: binary ? probabilitiesOf(reply.logprobs, length) : null };
}

/** P(1) / (P(0) + P(1)) at each answer, where the endpoint tells log-probabilities of single digits. */
export function probabilitiesOf(
  logprobs: readonly TokenLogprobs[] | null,
  length: number,
): number[] | null {
  const digits = logprobs?.filter(({ token }) => /^[01]$/.test(token.trim())) ?? [];
  if (digits.length !== length) return null;
  return digits.map(({ token, top }) => {
    const of = (digit: string) =>
      top
        .filter((one) => one.token.trim() === digit)
        .reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    const [zero, one] = [of('0'), of('1')];
    return zero + one > 0 ? one / (zero + one) : Number(token.trim());
  });
}
