import { GlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import { aligned } from './align.ts';
import { type Layout, layOut, type Place } from './places.ts';
import { differenceProgram, maskShape, patchProgram } from './program.ts';
import { headCount, type PatchSite, siteAddress, streamBefore } from './sites.ts';
import type { PatchOptions, PatchPair, PatchResult } from './types.ts';

type Cache = Readonly<Record<string, TensorData>>;

/** An int64 array. */
export const int64 = (values: readonly number[], shape: readonly number[]): TensorData => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Which of the two compared logits counts for and which against. */
export const COLUMNS = { column0: int64([0], [1]), column1: int64([1], [1]) };

/** Rows per native run unless told: wide enough for the matrix kernels, small enough for caches. */
const BATCH = 32;

async function plainDifference(
  model: Model,
  tokens: readonly number[],
  { target, distractor }: PatchPair,
): Promise<number> {
  const { config, runner } = model;
  const kept = runner.program('logit difference', 'fed', () => differenceProgram(config));
  const { logitDiff } = await runner.run(kept, {
    tokens: int64(tokens, [1, tokens.length]),
    last: int64([tokens.length - 1], [1]),
    pair: int64([target, distractor], [2]),
    ...COLUMNS,
  });
  return (logitDiff.data as Float32Array)[0];
}

/** Both plain runs' logit differences. Throws `not-finite`, `no-difference`. */
export async function plainMetric(
  model: Model,
  pair: PatchPair,
): Promise<{ clean: number; corrupted: number }> {
  const clean = await plainDifference(model, pair.clean, pair);
  const corrupted = await plainDifference(model, pair.corrupted, pair);
  if (!Number.isFinite(clean) || !Number.isFinite(corrupted)) {
    throw new GlassboxError(
      `the logit difference is ${clean} on the clean prompt, ${corrupted} on the corrupted one`,
      {
        code: 'not-finite',
        remedy: 'Check the weights: glassbox models verify; numbers that are not finite spread.',
        kind: 'failure',
      },
    );
  }
  if (Math.abs(clean - corrupted) >= 1e-6) return { clean, corrupted };
  throw new GlassboxError(
    `both prompts give the same logit difference (${clean.toFixed(4)} logits)`,
    {
      code: 'no-difference',
      remedy: 'Choose a corrupted prompt, target and distractor for which the answer changes.',
    },
  );
}

/** Which entries of each row are exchanged. */
function masks(
  model: Model,
  options: { readonly site: PatchSite; readonly pos: number; readonly chunk: readonly Place[] },
): TensorData {
  const { site, pos, chunk } = options;
  const shape = [chunk.length, ...maskShape(model.config, site, pos)];
  const heads = Math.max(1, headCount(model.config, site));
  const data = new Uint8Array(chunk.length * pos * heads);
  chunk.forEach(({ head, positions }, row) => {
    for (const [p] of positions) {
      for (let h = head ?? 0; h <= (head ?? heads - 1); h++) {
        const within = site === 'pattern' ? h * pos + p : p * heads + h;
        data[row * pos * heads + within] = 1;
      }
    }
  });
  return { dtype: 'bool', shape, data };
}

async function sweepLayer(
  model: Model,
  options: PatchOptions,
  run: {
    readonly layer: number;
    readonly layout: Layout;
    readonly base: Cache;
    readonly other: Cache;
    readonly pos: number;
    readonly done: (rows: number) => void;
  },
): Promise<number[]> {
  const { config, runner } = model;
  const { site, batch = BATCH } = options;
  const { layer, layout, base, other, pos } = run;
  const address = siteAddress(site, layer);
  const stream = streamBefore(config, site, layer);
  const value = other[address];
  const values: number[] = [];
  const feeds: Record<string, TensorData> = {
    base: base[address],
    other: aligned(site, value, layout.places, pos),
    pair: int64([options.target, options.distractor], [2]),
    ...COLUMNS,
    ...(stream ? { stream: base[stream] } : {}),
  };
  const key = `patching ${site} ${layer}`;
  for (let start = 0; start < layout.places.length; start += batch) {
    options.signal?.throwIfAborted();
    const chunk = layout.places.slice(start, start + batch);
    const kept = runner.program(key, 'fed', () => patchProgram(config, site, layer));
    const { logitDiff } = await runner.run(kept, {
      ...feeds,
      mask: masks(model, { site, pos, chunk }),
      last: int64(new Array<number>(chunk.length).fill(pos - 1), [chunk.length]),
    });
    values.push(...(logitDiff.data as Float32Array));
    run.done(chunk.length);
  }
  return values;
}

/**
 * Activation patching (Vig et al. 2020; Meng et al. 2022; Wang et al. 2022): exchanges one activation at
 * a time between a clean and a corrupted prompt and measures the logit difference at the last position.
 * Every row of a native run is a patch of its own, and runs start at the patched layer.
 *
 * @throws GlassboxError `prompts-differ-in-length` unless named positions align the prompts; `no-difference`
 *   when both prompts give the same logit difference, so that nothing can be normalised; `not-finite`;
 *   `unknown-address` when the model lacks the site
 */
export async function activationPatching(
  model: Model,
  options: PatchOptions,
): Promise<PatchResult> {
  const { config } = model;
  const { site, direction = 'denoise' } = options;
  const layout = layOut(config, options, options);
  const denoise = direction === 'denoise';
  const [base, other] = denoise
    ? [options.corrupted, options.clean]
    : [options.clean, options.corrupted];
  const layers = Array.from({ length: config.nLayers }, (_, l) => l);
  const sites = layers.map((layer) => siteAddress(site, layer));
  const streams = layers.flatMap((layer) => streamBefore(config, site, layer) ?? []);
  const record = { logits: 'none' } as const;
  const fromBase = await model.runWithCache(base, [...sites, ...streams], record);
  const fromOther = await model.runWithCache(other, sites, record);
  const metric = await plainMetric(model, options);
  let done = 0;
  const total = layers.length * layout.places.length;
  const values: number[] = [];
  for (const layer of layers) {
    const found = await sweepLayer(model, options, {
      layer,
      layout,
      base: fromBase.cache,
      other: fromOther.cache,
      pos: base.length,
      done(rows) {
        done += rows;
        options.progress?.({ label: 'patching', done, total, unit: 'runs' });
      },
    });
    values.push(...found);
  }
  const { rows, columns } = layout;
  const width = columns.labels.length;
  const logitDiff = rows.labels.map((_, i) => values.slice(i * width, (i + 1) * width));
  const span = metric.clean - metric.corrupted;
  const effect = logitDiff.map((row) => row.map((x) => (x - metric.corrupted) / span));
  return { metric, site, direction, axes: { rows, columns }, effect, logitDiff };
}
