import type { ProgressListener } from '../../../../base/progress.ts';
import { Rng } from '../../../../base/rng.ts';
import type { LabelRun } from '../label.ts';
import type { Endpoint } from './endpoint.ts';
import { createExamples, type ExampleCounts, type FeatureExamples } from './examples.ts';
import { explainPrompt, readExplanation } from './prompts.ts';
import { classify, detectionItems, fuzzingItems, simulate } from './score.ts';
import type { ClassificationScore, Explained, Judged, Measured, SimulationScore } from './types.ts';

/** Examples on held-out text below which a feature is not judged. */
const MINIMUM = 8;

/** Who explains which features, and how much at a time. */
export interface ExplainOptions {
  readonly endpoint: Endpoint;
  readonly features: readonly number[];
  /** Text of a token. */
  readonly text: (id: number) => string;
  readonly counts?: ExampleCounts;
  /** Features worked on at once; 4 unless told. */
  readonly concurrency?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/**
 * Has another model explain features and then, blind, predict from the explanation where they fire: whole texts
 * (detection), marked tokens (fuzzing; both Paulo et al. 2024, delphi) and activations of every token (simulation;
 * Bills et al. 2023). Explanations are written from one text and judged on another. Each score stands beside
 * two baselines on the same examples: an explanation written for random texts with random marks, and the explanation
 * of another feature. Nothing becomes a score when the endpoint fails.
 *
 * @returns one entry per feature in order; features not reached before the signal are `notAssessed`
 */
export async function explainFeatures(
  run: LabelRun,
  options: ExplainOptions,
): Promise<Explained[]> {
  const { features, counts, progress, concurrency = 4 } = options;
  const examplesOf = createExamples(run, options.text);
  const examples = features.map((feature) => examplesOf(feature, counts));
  let done = 0;
  const step = () =>
    progress?.({ label: 'explaining', done: ++done, total: 3 * features.length, unit: 'steps' });
  const written = await pool(features, concurrency, async (_, i) => {
    const text = await writeExplanation(options, examples[i]);
    step();
    return text;
  });
  const random = await pool(features, concurrency, async (feature, i) => {
    const text = await writeExplanation(options, randomExamples(examples[i], feature));
    step();
    return text;
  });
  return pool(features, concurrency, async (feature, i): Promise<Explained> => {
    const own = written[i];
    if (!own.ok) {
      step();
      return { outcome: 'notAssessed', feature, reason: own.failed };
    }
    const others = written.flatMap((other, j) => (j !== i && other.ok ? [other.text] : []));
    const other = others.length > 0 ? new Rng(feature).fork('other').pick(others) : null;
    const baselines: Baselines = {
      random: random[i].ok ? random[i].text : null,
      other,
    };
    const explanation = {
      feature,
      text: own.text,
      by: options.endpoint.model,
      ...(await judge(options, { own: own.text, baselines, examples: examples[i] })),
    };
    step();
    return { outcome: 'explained', explanation };
  });
}

type Written =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly failed: string };

interface Baselines {
  readonly random: string | null;
  readonly other: string | null;
}

async function writeExplanation(
  { endpoint, signal }: ExplainOptions,
  { explain, max }: FeatureExamples,
): Promise<Written> {
  if (explain.length === 0) return { ok: false, failed: 'the feature fires nowhere in the text' };
  const reply = await endpoint.ask(explainPrompt(explain, max), { maxTokens: 200, signal });
  if (!reply.ok) return reply;
  const text = readExplanation(reply.text);
  return text === null
    ? { ok: false, failed: 'the answer holds no explanation' }
    : { ok: true, text };
}

/** Silent texts with as many tokens marked as the feature's own texts have, at random places. */
function randomExamples(examples: FeatureExamples, feature: number): FeatureExamples {
  const rng = new Rng(feature).fork('random');
  const { explain, silent, max } = examples;
  const values = explain.map(({ acts }) => acts.filter((act) => act > 0));
  return {
    ...examples,
    max,
    explain: silent.map(({ tokens }, i) => {
      const own = values[i % Math.max(1, values.length)] ?? [];
      const places = rng.sample([...tokens.keys()], Math.min(own.length, tokens.length));
      const acts = new Array<number>(tokens.length).fill(0);
      places.forEach((at, j) => {
        acts[at] = own[j];
      });
      return { tokens, acts };
    }),
  };
}

async function judge(
  { endpoint, signal }: ExplainOptions,
  options: {
    readonly own: string;
    readonly baselines: Baselines;
    readonly examples: FeatureExamples;
  },
) {
  const { own, baselines, examples } = options;
  const by = { endpoint, signal };
  const few = Math.min(examples.active.length, examples.silent.length);
  const each = async <Score>(
    measure: (explanation: string) => Promise<Measured<Score>>,
  ): Promise<Record<'own' | 'random' | 'other', Measured<Score>>> => {
    const none = (reason: string): Measured<Score> => ({ outcome: 'notAssessed', reason });
    if (few < MINIMUM) {
      const reason = `${few} examples of a class, ${MINIMUM} are needed`;
      return { own: none(reason), random: none(reason), other: none(reason) };
    }
    const beside = async (text: string | null) =>
      text === null ? none('there is no such explanation') : measure(text);
    return {
      own: await measure(own),
      random: await beside(baselines.random),
      other: await beside(baselines.other),
    };
  };
  const classified = async (kind: 'detection' | 'fuzzing') => {
    const items = kind === 'detection' ? detectionItems(examples) : fuzzingItems(examples);
    return each<ClassificationScore>((explanation) => classify(by, { explanation, items, kind }));
  };
  const accuracy = (score: ClassificationScore) => score.balancedAccuracy;
  const simulated = await each<SimulationScore>((explanation) =>
    simulate(by, { explanation, examples }),
  );
  return {
    detection: verdict(await classified('detection'), 0.5, accuracy),
    fuzzing: verdict(await classified('fuzzing'), 0.5, accuracy),
    simulation: verdict(simulated, 0, (score) => score.correlation),
  };
}

/** `supported` needs an interval above chance and above both baselines; a baseline that is missing decides nothing. */
function verdict<Score extends { readonly low: number }>(
  measured: Record<'own' | 'random' | 'other', Measured<Score>>,
  chance: number,
  figure: (score: Score) => number,
): Judged<Score> {
  for (const name of ['own', 'random', 'other'] as const) {
    const one = measured[name];
    if (one.outcome === 'notAssessed') {
      const reason = name === 'own' ? one.reason : `baseline '${name}': ${one.reason}`;
      return { outcome: 'notAssessed', reason, ...measured };
    }
  }
  const floor = [measured.random, measured.other].map((one) =>
    one.outcome === 'assessed' ? figure(one.score) : chance,
  );
  const low = measured.own.outcome === 'assessed' ? measured.own.score.low : chance;
  return { outcome: low > Math.max(chance, ...floor) ? 'supported' : 'unsupported', ...measured };
}

/** Works on items in order, some at once. */
async function pool<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i], i);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}
