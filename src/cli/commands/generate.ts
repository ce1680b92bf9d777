import { parseEditSpecs, resolveEdits } from '../../microscope/edit-spec.ts';
import { encodePrompt, tokenizerOf } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { dictionaryFinder } from '../dictionaries.ts';
import { openModel, withModel } from '../model.ts';
import { jsonArgument, realNumber, wholeNumber } from '../parse.ts';

export const generate: CommandSpec = {
  name: 'generate',
  summary: 'continue a prompt, with interventions active if given',
  examples: [
    { line: 'generate "37 + 48 ="', does: 'greedy, streamed as it comes' },
    {
      line: 'generate --chat "What is the capital of Velmora?"',
      does: "through the model's chat template",
    },
    {
      line: 'generate "37 + 48 =" --temperature 0.8 --top-p 0.95 --seed 7 --json',
      does: 'sampled; same seed, same text',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<prompt>', 'the prompt, or the user turn with --chat')
      .option('-n, --max-tokens <n>', 'new tokens at most', wholeNumber('--max-tokens', 1), 64)
      .option('--temperature <x>', '0 takes the likeliest token', realNumber('--temperature', 0), 0)
      .option('--top-k <n>', 'keep the k likeliest tokens', wholeNumber('--top-k', 1))
      .option(
        '--top-p <x>',
        'keep the smallest set reaching this probability',
        realNumber('--top-p', 0),
      )
      .option(
        '--min-p <x>',
        'keep tokens this likely beside the likeliest',
        realNumber('--min-p', 0),
      )
      .option(
        '--repetition-penalty <x>',
        'above 1 avoids tokens already there',
        realNumber('--repetition-penalty', 0),
      )
      .option('--seed <n>', 'seed of the sampling', wholeNumber('--seed'), 0)
      .option('--stop <text...>', 'strings that end the text')
      .option('--chat', 'treat the prompt as a user turn')
      .option('--system <text>', 'system turn before it, with --chat')
      .option('-e, --edits <json>', 'interventions as JSON, or @file')
      .option(
        '--dictionaries <folder>',
        "where edits of features find them; the model's own unless told",
      ),
  async action(context, { args: [prompt], options }) {
    const started = performance.now();
    const model = await openModel(context, options);
    const tokenizer = tokenizerOf(model);
    const system = options.system ? [{ role: 'system', content: options.system }] : [];
    const ids = options.chat
      ? tokenizer.encode(
          tokenizer.applyChatTemplate([...system, { role: 'user', content: prompt }], {
            addGenerationPrompt: true,
          }),
          { addSpecialTokens: false },
        )
      : encodePrompt(model, prompt);
    const specs = options.edits ? parseEditSpecs(await jsonArgument('--edits', options.edits)) : [];
    const stream = model.stream([ids], {
      maxTokens: options.maxTokens,
      temperature: options.temperature,
      topK: options.topK,
      topP: options.topP,
      minP: options.minP,
      repetitionPenalty: options.repetitionPenalty,
      seed: options.seed,
      stop: options.stop,
      edits: await resolveEdits(model, ids, specs, {
        dictionaries: await dictionaryFinder(options),
      }),
      signal: context.signal,
    });
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) context.write(next.value.text);
    const [generation] = next.value;
    const seconds = (performance.now() - started) / 1000;
    const { text, tokens, logprobs, finish } = generation;
    context.result(
      { text, tokens, logprobs, seconds, finish, promptTokens: ids.length },
      // The text itself was streamed; what remains is the end of the line.
      () => '',
    );
    return undefined;
  },
};
