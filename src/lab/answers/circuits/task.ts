import { GlassboxError } from '../../../base/error.ts';
import {
  type Circuit,
  type CircuitExample,
  type CircuitRunner,
  circuitFromJson,
  circuitRunner,
  findCircuit,
  requireSameModel,
} from '../../../microscope/circuits/index.ts';
import type { Estimate } from '../../../microscope/index.ts';
import { ioiDataset } from '../../../microscope/ioi/index.ts';
import type { Model } from '../../../model/index.ts';
import { ioiSentences } from '../../../organisms/ioi-sentences.ts';
import type { CircuitCurveRequest, CircuitRequest, EstimateView } from '../../contract/circuits.ts';
import { type Job, preferenceOf, promptIds, type Session } from '../session.ts';

/** The prompts of a circuit. */
export interface Task {
  readonly examples: readonly CircuitExample[];
  readonly sentences: 'english' | 'world' | null;
  /** False where the distractor only fills a place that nothing reads. */
  readonly compares: boolean;
}

/** What a model keeps of the circuits that were asked about last. */
interface Kept {
  readonly circuits: Map<string, Circuit>;
  /** Runs of all prompts, of which one set is enough: it holds what every node writes. */
  runner: { readonly key: string; readonly runner: CircuitRunner } | null;
}

const CIRCUITS = 4;

const memory = new WeakMap<Model, Kept>();

function keptOf(model: Model): Kept {
  const known = memory.get(model) ?? { circuits: new Map<string, Circuit>(), runner: null };
  memory.set(model, known);
  return known;
}

function bad(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-request', remedy });
}

/**
 * The prompts of a request.
 *
 * @throws GlassboxError `bad-request`, and what the prompts and tokens throw
 */
export function taskOf(session: Session, request: CircuitRequest): Task {
  const { clean, corrupted, ioi, metric = 'logit-diff', ablation } = request;
  if ((clean === undefined) === (ioi === undefined)) {
    throw bad('prompts are given in no way or in two', 'Give clean and corrupted, or ioi.');
  }
  if (ioi) {
    const { name, templates } = ioiSentences(session.model, 'auto');
    const { count, corruption = 's2-io', seed } = ioi;
    const examples = ioiDataset(session.model, { count, corruption, seed, templates });
    return { examples, sentences: name, compares: true };
  }
  if (corrupted === undefined && ablation !== 'zero') {
    throw bad(
      'there is no corrupted prompt to take cut edges from',
      'Give one of as many tokens, or ablate with zeros.',
    );
  }
  const preference = preferenceOf(session, request);
  if (!preference) throw bad('there is no target', 'Give the token that is the right answer.');
  const { target, distractor } = preference;
  if (distractor === undefined && metric === 'logit-diff') {
    throw bad(
      'the logit difference needs a distractor',
      'Give the token that the target is compared with, or use the metric log-prob.',
    );
  }
  const ids = promptIds(session, clean!);
  const other = corrupted === undefined ? ids : promptIds(session, corrupted);
  return {
    examples: [{ clean: ids, corrupted: other, target, distractor: distractor ?? target }],
    sentences: null,
    compares: distractor !== undefined,
  };
}

/** The circuit of a request: from memory when a question about it was asked before. */
export async function circuitOf(
  session: Session,
  request: CircuitRequest,
  { task, job }: { readonly task: Task; readonly job: Job },
): Promise<Circuit> {
  const { method, metric, ablation, steps, threshold } = request;
  const settings = { method, metric, ablation, steps, threshold };
  const { circuits } = keptOf(session.model);
  const key = JSON.stringify([task.examples, settings]);
  const known = circuits.get(key);
  circuits.delete(key);
  const { progress, signal } = job;
  const found =
    known ?? (await findCircuit(session.model, task.examples, { ...settings, progress, signal }));
  circuits.set(key, found);
  for (const old of circuits.keys()) if (circuits.size > CIRCUITS) circuits.delete(old);
  return found;
}

/** Exact runs of a request's prompts, from memory when the last question was about the same. */
export async function runnerOf(
  session: Session,
  { metric, ablation }: CircuitRequest,
  task: Task,
): Promise<CircuitRunner> {
  const kept = keptOf(session.model);
  const key = JSON.stringify([task.examples, metric, ablation]);
  if (kept.runner?.key === key) return kept.runner.runner;
  // The former one's arrays may be as large as the new one's: never hold both.
  kept.runner = null;
  // Without the request's signal, which would outlive it: the thread stops runs between two native ones.
  const runner = await circuitRunner(session.model, task.examples, { metric, ablation });
  kept.runner = { key, runner };
  return runner;
}

/**
 * The circuit that a request carries.
 *
 * @throws GlassboxError `bad-circuit` naming what is wrong, `circuit-mismatch` for another model's
 */
export function circuitOfFile(
  { model }: Session,
  file: NonNullable<CircuitCurveRequest['file']>,
): Circuit {
  const circuit = circuitFromJson(file);
  requireSameModel(model, circuit, 'the circuit');
  return circuit;
}

/** An estimate as JSON can say it. */
export function estimateView({ value, low, high, n }: Estimate): EstimateView {
  const end = (x: number) => (Number.isFinite(x) ? x : null);
  return { value, low: end(low), high: end(high), n };
}
