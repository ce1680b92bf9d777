import type { TensorData } from '../../graph/op.ts';
import { createModel, type Model } from '../../model/index.ts';
import { loadFixture } from '../../model/testing/fixtures.ts';

/** Prompts for tests on models of 48 tokens. */
export const EXAMPLES = [
  { clean: [3, 7, 9, 11, 4, 8], corrupted: [3, 7, 21, 11, 30, 8], target: 5, distractor: 17 },
  { clean: [6, 2, 9, 4], corrupted: [6, 5, 9, 14], target: 3, distractor: 20 },
];

/** A small model whose weights pass through `change`, for tests. */
export async function changedFixture(
  name: string,
  change: (name: string, values: Float32Array) => Float32Array,
  config: Partial<Model['config']> = {},
): Promise<Model> {
  const { config: original, params, runtime } = await loadFixture(name);
  const changed = Object.fromEntries(
    Object.entries(params).map(([key, { shape, data }]): [string, TensorData] => [
      key,
      { dtype: 'float32', shape, data: change(key, Float32Array.from(data as Float32Array)) },
    ]),
  );
  return createModel({ ...original, ...config }, changed, { runtime });
}

/**
 * A model that is linear from embeddings to logits up to about one part in a million: attention is
 * uniform, MLPs write nothing, and the norms' ε is so large that they divide by a constant.
 */
export function linearFixture(): Promise<Model> {
  const epsilon = 1e6;
  return changedFixture(
    'gpt2',
    (name, values) => {
      if (/attn\.[qk]\.|mlp\.out/.test(name)) return values.fill(0);
      return /ln(1|2|_final)\.weight$/.test(name) ? values.map((x) => x * epsilon ** 0.5) : values;
    },
    { normEps: epsilon },
  );
}
