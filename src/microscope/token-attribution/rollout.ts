import type { Model } from '../../model/model.ts';

/**
 * Attention rollout (Abnar and Zuidema 2020) from the last position: the mean pattern over heads, half of it and half
 * of the residual connection, multiplied through the layers. It only says where information could come from: values
 * and signs are not looked at, which is why it stands beside the others.
 *
 * @returns one share per position of the prompt, in [0, 1], that sum to 1
 */
export async function attentionRollout(model: Model, tokens: readonly number[]): Promise<number[]> {
  const { nLayers, nHeads } = model.config;
  const pos = tokens.length;
  const { cache } = await model.runWithCache(tokens, 'blocks.*.attn.hook_pattern', {
    logits: 'none',
    reuseOutputs: true,
  });
  let row = new Float64Array(pos);
  row[pos - 1] = 1;
  // Only the last row is wanted, so the product is taken from the last layer down, vector by matrix.
  for (let layer = nLayers - 1; layer >= 0; layer--) {
    const pattern = cache[`blocks.${layer}.attn.hook_pattern`].data as Float32Array;
    const next = row.map((share) => share / 2);
    for (let head = 0; head < nHeads; head++) {
      for (let query = 0; query < pos; query++) {
        const weight = row[query] / (2 * nHeads);
        if (weight === 0) continue;
        const start = (head * pos + query) * pos;
        for (let key = 0; key <= query; key++) next[key] += weight * pattern[start + key];
      }
    }
    row = next;
  }
  return [...row];
}
