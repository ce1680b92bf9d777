import { input } from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../config.ts';
import type { PlannedEdit } from '../run/edit-plan.ts';
import { editingHook, type ProductLayout, parameterInputs, productInputs } from '../run/program.ts';
import type { KeyValue } from '../transformer/context.ts';
import { traceForward } from '../transformer/forward.ts';
import { freshName, pastName } from './cache.ts';

function freshOutputs(keyValues: readonly KeyValue[]): Record<string, Tensor> {
  return Object.fromEntries(
    keyValues.flatMap(({ k, v }, layer) => [
      [freshName('k', layer), k],
      [freshName('v', layer), v],
    ]),
  );
}

/**
 * A whole prompt: `tokens` `[batch, pos]` and `last` `[batch]` in; logits `[batch, 1, d_vocab]` of each
 * row's last token and all keys and values out.
 */
export function prefillProgram(
  config: ModelConfig,
  edits: readonly PlannedEdit[],
  layout: ProductLayout,
): Program {
  const { hook, wants } = editingHook(config, edits);
  const { logits, keyValues } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param: parameterInputs(config),
    hook,
    wants,
    ...productInputs(config, layout),
    logitsAt: input('last', ['batch'], 'int64'),
  });
  return createProgram({ ...freshOutputs(keyValues), logits });
}

/** The next tokens over a cache: `tokens`, `positions` `[batch, pos]` and the cache arrays in. */
export function decodeProgram(
  config: ModelConfig,
  edits: readonly PlannedEdit[],
  layout: ProductLayout,
): Program {
  const { hook, wants } = editingHook(config, edits);
  const shape = ['batch', config.nKvHeads, 'capacity', config.dHead];
  const past = Array.from({ length: config.nLayers }, (_, layer) => ({
    k: input(pastName('k', layer), shape),
    v: input(pastName('v', layer), shape),
  }));
  const { logits, keyValues } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    positions: input('positions', ['batch', 'pos'], 'int64'),
    param: parameterInputs(config),
    hook,
    wants,
    ...productInputs(config, layout),
    past,
  });
  return createProgram({ ...freshOutputs(keyValues), logits });
}
