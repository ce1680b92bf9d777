import { GlassboxError } from '../base/error.ts';
import type { ProgressListener } from '../base/progress.ts';
import { gather, input, reshape, squeeze, sub, unsqueeze, where } from '../graph/build.ts';
import type { Tensor, TensorData } from '../graph/op.ts';
import { createProgram, type Program } from '../graph/program.ts';
import { addressShape } from '../model/address.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Model } from '../model/model.ts';
import { parameterInputs } from '../model/run/program.ts';
import { traceForward } from '../model/transformer/forward.ts';

/** Where activations are exchanged. */
export const patchSites = [
  'resid_pre',
  'resid_mid',
  'resid_post',
  'attn_out',
  'mlp_out',
  'z',
] as const;
export type PatchSite = (typeof patchSites)[number];

/** One axis of the effect matrix. */
export interface PatchAxis {
  readonly name: 'layer' | 'position' | 'head' | 'layer.head';
  readonly labels: readonly string[];
}

export interface PatchOptions {
  readonly clean: readonly number[];
  readonly corrupted: readonly number[];
  /** Token whose logit counts for, and token whose logit counts against. */
  readonly target: number;
  readonly distractor: number;
  readonly site: PatchSite;
  /**
   * `denoise` puts clean activations into the corrupted run (what is sufficient to restore the answer),
   * `noise` puts corrupted ones into the clean run (what is necessary for it). Default `denoise`.
   */
  readonly direction?: 'denoise' | 'noise';
  /** Heads only: every head at every position instead of at all positions at once. */
  readonly byPosition?: boolean;
  /** Rows per native run, 32 unless told. */
  readonly batch?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

export interface PatchResult {
  /** Logit difference target − distractor at the last position of both plain runs, in logits. */
  readonly metric: { readonly clean: number; readonly corrupted: number };
  readonly site: PatchSite;
  readonly direction: 'denoise' | 'noise';
  readonly axes: { readonly rows: PatchAxis; readonly columns: PatchAxis };
  /** (patched − corrupted) / (clean − corrupted): 1 is the clean run's answer, 0 the corrupted one's. */
  readonly effect: readonly (readonly number[])[];
  /** The patched logit differences themselves, in logits. */
  readonly logitDiff: readonly (readonly number[])[];
}

function addressOf(site: PatchSite, layer: number): string {
  return `blocks.${layer}.${site === 'z' ? 'attn.' : ''}hook_${site}`;
}

/** One place to patch: a layer, and a position and/or a head (all when null). */
interface Place {
  readonly layer: number;
  readonly position: number | null;
  readonly head: number | null;
}

/**
 * Every row of the batch is its own patch: at each layer a mask says which places of the row take the
 * other run's value. One compiled program serves the whole sweep and every prompt of the same site.
 */
function patchProgram(config: ModelConfig, site: PatchSite): Program {
  const sites = Array.from({ length: config.nLayers }, (_, l) => addressOf(site, l));
  const patched = (address: string, x: Tensor): Tensor => {
    const [, ...rest] = addressShape(config, address);
    const other = input(`other.${address}`, [1, ...rest]);
    // [batch, pos] or [batch, pos, n_heads], spread over the last axis.
    const mask = input(`mask.${address}`, x.shape.slice(0, -1), 'bool');
    return where(unsqueeze(mask, -1), other, x);
  };
  const tokens = input('tokens', ['batch', 'pos'], 'int64');
  const { logits } = traceForward(config, {
    tokens,
    param: parameterInputs(config),
    wants: (address) => sites.includes(address),
    hook: (address, x) => (sites.includes(address) ? patched(address, x) : x),
    logitsAt: input('last', ['batch'], 'int64'),
  });
  const pair = gather(squeeze(logits, 1), input('pair', [2], 'int64'), 1);
  const one = (i: number) => reshape(gather(pair, input(`column${i}`, [1], 'int64'), 1), ['batch']);
  return createProgram({ logitDiff: sub(one(0), one(1)) });
}

function places(
  config: ModelConfig,
  options: PatchOptions,
): { rows: PatchAxis; columns: PatchAxis; list: Place[] } {
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  const heads = Array.from({ length: config.nHeads }, (_, h) => h);
  const positions = options.clean.map((_, i) => i);
  const axis = (name: PatchAxis['name'], labels: readonly (number | string)[]): PatchAxis => ({
    name,
    labels: labels.map(String),
  });
  if (options.site !== 'z') {
    return {
      rows: axis('layer', layers),
      columns: axis('position', positions),
      list: layers.flatMap((layer) =>
        positions.map((position) => ({ layer, position, head: null })),
      ),
    };
  }
  if (!options.byPosition) {
    return {
      rows: axis('layer', layers),
      columns: axis('head', heads),
      list: layers.flatMap((layer) => heads.map((head) => ({ layer, position: null, head }))),
    };
  }
  return {
    rows: axis(
      'layer.head',
      layers.flatMap((layer) => heads.map((head) => `${layer}.${head}`)),
    ),
    columns: axis('position', positions),
    list: layers.flatMap((layer) =>
      heads.flatMap((head) => positions.map((position) => ({ layer, position, head }))),
    ),
  };
}

function requireComparable({ clean, corrupted }: PatchOptions): void {
  if (clean.length === corrupted.length) return;
  throw new GlassboxError(
    `the clean prompt has ${clean.length} tokens and the corrupted one ${corrupted.length}`,
    {
      code: 'prompts-differ-in-length',
      remedy: 'Change words to ones with the same number of tokens, so that positions correspond.',
      details: { clean: clean.length, corrupted: corrupted.length },
    },
  );
}

const int64 = (values: readonly number[], shape: readonly number[]): TensorData => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/**
 * Activation patching (Vig et al. 2020; Meng et al. 2022; Wang et al. 2022): exchanges one activation at
 * a time between a clean and a corrupted prompt and measures the logit difference at the last position.
 *
 * @throws GlassboxError `prompts-differ-in-length`; `no-difference` when both prompts give the same
 *   logit difference, so that nothing can be normalised; `unknown-address` when the model lacks the site
 */
export async function activationPatching(
  model: Model,
  options: PatchOptions,
): Promise<PatchResult> {
  requireComparable(options);
  const { config, runner } = model;
  const { site, direction = 'denoise', target, distractor } = options;
  const addresses = Array.from({ length: config.nLayers }, (_, l) => addressOf(site, l));
  const [base, other] =
    direction === 'denoise'
      ? [options.corrupted, options.clean]
      : [options.clean, options.corrupted];
  const { cache } = await model.runWithCache(other, addresses, { logits: 'none' });
  const kept = runner.program(`patching ${site}`, 'fed', () => patchProgram(config, site));
  const pos = base.length;
  const heads = site === 'z' ? config.nHeads : 1;

  const run = async (
    tokens: readonly number[],
    chunk: readonly (Place | null)[],
  ): Promise<number[]> => {
    const batch = chunk.length;
    const feeds: Record<string, TensorData> = {
      tokens: int64(
        chunk.flatMap(() => [...tokens]),
        [batch, pos],
      ),
      last: int64(
        chunk.map(() => pos - 1),
        [batch],
      ),
      pair: int64([target, distractor], [2]),
      column0: int64([0], [1]),
      column1: int64([1], [1]),
    };
    addresses.forEach((address, layer) => {
      const mask = new Uint8Array(batch * pos * heads);
      chunk.forEach((place, row) => {
        if (place?.layer !== layer) return;
        for (let p = place.position ?? 0; p <= (place.position ?? pos - 1); p++) {
          for (let h = place.head ?? 0; h <= (place.head ?? heads - 1); h++) {
            mask[(row * pos + p) * heads + h] = 1;
          }
        }
      });
      const shape = site === 'z' ? [batch, pos, heads] : [batch, pos];
      feeds[`mask.${address}`] = { dtype: 'bool', shape, data: mask };
      feeds[`other.${address}`] = cache[address];
    });
    const { logitDiff } = await runner.run(kept, feeds);
    return Array.from(logitDiff.data as Float32Array);
  };

  const [clean] = await run(options.clean, [null]);
  const [corrupted] = await run(options.corrupted, [null]);
  if (Math.abs(clean - corrupted) < 1e-6) {
    throw new GlassboxError(
      `both prompts give the same logit difference (${clean.toFixed(4)} logits)`,
      {
        code: 'no-difference',
        remedy: 'Choose a corrupted prompt, target and distractor for which the answer changes.',
      },
    );
  }
  const { rows, columns, list } = places(config, options);
  const chunkSize = options.batch ?? 32;
  const values: number[] = [];
  for (let start = 0; start < list.length; start += chunkSize) {
    options.signal?.throwIfAborted();
    values.push(...(await run(base, list.slice(start, start + chunkSize))));
    options.progress?.({
      label: 'patching',
      done: values.length,
      total: list.length,
      unit: 'runs',
    });
  }
  const width = columns.labels.length;
  const logitDiff = rows.labels.map((_, i) => values.slice(i * width, (i + 1) * width));
  const effect = logitDiff.map((row) => row.map((x) => (x - corrupted) / (clean - corrupted)));
  return {
    metric: { clean, corrupted },
    site,
    direction,
    axes: { rows, columns },
    effect,
    logitDiff,
  };
}
