import type { Command } from 'commander';
import { GlassboxError } from '../../base/error.ts';
import { Rng } from '../../base/rng.ts';
import {
  createEndpoint,
  type Endpoint,
  type Explained,
  type Explanation,
  explainFeatures,
} from '../../microscope/dictionary/labels/explain/index.ts';
import type { LabelRun } from '../../microscope/dictionary/labels/index.ts';
import type { Model } from '../../model/index.ts';
import type { Context } from '../context.ts';
import { tokenText } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

/** Where another model answers, by option or environment; its key by environment alone. */
export interface ExplainFlags {
  readonly endpoint?: string;
  readonly endpointModel?: string;
  readonly features?: readonly string[];
  readonly sample: number;
}

/** Adds the options of explanations. */
export function withEndpoint(command: Command): Command {
  return command
    .option(
      '--endpoint <url>',
      'also explain features with another model at this OpenAI-compatible address, which gets examples of the text ' +
        '(or GLASSBOX_ENDPOINT; its key in GLASSBOX_ENDPOINT_KEY)',
    )
    .option('--endpoint-model <name>', 'its name there (or GLASSBOX_ENDPOINT_MODEL)')
    .option('--features <n...>', 'features to explain')
    .option(
      '--sample <n>',
      'explain so many features drawn at random',
      wholeNumber('--sample', 1),
      20,
    );
}

/** The endpoint that options or environment name; undefined when none does. */
export function openEndpoint(flags: ExplainFlags): Endpoint | undefined {
  const { env } = process;
  const baseUrl = flags.endpoint ?? env.GLASSBOX_ENDPOINT;
  if (!baseUrl) return undefined;
  const model = flags.endpointModel ?? env.GLASSBOX_ENDPOINT_MODEL;
  if (!model) {
    throw new GlassboxError('the endpoint needs the name of a model', {
      code: 'no-endpoint-model',
      remedy: 'Give --endpoint-model, or set GLASSBOX_ENDPOINT_MODEL.',
    });
  }
  return createEndpoint({ baseUrl, model, key: env.GLASSBOX_ENDPOINT_KEY });
}

function chosenFeatures({ labels }: LabelRun, { features, sample }: ExplainFlags): number[] {
  if (!features) {
    const fired = labels.labelled.map(({ feature }) => feature);
    return new Rng(7).sample(fired, Math.min(sample, fired.length)).sort((a, b) => a - b);
  }
  return featureNumbers(features, labels.features);
}

/** Numbers of features as given with `--features`. Throws `unknown-feature`, before hours of work where it can. */
export function featureNumbers(features: readonly string[], count: number): number[] {
  return features.map((text) => {
    const feature = Number(text);
    if (Number.isInteger(feature) && feature >= 0 && feature < count) return feature;
    throw new GlassboxError(`there is no feature ${text}`, {
      code: 'unknown-feature',
      remedy: `Features run from 0 to ${count - 1}.`,
    });
  });
}

/** Explains features of a run; explanations the same model gave before are kept and not asked for again. */
export async function explainRun(
  context: Context,
  options: {
    readonly run: LabelRun;
    readonly model: Model;
    readonly endpoint: Endpoint;
    readonly flags: ExplainFlags;
    readonly known: readonly Explanation[];
  },
): Promise<{ explanations: Explanation[]; explained: Explained[] }> {
  const { run, model, endpoint, flags, known } = options;
  const had = new Set(
    known.filter(({ by }) => by === endpoint.model).map(({ feature }) => feature),
  );
  const features = chosenFeatures(run, flags).filter((feature) => !had.has(feature));
  const explained = await explainFeatures(run, {
    endpoint,
    features,
    text: (id) => tokenText(model, id),
    progress: context.progress,
    signal: context.signal,
  });
  const made = explained.flatMap((one) => (one.outcome === 'explained' ? [one.explanation] : []));
  const replaced = new Set(made.map(({ feature }) => feature));
  const explanations = [...known.filter(({ feature }) => !replaced.has(feature)), ...made];
  return { explanations: explanations.sort((a, b) => a.feature - b.feature), explained };
}

/** Explanations as a table: each score beside its baselines, or why there is none. */
export function explanationTable(explained: readonly Explained[]): string {
  const rows = explained.map((one) => {
    if (one.outcome === 'notAssessed')
      return [one.feature, `not assessed: ${one.reason}`, '', '', ''];
    const { feature, text, detection, fuzzing, simulation } = one.explanation;
    const of = (judged: typeof detection | typeof simulation): string => {
      const value = (measured: (typeof judged)['own']) =>
        measured.outcome === 'notAssessed'
          ? '–'
          : fixed(
              'correlation' in measured.score
                ? measured.score.correlation
                : measured.score.balancedAccuracy,
              2,
            );
      return `${value(judged.own)} (${value(judged.random)}, ${value(judged.other)}) ${judged.outcome}`;
    };
    return [feature, text, of(detection), of(fuzzing), of(simulation)];
  });
  return `${table(['feature', 'explanation', 'detection', 'fuzzing', 'simulation'], rows)}
balanced accuracy, of simulation correlation; in brackets with an explanation of random texts and that of another feature`;
}
