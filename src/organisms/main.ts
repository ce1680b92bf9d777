import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isGlassboxError } from '../base/error.ts';
import { createModel, loadModel } from '../model/index.ts';
import { interruptSignal, type TrainEvent } from '../nn/index.ts';
import { nodeRuntime } from '../runtime/index.ts';
import { type EvalResult, evalSets, evaluate } from './evaluation.ts';
import { greedyGenerator } from './greedy.ts';
import { atlasRecipe } from './recipe.ts';
import { shipModel, shipRecords } from './ship.ts';
import { createTokenizer } from './tokenizer.ts';
import { organismConfig, trainOrganism } from './train.ts';
import { createWorld } from './world/world.ts';

const HELP = `npm run organisms:train -- [options]

Trains the built-in model, evaluates it on held-out prompts and writes its folder.

  --run FOLDER      checkpoints and log; an existing run is continued (default runs/glassbox-atlas)
  --out FOLDER      where the finished model goes (default models/glassbox-atlas)
  --steps N         updates in all (default ${atlasRecipe.steps})
  --threads N       threads of the native runtime (default: its choice)
  --every N         updates between checkpoints and evaluations (default 250)
`;

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function table(results: readonly EvalResult[]): string {
  return results
    .map(({ name, rate, ok }) => `${name} ${rate.toFixed(3)}${ok ? '' : ' !'}`)
    .join('  ');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      run: { type: 'string', default: 'runs/glassbox-atlas' },
      out: { type: 'string', default: 'models/glassbox-atlas' },
      steps: { type: 'string', default: String(atlasRecipe.steps) },
      threads: { type: 'string' },
      every: { type: 'string', default: '250' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    log(HELP);
    return;
  }
  const recipe = { ...atlasRecipe, steps: Number(values.steps) };
  const every = Number(values.every);
  const threads = values.threads === undefined ? {} : { threads: Number(values.threads) };
  const runtime = nodeRuntime(threads);
  const world = createWorld({ seed: recipe.worldSeed });
  const tokenizer = createTokenizer(world);
  const config = organismConfig(recipe);
  const { signal, dispose } = interruptSignal();
  let smooth = Number.NaN;
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'step') {
      smooth = Number.isNaN(smooth) ? event.loss : 0.97 * smooth + 0.03 * event.loss;
      if ((event.step + 1) % 25 !== 0) return;
      const left = ((recipe.steps - event.step) * event.seconds) / 60;
      const speed = `${Math.round(event.tokensPerSecond)} tokens/s`;
      log(
        `step ${event.step + 1}/${recipe.steps} loss ${smooth.toFixed(4)} ${speed} ${left.toFixed(0)} min left`,
      );
    } else log(JSON.stringify(event));
  };
  const result = await trainOrganism({
    recipe,
    runtime,
    checkpoints: { folder: join(values.run, 'checkpoints'), every, resume: true, keep: 3 },
    evaluate: {
      every: 2 * every,
      run: async ({ params }) => {
        const model = createModel(config, params, { runtime });
        const sets = evalSets(world, { count: 60, seed: 7 });
        const results = await evaluate(sets, greedyGenerator(model, tokenizer));
        await model.release();
        log(table(results));
        return Object.fromEntries(results.map(({ name, rate }) => [name, rate]));
      },
    },
    signal,
    listeners: [onEvent],
  });
  dispose();
  if (result.interrupted) {
    log('Stopped; the same command continues.');
    return;
  }
  await shipModel(values.out, { config, params: result.params }, recipe);
  const model = await loadModel(values.out, { runtime });
  const evaluation = await evaluate(evalSets(world), greedyGenerator(model, tokenizer));
  log(table(evaluation));
  const command = `npm run organisms:train -- --steps ${recipe.steps}`;
  await shipRecords(values.out, { model, recipe, step: result.step, command, evaluation });
  await model.release();
}

await main().catch((error: unknown) => {
  if (!isGlassboxError(error)) throw error;
  log(`${error.message}\n${error.remedy}`);
  process.exitCode = error.kind === 'input' ? 2 : 1;
});
