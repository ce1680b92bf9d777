import { join } from 'node:path';
import { findModel } from '../../model/catalogue.ts';
import { createModel, loadModel } from '../../model/index.ts';
import {
  atlasRecipe,
  createWorld,
  createWorldTokenizer,
  evalNames,
  evalSets,
  evaluate,
  greedyGenerator,
  measureFurther,
  organismConfig,
  shipModel,
  shipRecords,
  trainOrganism,
} from '../../organisms/index.ts';
import { nodeRuntime } from '../../runtime/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import { withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

type Results = Awaited<ReturnType<typeof evaluate>>;

function resultTable(results: Results): string {
  return table(
    ['mechanism', 'n', 'correct', 'rate', '95 % interval', 'bar', ''],
    results.map(({ name, n, correct, rate, low, high, bar, ok }) => [
      name,
      n,
      correct,
      fixed(rate),
      `[${fixed(low)}, ${fixed(high)}]`,
      fixed(bar, 2),
      ok ? 'ok' : 'BELOW',
    ]),
  );
}

const evalCommand: CommandSpec = {
  name: 'eval',
  summary: 'score a model of the built-in world on held-out prompts, with Wilson intervals',
  examples: [
    { line: 'organisms eval', does: 'every mechanism, 600 held-out prompts each' },
    {
      line: 'organisms eval --only addition induction --count 1000 --json',
      does: 'two mechanisms',
    },
  ],
  define: (command) =>
    withModel(command)
      .option('--only <name...>', `mechanisms: ${evalNames.join(', ')}`)
      .option('--count <n>', 'prompts per mechanism', wholeNumber('--count', 1), 600)
      .option('--seed <n>', 'seed of the prompts', wholeNumber('--seed'), 20_000),
  async action(context, { options }) {
    const { folder, name } = await findModel(options.model);
    const model = await loadModel(folder, { name });
    const world = createWorld();
    const sets = evalSets(world, { count: options.count, seed: options.seed, names: options.only });
    const results = await evaluate(sets, greedyGenerator(model, createWorldTokenizer(world)), {
      onProgress: context.progress,
    });
    const ok = results.every((result) => result.ok);
    context.result({ mechanisms: results, ok }, () => resultTable(results));
    return ok ? EXIT.ok : EXIT.failed;
  },
};

const train: CommandSpec = {
  name: 'train',
  writes: { folders: ['out', 'run'] },
  summary: 'train the built-in model: seeded, resumable; the same command continues after Ctrl-C',
  examples: [
    { line: 'organisms train', does: 'the recipe of the shipped model' },
    { line: 'organisms train --steps 50 --run /tmp/try --out /tmp/try-model', does: 'a short try' },
  ],
  define: (command) =>
    command
      .option('--run <folder>', 'checkpoints and log', 'runs/glassbox-atlas')
      .option('--out <folder>', 'folder of the finished model', 'models/glassbox-atlas')
      .option('--steps <n>', 'updates in all', wholeNumber('--steps', 1), atlasRecipe.steps)
      .option('--every <n>', 'updates between checkpoints', wholeNumber('--every', 1), 250)
      .option('--threads <n>', 'threads of the runtime', wholeNumber('--threads', 1)),
  async action(context, { options }) {
    const { steps, every, run, out, threads } = options;
    const recipe = { ...atlasRecipe, steps };
    const runtime = nodeRuntime({ threads });
    const world = createWorld({ seed: recipe.worldSeed });
    const tokenizer = createWorldTokenizer(world);
    const config = organismConfig(recipe);
    const small = evalSets(world, { count: 60, seed: 7 });
    const result = await trainOrganism({
      recipe,
      runtime,
      checkpoints: { folder: join(run, 'checkpoints'), every, resume: true, keep: 3 },
      evaluate: {
        every: 2 * every,
        run: async ({ params }) => {
          const model = createModel(config, params, { runtime });
          const results = await evaluate(small, greedyGenerator(model, tokenizer));
          await model.release();
          context.note(results.map(({ name, rate }) => `${name} ${fixed(rate, 2)}`).join('  '));
          return Object.fromEntries(results.map(({ name, rate }) => [name, rate]));
        },
      },
      signal: context.signal,
      listeners: [
        (event) => {
          if (event.type !== 'step') return;
          const label = `training, loss ${fixed(event.loss)}`;
          context.progress({ label, done: event.step + 1, total: steps, unit: 'steps' });
        },
      ],
    });
    if (result.interrupted) {
      context.result(
        { finished: false, step: result.step },
        () => 'Stopped; the same command continues.',
      );
      return EXIT.interrupted;
    }
    await shipModel(out, { config, params: result.params }, recipe);
    const model = await loadModel(out, { runtime });
    const evaluation = await evaluate(evalSets(world), greedyGenerator(model, tokenizer), {
      onProgress: context.progress,
    });
    const command = `glassbox organisms train --steps ${steps}`;
    const further = await measureFurther(world, greedyGenerator(model, tokenizer), {
      onProgress: context.progress,
    });
    await shipRecords(out, { model, recipe, step: result.step, command, evaluation, further });
    context.result({ finished: true, out, mechanisms: evaluation }, () => resultTable(evaluation));
    return EXIT.ok;
  },
};

export const organisms: CommandSpec = {
  name: 'organisms',
  summary: 'the built-in world: train and evaluate the model that ships',
  examples: [],
  define: (command) => command,
  action: async () => undefined,
  subcommands: [train, evalCommand],
};
