import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { GlassboxError } from '../base/error.ts';
import type { CircuitExample } from '../microscope/circuits/index.ts';
import { type IoiCorruption, ioiCorruptions, ioiDataset } from '../microscope/ioi/index.ts';
import { encodePrompt, oneOf, resolveToken } from '../microscope/prompt.ts';
import type { Model } from '../model/index.ts';
import { ioiSentences } from '../organisms/ioi-sentences.ts';
import { wholeNumber } from './parse.ts';

/** Adds the options that say which prompts a circuit is for. */
export function withExamples(command: Command): Command {
  return command
    .option('--clean <prompt>', 'prompt with the answer')
    .option(
      '--corrupted <prompt>',
      'prompt of the same number of tokens without it; not needed with --ablation zero',
    )
    .option('--target <token>', 'right answer to the clean prompt, as text or #id')
    .option('--distractor <token>', 'token it is compared with')
    .option('--examples <file>', 'JSON list of {clean, corrupted, target, distractor} instead')
    .option('--ioi <n>', 'that many indirect-object sentences instead', wholeNumber('--ioi', 1))
    .option('--corruption <kind>', `for --ioi: one of ${ioiCorruptions.join(', ')}`, 's2-io')
    .option('--seed <n>', 'seed of the sentences', wholeNumber('--seed'), 0);
}

const example = z.strictObject({
  clean: z.string(),
  corrupted: z.string().optional(),
  target: z.string(),
  distractor: z.string(),
});

/** The options that {@link withExamples} adds. */
export interface ExampleOptions extends Partial<z.infer<typeof example>> {
  readonly examples?: string;
  readonly ioi?: number;
  readonly corruption: string;
  readonly seed: number;
  /** Of commands that cut edges. */
  readonly ablation?: string;
}

function bad(message: string): GlassboxError {
  return new GlassboxError(message, {
    code: 'bad-option',
    remedy:
      'Give --clean, --corrupted, --target and --distractor, or --examples FILE, or --ioi N; one of the three.',
  });
}

async function readExamples(path: string): Promise<z.infer<typeof example>[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new GlassboxError(`cannot read ${path}: ${cause.message}`, {
      code: 'no-file',
      remedy: 'Give the path of a JSON file with a list of examples.',
      cause,
    });
  });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw bad(`${path} is not JSON: ${(cause as Error).message}`);
  }
  const parsed = z.array(example).min(1).safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw bad(
    `${path} is not a list of examples at ${issue.path.join('.') || 'the top'}: ${issue.message}`,
  );
}

/** The prompts that the options name, as tokens. */
export async function circuitExamples(
  model: Model,
  options: ExampleOptions,
): Promise<CircuitExample[]> {
  const { clean, corrupted, target, distractor } = options;
  const given = [clean !== undefined, options.examples !== undefined, options.ioi !== undefined];
  if (given.filter(Boolean).length !== 1) throw bad('prompts are given in no way or in several');
  if (options.ioi !== undefined) {
    const corruption: IoiCorruption = oneOf('corruption', options.corruption, ioiCorruptions);
    const { templates } = ioiSentences(model, 'auto');
    const { ioi: count, seed } = options;
    return ioiDataset(model, { count, seed, corruption, templates });
  }
  const texts = options.examples
    ? await readExamples(options.examples)
    : [example.safeParse({ clean, corrupted, target, distractor })].map(({ data }) => {
        if (data) return data;
        throw bad('--clean also needs --corrupted, --target and --distractor');
      });
  const alone = options.ablation === 'zero';
  if (!alone && texts.some((one) => one.corrupted === undefined)) {
    throw bad('--clean and --examples also need corrupted prompts, unless edges are cut to zero');
  }
  return texts.map((one) => ({
    clean: encodePrompt(model, one.clean),
    corrupted: encodePrompt(model, one.corrupted ?? one.clean),
    target: resolveToken(model, one.target),
    distractor: resolveToken(model, one.distractor),
  }));
}
