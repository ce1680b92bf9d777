import { type Schedule, warmupStableDecaySchedule } from '../nn/index.ts';
import { defaultMixture, type Mixture } from './data.ts';
import { SPECIAL } from './world/types.ts';
import { WORLD_SEED } from './world/world.ts';

/** Everything that decides a trained model: same recipe and machine, same weights. */
export interface Recipe {
  readonly name: string;
  readonly worldSeed: number;
  /** Seed of the initial weights and of the document stream. */
  readonly seed: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  /** Longest prompt in tokens; rows of this length are trained on. */
  readonly context: number;
  /** Rows per step. */
  readonly batch: number;
  /** Targets per step that enter the loss; all answers first, then some of the other tokens. */
  readonly targets: number;
  readonly steps: number;
  readonly peakRate: number;
  readonly warmup: number;
  /** Share of the steps over which the rate falls to zero at the end. */
  readonly decay: number;
  readonly weightDecay: number;
  readonly mixture: Mixture;
}

/** How the shipped `glassbox-atlas` is made. */
export const atlasRecipe: Recipe = {
  name: 'glassbox-atlas',
  worldSeed: WORLD_SEED,
  seed: 1,
  layers: 4,
  width: 192,
  heads: 6,
  context: 96,
  batch: 32,
  targets: 1792,
  steps: 3000,
  peakRate: 0.02,
  warmup: 150,
  decay: 0.3,
  weightDecay: 0.1,
  mixture: defaultMixture,
};

/** `config.json` of the recipe's model: GPT-2 as `transformers` knows it, with ReLU. */
export function modelConfigJson(recipe: Recipe, vocabulary: number): Record<string, unknown> {
  const specials: readonly string[] = Object.values(SPECIAL);
  return {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    n_layer: recipe.layers,
    n_embd: recipe.width,
    n_head: recipe.heads,
    n_inner: 4 * recipe.width,
    n_positions: recipe.context,
    vocab_size: vocabulary,
    activation_function: 'relu',
    layer_norm_epsilon: 1e-5,
    embd_pdrop: 0,
    attn_pdrop: 0,
    resid_pdrop: 0,
    tie_word_embeddings: true,
    bos_token_id: specials.indexOf(SPECIAL.endOfText),
    eos_token_id: [specials.indexOf(SPECIAL.endOfText), specials.indexOf(SPECIAL.end)],
    pad_token_id: specials.indexOf(SPECIAL.pad),
    torch_dtype: 'float16',
  };
}

/** Warm-up, a long stretch at the peak, and a linear fall to zero. */
export function scheduleOf({ peakRate, steps, warmup, decay }: Recipe): Schedule {
  return warmupStableDecaySchedule({
    peak: peakRate,
    total: steps,
    warmup: Math.min(warmup, Math.floor(steps / 4)),
    decay: Math.floor(decay * steps),
  });
}
