import { expand, gather, input, reshape, sub, unsqueeze, where } from '../../graph/build.ts';
import type { Tensor } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import { addressShape } from '../../model/address.ts';
import type { ModelConfig } from '../../model/config.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { headCount, type PatchSite, siteAddress, streamBefore } from './sites.ts';

/** Parameters with the unembedding cut down to the two tokens that are compared. */
function comparedParameters(config: ModelConfig, pair: Tensor): (name: string) => Tensor {
  const base = parameterInputs(config);
  const cut = new Set([config.tieEmbeddings ? 'embed.weight' : 'unembed.weight', 'unembed.bias']);
  return (name) => (cut.has(name) ? gather(base(name), pair) : base(name));
}

/** Logits of the two compared tokens `[batch, 1, 2]` to their difference `[batch]`. */
function difference(logits: Tensor): Tensor {
  const one = (i: 'column0' | 'column1') => gather(logits, input(i, [1], 'int64'), 2);
  return reshape(sub(one('column0'), one('column1')), [logits.shape[0]]);
}

/**
 * The difference of two logits of every row, from logits `[batch, 1, d_vocab]`. Inputs `pair`, `column0`,
 * `column1`.
 */
export function logitDifference(logits: Tensor): Tensor {
  return difference(gather(logits, input('pair', [2], 'int64'), 2));
}

/**
 * Continues a run from one layer with every row patched in its own places. The stream before the layer
 * and the site's value are fed once for all rows, so nothing before the patch is computed, and only the
 * two logits that count are. Inputs: `stream` `[1, pos, d_model]`, `base` and `other` `[1, …site]`, `mask` (bool,
 * `[batch, …site without its last axis]`), `last` int64 `[batch]`, `pair` int64 `[2]`.
 */
export function patchProgram(config: ModelConfig, site: PatchSite, layer: number): Program {
  const address = siteAddress(site, layer);
  const stream = streamBefore(config, site, layer);
  const [, ...rest] = addressShape(config, address);
  const patched = where(
    unsqueeze(input('mask', ['batch', ...rest.slice(0, -1)], 'bool'), -1),
    input('other', [1, ...rest]),
    input('base', [1, ...rest]),
  );
  const before = expand(input('stream', [1, 'pos', config.dModel]), [
    'batch',
    'pos',
    config.dModel,
  ]);
  const { logits } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param: comparedParameters(config, input('pair', [2], 'int64')),
    wants: (at) => at === address || at === stream,
    hook: (at) => (at === stream ? before : patched),
    logitsAt: input('last', ['batch'], 'int64'),
  });
  return createProgram({ logitDiff: difference(logits) });
}

/** The plain run's difference of two logits at the last position of each row. */
export function differenceProgram(config: ModelConfig): Program {
  const { logits } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param: parameterInputs(config),
    logitsAt: input('last', ['batch'], 'int64'),
  });
  return createProgram({ logitDiff: logitDifference(logits) });
}

/** Shape of a site's mask for one row, beside the batch. */
export function maskShape(config: ModelConfig, site: PatchSite, pos: number): number[] {
  const heads = headCount(config, site);
  if (heads === 0) return [pos];
  return site === 'pattern' ? [heads, pos] : [pos, heads];
}
