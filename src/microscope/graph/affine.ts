import { add, expand, input, matmul, mul } from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { dictionaryInputs } from '../dictionary/run.ts';
import type { DictionarySet } from '../dictionary/types.ts';
import { frozenAddresses } from './frozen.ts';

/** The inputs under which a probe of the frozen model is fed. */
export const probeName = {
  held: (address: string) => `held.${address}`,
  embed: 'probe.embed',
  write: (layer: number) => `probe.write.${layer}`,
  resid: 'probe.resid',
} as const;

/**
 * The frozen model as a function of what is put into it: embeddings `[rows, pos, d_model]` and MLP outputs, or the
 * stream entering one layer. It is affine, so the difference of two rows is exactly what their
 * difference does. Returns the tensors recorded at `record`.
 *
 * @param options.from put the stream of this layer in, instead of embeddings and MLP outputs
 */
export function traceProbe(
  config: ModelConfig,
  options: {
    readonly set: DictionarySet;
    readonly record: readonly string[];
    readonly from?: number;
  },
): Record<string, Tensor> {
  const { set, from } = options;
  const held = new Set(frozenAddresses(config));
  const recorded: Record<string, Tensor> = {};
  const seen = new Map<string, Tensor>();
  const reads = set.dictionaries.map((dictionary) => dictionary.config.reads[0]);
  const put = (address: string, x: Tensor): Tensor => {
    if (held.has(address)) {
      // One run's values serve all rows.
      const [, ...rest] = x.shape;
      return expand(input(probeName.held(address), [1, ...rest]), x.shape);
    }
    if (from === undefined && address === 'hook_embed') return input(probeName.embed, x.shape);
    if (from !== undefined && address === `blocks.${from}.hook_resid_pre`) {
      return input(probeName.resid, x.shape);
    }
    const layer = /^blocks\.(\d+)\.hook_mlp_out$/.exec(address)?.[1];
    if (layer !== undefined && from === undefined) {
      const write = input(probeName.write(Number(layer)), x.shape);
      const { config: dictionary } = set.dictionaries[Number(layer)];
      if (!dictionary.skip) return write;
      const skip = dictionaryInputs(dictionary, `dictionary.${layer}.`)('W_skip');
      return add(write, matmul(seen.get(reads[Number(layer)])!, skip));
    }
    // A different tensor with the same value: the forward pass then goes through it.
    return address.endsWith('.hook_result') ? mul(x, 1) : x;
  };
  traceForward(config, {
    tokens: input('tokens', ['rows', 'pos'], 'int64'),
    param: parameterInputs(config),
    wants: () => true,
    hook: (address, x) => {
      const out = address.endsWith('.hook_attn_in') ? x : put(address, x);
      seen.set(address, out);
      if (options.record.includes(address)) recorded[address] = out;
      return out;
    },
  });
  return recorded;
}
