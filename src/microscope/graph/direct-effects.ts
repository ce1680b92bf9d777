import type { Model } from '../../model/model.ts';
import { checkActivations } from '../dictionary/data/source.ts';
import { encodeFeatures } from '../dictionary/encode.ts';
import type { Dictionary } from '../dictionary/types.ts';
import { EdgeRunner } from './edges.ts';
import type { ActiveFeature } from './features.ts';
import { frozenAddresses } from './frozen.ts';
import { layOutSources } from './sources.ts';
import type { LogitTarget } from './targets.ts';

/** A feature that fires at a position, with its direct effect on a logit. */
export interface DirectEffect {
  /** Index into the dictionaries. */
  readonly dictionary: number;
  readonly index: number;
  readonly position: number;
  readonly activation: number;
  /** In logits; null where the dictionary does not write to the residual stream between blocks. */
  readonly effect: number | null;
}

/** The block at whose end a dictionary writes into the residual stream; null for other places. */
function blockWritten({ config: { writes } }: Dictionary): number | null {
  const [, block, site] =
    /^blocks\.(\d+)\.(hook_resid_post|hook_resid_pre|hook_mlp_out)$/.exec(writes[0]) ?? [];
  if (writes.length !== 1 || block === undefined) return null;
  const layer = Number(block) - (site === 'hook_resid_pre' ? 1 : 0);
  return layer < 0 ? null : layer;
}

/**
 * What every feature that fires on a prompt adds to one logit along direct paths: (activation · decoder vector)
 * carried through later attention with patterns and norm scales held, MLPs after it held too. That is
 * the edge that a feature of an attribution graph has to its logit, for dictionaries at any place of the
 * residual stream.
 *
 * @param options.target a direction read from the normed stream at the last position
 * @throws GlassboxError `not-finite`, naming the address
 */
export async function directEffects(
  model: Model,
  dictionaries: readonly Dictionary[],
  options: { readonly tokens: readonly number[]; readonly target: LogitTarget },
): Promise<DirectEffect[]> {
  const { tokens, target } = options;
  const { config } = model;
  const ignored = tokens[0] === config.tokens.bos ? 0 : -1;
  const addresses = new Set([
    ...frozenAddresses(config),
    ...dictionaries.flatMap((dictionary) => dictionary.config.reads),
    'hook_embed',
  ]);
  const { cache } = await model.runWithCache(tokens, [...addresses], { logits: 'none' });
  const found: DirectEffect[] = [];
  for (const [d, dictionary] of dictionaries.entries()) {
    const { reads, dDict } = dictionary.config;
    const inputs = reads.map((at) => {
      const values = cache[at].data as Float32Array;
      checkActivations(values, model, at);
      return values;
    });
    const acts = await encodeFeatures(model, dictionary, inputs);
    acts.forEach((activation, i) => {
      const position = Math.floor(i / dDict);
      if (activation <= 0 || position === ignored) return;
      found.push({ dictionary: d, index: i % dDict, position, activation, effect: null });
    });
  }
  const effects = await Promise.all(
    dictionaries.map(async (dictionary, d) => {
      const own = found.filter((one) => one.dictionary === d);
      const block = blockWritten(dictionary);
      if (block === null || own.length === 0) return own;
      const values = await effectsOf(model, { dictionary, block, own, cache, target });
      return own.map((one, i) => ({ ...one, effect: values[i] }));
    }),
  );
  return effects.flat();
}

/** Effects of the features of one dictionary, taken for the only thing that the MLP of its block writes. */
async function effectsOf(
  model: Model,
  given: {
    readonly dictionary: Dictionary;
    readonly block: number;
    readonly own: readonly DirectEffect[];
    readonly cache: Awaited<ReturnType<Model['runWithCache']>>['cache'];
    readonly target: LogitTarget;
  },
): Promise<Float32Array> {
  const { dictionary, block, own, cache, target } = given;
  const { nLayers, dModel } = model.config;
  const embeddings = cache.hook_embed.data as Float32Array;
  const pos = embeddings.length / dModel;
  const standIns = Array.from(
    { length: nLayers },
    (_, layer): Dictionary => ({
      params: dictionary.params,
      config: {
        ...dictionary.config,
        reads: [`blocks.${layer}.mlp.hook_in`],
        writes: [`blocks.${layer}.hook_mlp_out`],
        skip: false,
      },
    }),
  );
  const set = { kind: 'per-layer' as const, dictionaries: standIns };
  const features = own.map(
    ({ index, position, activation }): ActiveFeature => ({
      layer: block,
      index,
      position,
      activation,
    }),
  );
  const errors = Array.from({ length: nLayers }, () => new Float32Array(pos * dModel));
  const sources = layOutSources(set, { features, errors }, { embeddings, pos, dModel });
  const runner = new EdgeRunner(model, set, sources, cache);
  const [row] = await runner.rows({ site: 'logits', positions: [pos - 1], vectors: target.vector });
  return row.subarray(0, own.length);
}
