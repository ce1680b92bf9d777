import { input, mul, sub, sum } from '../../graph/build.ts';
import { grad } from '../../graph/gradient.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import { addressShape } from '../../model/address.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Model } from '../../model/model.ts';
import { parameterInputs } from '../../model/run/program.ts';
import { traceForward } from '../../model/transformer/forward.ts';
import { aligned } from './align.ts';
import { layOut } from './places.ts';
import { logitDifference } from './program.ts';
import { headCount, type PatchSite, siteAddress } from './sites.ts';
import { COLUMNS, int64, plainMetric } from './sweep.ts';
import type { PatchOptions, PatchResult } from './types.ts';

/**
 * First-order effects of exchanging a site at every layer: (other − own value) · gradient of the logit
 * difference, summed over the last axis, `layer.{l}` `[1, pos]`, `[1, pos, heads]` or `[1, n_heads, query]`.
 */
function nodeProgram(config: ModelConfig, site: PatchSite): Program {
  const sites = Array.from({ length: config.nLayers }, (_, l) => siteAddress(site, l));
  const own = new Map<string, Tensor>();
  const { logits } = traceForward(config, {
    tokens: input('tokens', [1, 'pos'], 'int64'),
    param: parameterInputs(config),
    wants: (address) => sites.includes(address),
    hook(address, x) {
      own.set(address, x);
      return x;
    },
    logitsAt: input('last', [1], 'int64'),
  });
  const difference = logitDifference(logits);
  const gradients = grad(
    sum(difference),
    sites.map((address) => own.get(address)!),
  );
  const outputs = sites.map((address, l): [string, Tensor] => {
    const [, ...rest] = addressShape(config, address);
    const change = sub(input(`other.${l}`, [1, ...rest]), own.get(address)!);
    return [`layer.${l}`, sum(mul(change, gradients[l]), { axes: -1 })];
  });
  return createProgram(Object.fromEntries(outputs));
}

/**
 * Attribution patching (Nanda 2023): the first-order estimate of {@link activationPatching} for all places at once,
 * from two forward passes and one backward pass on the run that would be patched. Fields as there; `logitDiff`
 * is the run's own plus the estimated change.
 *
 * @throws GlassboxError as {@link activationPatching}
 */
export async function attributionPatching(
  model: Model,
  options: PatchOptions,
): Promise<PatchResult> {
  const { config, runner } = model;
  const { site, direction = 'denoise', target, distractor } = options;
  const { rows, columns, places } = layOut(config, options, options);
  const [base, other] =
    direction === 'denoise'
      ? [options.corrupted, options.clean]
      : [options.clean, options.corrupted];
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  const sites = layers.map((layer) => siteAddress(site, layer));
  const { cache } = await model.runWithCache(other, sites, { logits: 'none' });
  const metric = await plainMetric(model, options);
  const pos = base.length;
  const feeds: Record<string, TensorData> = {
    tokens: int64(base, [1, pos]),
    last: int64([pos - 1], [1]),
    pair: int64([target, distractor], [2]),
    ...COLUMNS,
  };
  for (const layer of layers) {
    feeds[`other.${layer}`] = aligned(site, cache[sites[layer]], places, pos);
  }
  const kept = runner.program(`attribution patching ${site}`, 'fed', () =>
    nodeProgram(config, site),
  );
  const found = await runner.run(kept, feeds);
  const heads = Math.max(1, headCount(config, site));
  const at =
    site === 'pattern'
      ? (p: number, h: number) => h * pos + p
      : (p: number, h: number) => p * heads + h;
  const plain = direction === 'denoise' ? metric.corrupted : metric.clean;
  const values = layers.flatMap((layer) => {
    const changes = found[`layer.${layer}`].data as Float32Array;
    return places.map(({ head, positions }) =>
      positions.reduce((total, [p]) => total + changes[at(p, head ?? 0)], plain),
    );
  });
  const width = columns.labels.length;
  const logitDiff = rows.labels.map((_, i) => values.slice(i * width, (i + 1) * width));
  const span = metric.clean - metric.corrupted;
  const effect = logitDiff.map((row) => row.map((x) => (x - metric.corrupted) / span));
  return { metric, site, direction, axes: { rows, columns }, effect, logitDiff };
}
