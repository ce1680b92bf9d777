import { expand, reshape, unsqueeze } from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterInputs } from '../../model/run/program.ts';

/**
 * The same model with a key/value head of its own for every query head, so that each head is a node with
 * its own three inputs. Grouped keys and values are repeated inside the program; numbers do not change.
 */
export function ungrouped(config: ModelConfig): {
  readonly config: ModelConfig;
  readonly param: (name: string) => Tensor;
} {
  const param = parameterInputs(config);
  const { nHeads, nKvHeads, dHead } = config;
  if (nHeads === nKvHeads) return { config, param };
  const group = nHeads / nKvHeads;
  const made = new Map<string, Tensor>();
  const repeated = (x: Tensor): Tensor => {
    const before = x.shape.slice(0, -1);
    const heads = reshape(x, [...before, nKvHeads, dHead]);
    const copies = expand(unsqueeze(heads, -2), [...before, nKvHeads, group, dHead]);
    return reshape(copies, [...before, nHeads * dHead]);
  };
  return {
    config: { ...config, nKvHeads: nHeads },
    param(name) {
      if (!/\.attn\.[kv]\.(weight|bias)$/.test(name)) return param(name);
      const known = made.get(name) ?? repeated(param(name));
      made.set(name, known);
      return known;
    },
  };
}
