import { GlassboxError } from '../base/error.ts';
import { Rng } from '../base/rng.ts';
import { gather, layerNorm, matmul, reshape } from '../graph/build.ts';
import type { Tensor, TensorData } from '../graph/op.ts';
import {
  type ModelConfig,
  parameterSpecs,
  parseModelConfig,
  traceForward,
} from '../model/index.ts';
import {
  type BatchSpec,
  type CheckpointOptions,
  crossEntropy,
  dataSource,
  type EvaluateOptions,
  init,
  initParams,
  type LossFunction,
  muon,
  type ParamSpecs,
  runTraining,
  type TrainListener,
  type TrainResult,
} from '../nn/index.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { trainingBatch } from './data.ts';
import { modelConfigJson, type Recipe, scheduleOf } from './recipe.ts';
import { selectTargets } from './targets.ts';
import { createTokenizer } from './tokenizer.ts';
import { createWorld } from './world/world.ts';

/** How an organism is trained. */
export interface TrainOrganismOptions {
  readonly recipe: Recipe;
  readonly runtime: Runtime;
  readonly checkpoints?: CheckpointOptions;
  readonly evaluate?: EvaluateOptions;
  readonly signal?: AbortSignal;
  readonly listeners?: readonly TrainListener[];
}

/** What training gives: the result of the loop and the description of the model. */
export interface TrainedOrganism extends TrainResult {
  readonly config: ModelConfig;
}

/** The model of a recipe. */
export function organismConfig(recipe: Recipe): ModelConfig {
  const tokenizer = createTokenizer(createWorld({ seed: recipe.worldSeed }));
  return parseModelConfig(modelConfigJson(recipe, tokenizer.size));
}

/** Initial weights: normal, with the deviation each kind of matrix learns fastest from. */
export function organismParams(config: ModelConfig): ParamSpecs {
  const residual = 1 / Math.sqrt(2 * config.nLayers);
  const entries = parameterSpecs(config).map(({ name, shape, role }) => {
    if (role === 'norm') return [name, { shape, init: init.ones() }] as const;
    if (role === 'bias') return [name, { shape, init: init.zeros() }] as const;
    if (name.endsWith('embed.weight')) {
      return [
        name,
        { shape, init: init.normal({ std: name === 'embed.weight' ? 0.05 : 0.02 }) },
      ] as const;
    }
    const writes = /\.(attn\.o|mlp\.out)\.weight$/.test(name) ? residual : 1;
    return [
      name,
      { shape, init: init.normal({ std: (0.6 * writes) / Math.sqrt(shape[0]) }) },
    ] as const;
  });
  return Object.fromEntries(entries);
}

/** What one step is fed; positions are picked before the unembedding. */
export function organismBatch({ batch, context, targets }: Recipe): BatchSpec {
  return {
    tokens: { shape: [batch, context], dtype: 'int64' },
    rows: { shape: [targets], dtype: 'int64' },
    targets: { shape: [targets], dtype: 'int64' },
    weights: { shape: [targets], dtype: 'float32' },
  };
}

/** Weighted cross-entropy in nats per target, over the picked positions only. */
export function organismLoss(config: ModelConfig): LossFunction {
  const last = `blocks.${config.nLayers - 1}.hook_resid_post`;
  return (param, { tokens, rows, targets, weights }) => {
    let resid: Tensor | undefined;
    traceForward(config, {
      tokens,
      param,
      wants: (address) => address === last,
      hook: (_, tensor) => (resid = tensor),
    });
    const [batch, pos] = tokens.shape as readonly number[];
    const flat = reshape(resid as Tensor, [batch * pos, config.dModel]);
    const [scale, bias] = [param('ln_final.weight'), param('ln_final.bias')];
    const picked = layerNorm(gather(flat, rows), scale, bias, config.normEps);
    const logits = matmul(picked, param('embed.weight'), { transposeB: true });
    return crossEntropy(logits, targets, { weights });
  };
}

/** Batch number `index` of a recipe as feeds. */
export function organismData(recipe: Recipe) {
  const world = createWorld({ seed: recipe.worldSeed });
  const tokenizer = createTokenizer(world);
  const { seed, batch, context, mixture, targets } = recipe;
  return dataSource((index) => {
    const data = trainingBatch(world, tokenizer, { seed, batch, length: context, mixture }, index);
    const tokens: TensorData = {
      dtype: 'int64',
      shape: [batch, context],
      data: BigInt64Array.from(data.tokens, BigInt),
    };
    return { tokens, ...selectTargets(data, targets, index) };
  });
}

/**
 * Trains the model of a recipe on the built-in world: seeded, resumable, with the events of the
 * training loop for progress.
 *
 * @throws GlassboxError what the training loop throws (`not-finite`, `checkpoint-failed` …)
 */
export async function trainOrganism(options: TrainOrganismOptions): Promise<TrainedOrganism> {
  const { recipe, listeners = [], ...rest } = options;
  if (!(recipe.targets <= recipe.batch * recipe.context)) {
    throw new GlassboxError(
      `${recipe.targets} targets do not fit into ${recipe.batch} rows of ${recipe.context} tokens`,
      { code: 'bad-recipe', remedy: 'Lower the number of targets or enlarge the batch.' },
    );
  }
  const config = organismConfig(recipe);
  const { width } = recipe;
  const result = await runTraining(
    {
      ...rest,
      params: initParams(organismParams(config), new Rng(recipe.seed).fork('weights')),
      batch: organismBatch(recipe),
      loss: organismLoss(config),
      data: organismData(recipe),
      optimiser: muon({
        // Embeddings and positions are matrices too, but tables: their rows are not a basis.
        hidden: (shape) => shape.length === 2 && shape.every((size) => size % width === 0),
        weightDecay: recipe.weightDecay,
        adam: { beta1: 0.9, beta2: 0.98 },
      }),
      clipNorm: 1,
      schedule: scheduleOf(recipe),
      steps: recipe.steps,
      config: { recipe },
    },
    ...listeners,
  );
  return { ...result, config };
}
