import type { Model } from '../model/index.ts';
import type { Generate } from './evaluation.ts';
import type { WorldTokenizer } from './tokenizer.ts';
import { SPECIAL } from './world/types.ts';

/**
 * Greedy continuations of many prompts at once, each after `<|endoftext|>`, until `<|endoftext|>`,
 * `<|end|>` or the context is full. Special tokens stay in the text. For evaluations: prompts of a
 * set are short, so running them again per token costs less than keeping keys and values.
 */
export function greedyGenerator(model: Model, tokenizer: WorldTokenizer): Generate {
  const start = tokenizer.id(SPECIAL.endOfText);
  const stops = new Set([start, tokenizer.id(SPECIAL.end)]);
  return async (prompts, { maxTokens }) => {
    const rows = prompts.map((prompt) => [start, ...tokenizer.encode(prompt)]);
    const lengths = rows.map((row) => row.length);
    let open = rows.filter((row) => row.length <= model.config.nCtx);
    for (let i = 0; i < maxTokens && open.length > 0; i++) {
      const { logits } = await model.forward(open, { logits: 'last', reuseOutputs: true });
      const values = (logits?.data ?? []) as Float32Array;
      const width = model.config.dVocab;
      open = open.filter((row, r) => {
        const next = argmax(values.subarray(r * width, (r + 1) * width));
        row.push(next);
        return !stops.has(next) && row.length < model.config.nCtx;
      });
    }
    return rows.map((row, i) => tokenizer.decode(row.slice(lengths[i])));
  };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
