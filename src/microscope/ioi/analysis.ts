import { GlassboxError } from '../../base/error.ts';
import { type ProgressListener, wholeProgress } from '../../base/progress.ts';
import { type Rate, wilson } from '../../base/stats.ts';
import type { Model } from '../../model/model.ts';
import { notFinite } from '../../model/run/finite.ts';
import { pathPatching } from '../circuits/paths.ts';
import { type HeadScore, headScores, type MeanInterval } from '../heads.ts';
import { bootstrapMean, type Estimate } from '../intervals.ts';
import { ioiAttention } from './attention.ts';
import { backupEffects } from './backups.ts';
import { copyScores } from './copying.ts';
import type { IoiExample } from './dataset.ts';
import {
  defaultThresholds,
  type IoiEvidence,
  type IoiRole,
  isInhibition,
  isNameMover,
  type RoleThresholds,
  rolesOf,
} from './roles.ts';

/** How heads are measured and judged. */
export interface IoiAnalysisOptions {
  readonly thresholds?: Partial<RoleThresholds>;
  /** Seed of the random sequences of the head scores. */
  readonly seed?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** A head with the roles its evidence supports. */
export interface IoiHead extends IoiEvidence {
  readonly name: string;
  readonly roles: readonly IoiRole[];
}

/** How a model does on the sentences, and what its heads do for it. */
export interface IoiAnalysis {
  readonly n: number;
  /** Logit of the indirect object minus that of the subject, in logits. */
  readonly logitDiff: { readonly clean: Estimate; readonly corrupted: Estimate };
  /** Sentences on which the indirect object has the higher logit. */
  readonly correct: Rate;
  readonly thresholds: RoleThresholds;
  /** Every head, in order. */
  readonly heads: readonly IoiHead[];
}

async function logitDifferences(
  model: Model,
  examples: readonly IoiExample[],
  which: 'clean' | 'corrupted',
): Promise<number[]> {
  const values: number[] = [];
  for (let start = 0; start < examples.length; start += 16) {
    const chunk = examples.slice(start, start + 16);
    const { logits } = await model.forward(
      chunk.map((example) => example[which]),
      { logits: 'last' },
    );
    const { dVocab } = model.config;
    chunk.forEach(({ target, distractor }, row) => {
      const at = (token: number) => (logits!.data as Float32Array)[row * dVocab + token];
      values.push(at(target) - at(distractor));
    });
  }
  return values;
}

function estimate({ mean, low, high, n }: MeanInterval): Estimate {
  return { value: mean, low, high, n };
}

/** Effects of every head on what ends in some receivers; null when there are none. */
async function headEffects(
  model: Model,
  examples: readonly IoiExample[],
  options: Pick<IoiAnalysisOptions, 'progress' | 'signal'> & {
    readonly receivers: readonly string[];
  },
): Promise<(Estimate | null)[]> {
  const { nLayers, nHeads } = model.config;
  if (options.receivers.length === 0) return new Array<null>(nLayers * nHeads).fill(null);
  const { effects } = await pathPatching(model, examples, { ...options, batch: 32 });
  return effects.map(({ effect }) => effect);
}

/**
 * Finds the heads of indirect object identification and their roles by themselves (after Wang et al.
 * 2022): attention between the places that matter, copying, scores on repeated random tokens, and direct
 * path patching from sentences in which nobody is repeated: first to the logits, then to the queries of the
 * name movers found, the values of the S-inhibition heads found, the keys of induction heads. Backups are heads
 * that copy and whose direct effect grows when the name movers found are knocked out.
 *
 * @param examples with the corruption `abc`
 * @throws GlassboxError `no-difference` when the model does not tell the two people apart, `not-finite`
 */
export async function analyseIoi(
  model: Model,
  examples: readonly IoiExample[],
  options: IoiAnalysisOptions = {},
): Promise<IoiAnalysis> {
  const thresholds = { ...defaultThresholds, ...options.thresholds };
  const { signal } = options;
  const { nLayers, nHeads } = model.config;
  // Runs of one sentence: each head's paths to four kinds of receivers, beside which the rest is little.
  const [n, heads] = [examples.length, nLayers * nHeads];
  const [each, paths] = [n, n * (heads + 1)];
  const total = 4 * each + heads + 4 * paths;
  const whole = wholeProgress(options.progress, { label: 'roles of heads', total, unit: 'runs' });
  const clean = await logitDifferences(model, examples, 'clean');
  const corrupted = await logitDifferences(model, examples, 'corrupted');
  if (![...clean, ...corrupted].every(Number.isFinite)) throw notFinite('the logit differences');
  const logitDiff = { clean: bootstrapMean(clean), corrupted: bootstrapMean(corrupted) };
  if (!(logitDiff.clean.value > 1e-3)) {
    throw new GlassboxError(
      `${model.name} does not prefer the indirect object: mean logit difference ${logitDiff.clean.value.toFixed(3)}`,
      {
        code: 'no-difference',
        remedy: 'Use a model that solves the task, or templates of the kind it was trained on.',
      },
    );
  }
  const attention = await ioiAttention(model, examples, { progress: whole.step(each), signal });
  const copies = await copyScores(model, examples, { progress: whole.step(heads), signal });
  const scores = await headScores(model, { seed: options.seed });
  const logits = await headEffects(model, examples, {
    receivers: ['logits'],
    progress: whole.step(paths),
    signal,
  });
  const evidence = (effects: (i: number) => IoiEvidence['effects']): IoiEvidence[] =>
    scores.map((score: HeadScore, i) => ({
      layer: score.layer,
      head: score.head,
      attention: attention[Math.floor(i / nHeads)][i % nHeads],
      copy: { copies: copies[i].copies, negates: copies[i].negates },
      scores: {
        previousToken: estimate(score.intervals.previousToken),
        duplicateToken: estimate(score.intervals.duplicateToken),
        induction: estimate(score.intervals.induction),
      },
      effects: effects(i),
    }));
  const none = {
    nameMoverQueries: null,
    withoutNameMovers: null,
    inhibitionValues: null,
    inductionKeys: null,
  };
  const name = ({ layer, head }: { layer: number; head: number }) => `a${layer}.h${head}`;
  const first = evidence((i) => ({ ...none, logits: logits[i]! }));
  const receivers = (found: readonly IoiEvidence[], part: 'q' | 'k' | 'v') =>
    found.map((head) => `${name(head)}<${part}>`);
  const movers = first.filter((head) => isNameMover(head, thresholds));
  const queries = await headEffects(model, examples, {
    receivers: receivers(movers, 'q'),
    progress: whole.step(paths),
    signal,
  });
  const backups = await backupEffects(model, examples, {
    movers,
    progress: whole.step(3 * each),
    signal,
  });
  const second = evidence((i) => ({ ...none, logits: logits[i]!, nameMoverQueries: queries[i] }));
  const inhibitors = second.filter((head) => isInhibition(head, thresholds));
  const values = await headEffects(model, examples, {
    receivers: receivers(inhibitors, 'v'),
    progress: whole.step(paths),
    signal,
  });
  const inducers = second.filter((head) => rolesOf(head, thresholds).includes('induction'));
  const keys = await headEffects(model, examples, {
    receivers: receivers(inducers, 'k'),
    progress: whole.step(paths),
    signal,
  });
  whole.step(0);
  const all = evidence((i) => ({
    logits: logits[i]!,
    nameMoverQueries: queries[i],
    withoutNameMovers: backups[i],
    inhibitionValues: values[i],
    inductionKeys: keys[i],
  }));
  return {
    n: examples.length,
    logitDiff,
    correct: wilson(clean.filter((x) => x > 0).length, clean.length),
    thresholds,
    heads: all.map((head) => ({
      ...head,
      name: `${head.layer}.${head.head}`,
      roles: rolesOf(head, thresholds),
    })),
  };
}
