import { z } from 'zod';
import { GlassboxError } from '../../../base/error.ts';
import type { Histogram } from '../harvest/types.ts';
import type { ImportedFeature, ImportedGroup, ImportSource, TextValue } from '../imported/types.ts';

/** Feature pages of a file, and what the file says they are features of. */
export interface ForeignFeatures {
  readonly source: ImportSource;
  /** The layer the file names; null where it names none. */
  readonly layer: number | null;
  /** Length of the decoder vectors in the file; null where it has none. */
  readonly width: number | null;
  readonly features: readonly ImportedFeature[];
}

const numbers = z.array(z.number());
const strings = z.array(z.string());

/** One stored stretch of text; the interface writes camel case, files for import snake case. */
const activation = z
  .looseObject({
    tokens: strings,
    values: numbers,
    binMin: z.number().nullish(),
    binMax: z.number().nullish(),
    binContains: z.number().nullish(),
    maxValueTokenIndex: z.int().nullish(),
    qualifyingTokenIndex: z.int().nullish(),
    bin_min: z.number().nullish(),
    bin_max: z.number().nullish(),
    bin_contains: z.number().nullish(),
    qualifying_token_index: z.int().nullish(),
  })
  .transform((one) => ({
    tokens: one.tokens,
    acts: one.values,
    low: one.binMin ?? one.bin_min ?? null,
    high: one.binMax ?? one.bin_max ?? null,
    share: one.binContains ?? one.bin_contains ?? null,
    at: one.qualifyingTokenIndex ?? one.qualifying_token_index ?? one.maxValueTokenIndex ?? null,
  }));

const statistics = {
  pos_str: strings.default([]),
  pos_values: numbers.default([]),
  neg_str: strings.default([]),
  neg_values: numbers.default([]),
  frac_nonzero: z.number().nullish(),
  freq_hist_data_bar_heights: numbers.default([]),
  freq_hist_data_bar_values: numbers.default([]),
  activations: z.array(activation).nullish(),
};

const explanations = z
  .array(
    z.looseObject({
      description: z.string(),
      typeName: z.string().nullish(),
      explanationModelName: z.string().nullish(),
    }),
  )
  .nullish();

/** What `GET /api/feature/{modelId}/{layer}/{index}` answers. */
const single = z.looseObject({
  modelId: z.string(),
  layer: z.string(),
  index: z.union([z.string(), z.int()]),
  maxActApprox: z.number().nullish(),
  vector: numbers.nullish(),
  explanations,
  ...statistics,
});

/** A file for Neuronpedia's batch import. */
const batch = z.looseObject({
  model_id: z.string(),
  layer: z.union([z.int(), z.string()]),
  sae_set: z.string().default(''),
  features: z.array(z.looseObject({ feature_index: z.int().min(0), explanations, ...statistics })),
});

const valued = z.array(z.looseObject({ token: z.string(), value: z.number() })).nullish();

/** What `POST /api/feature/upload-batch` takes. */
const upload = z.looseObject({
  modelId: z.string(),
  source: z.string(),
  features: z.array(
    z.looseObject({
      index: z.int().min(0),
      density: z.number().nullish(),
      topLogits: valued,
      bottomLogits: valued,
      explanations: z
        .array(
          z.looseObject({
            text: z.string(),
            methodName: z.string().nullish(),
            modelName: z.string().nullish(),
          }),
        )
        .nullish(),
      activations: z.array(
        z.looseObject({
          tokens: strings,
          values: numbers,
          quantileMin: z.number().nullish(),
          quantileMax: z.number().nullish(),
          quantileFraction: z.number().nullish(),
        }),
      ),
    }),
  ),
});

/** A feature as Anthropic's and circuit-tracer's front ends fetch it. */
const anthropic = z.looseObject({
  index: z.int().min(0),
  transcoder_id: z.string().optional(),
  clerp: z.string().optional(),
  examples_quantiles: z.array(
    z.looseObject({
      quantile_name: z.string(),
      examples: z.array(
        z.looseObject({
          tokens: strings,
          tokens_acts_list: numbers,
          train_token_ind: z.int().nullish(),
        }),
      ),
    }),
  ),
  top_logits: strings.default([]),
  bottom_logits: strings.default([]),
  act_min: z.number().optional(),
  act_max: z.number().optional(),
  histogram: numbers.optional(),
  activation_frequency: z.number().optional(),
});

function bad(path: string, message: string): GlassboxError {
  return new GlassboxError(`${path}: ${message}`, {
    code: 'bad-feature-file',
    remedy:
      'Give feature JSON of Neuronpedia (one feature, a list, or a batch), or of Anthropic’s or circuit-tracer’s front end.',
    details: { path },
  });
}

const largest = (values: readonly number[]) => values.indexOf(Math.max(...values));

/** Bars are stored by height and middle. */
function histogramOf(heights: readonly number[], values: readonly number[]): Histogram | null {
  if (heights.length === 0 || heights.length !== values.length) return null;
  const width = values.length > 1 ? values[1] - values[0] : 1;
  return { low: values[0] - width / 2, high: values.at(-1)! + width / 2, counts: [...heights] };
}

const paired = (texts: readonly string[], values: readonly number[]): TextValue[] =>
  texts.map((text, i) => ({ text, value: values[i] ?? null }));

type Statistics = z.infer<z.ZodObject<typeof statistics>>;

/** Stretches of text by the interval their largest activation lies in, the highest first. */
function groupsOf(activations: Statistics['activations'], path: string): ImportedGroup[] {
  const groups = new Map<
    string,
    ImportedGroup & { examples: ImportedGroup['examples'][number][] }
  >();
  for (const { tokens, acts, low, high, share, at } of activations ?? []) {
    if (tokens.length !== acts.length || tokens.length === 0) {
      throw bad(path, `an example has ${tokens.length} tokens and ${acts.length} values`);
    }
    const key = `${low} ${high}`;
    const known = groups.get(key) ?? { name: '', low, high, share, examples: [] };
    const place = at !== null && at >= 0 && at < tokens.length ? at : largest(acts);
    known.examples.push({ tokens, acts, at: place });
    groups.set(key, known);
  }
  const sorted = [...groups.values()].sort(
    (a, b) => (b.high ?? Number.POSITIVE_INFINITY) - (a.high ?? Number.POSITIVE_INFINITY),
  );
  return sorted.map((group, i) => ({ ...group, name: i === 0 ? 'top' : String(i) }));
}

function neuronpediaFeature(
  index: number,
  found: Statistics & { readonly explanations?: z.infer<typeof explanations> },
  more: { readonly max: number | null; readonly path: string },
): ImportedFeature {
  const groups = groupsOf(found.activations, more.path);
  const seen = groups.flatMap(({ examples }) => examples.flatMap(({ acts }) => acts));
  return {
    feature: index,
    labels: (found.explanations ?? [])
      .filter(({ description }) => description.trim() !== '')
      .map(({ description, explanationModelName, typeName }) => ({
        text: description.trim(),
        by: explanationModelName ?? typeName ?? null,
      })),
    density: found.frac_nonzero ?? null,
    max: more.max ?? (seen.length > 0 ? seen.reduce((a, b) => Math.max(a, b)) : null),
    top: paired(found.pos_str, found.pos_values),
    bottom: paired(found.neg_str, found.neg_values),
    activations: histogramOf(found.freq_hist_data_bar_heights, found.freq_hist_data_bar_values),
    groups,
  };
}

function anthropicFeature(found: z.infer<typeof anthropic>, path: string): ImportedFeature {
  const { act_min: low = 0, act_max: high, histogram } = found;
  return {
    feature: found.index,
    labels: found.clerp ? [{ text: found.clerp, by: null }] : [],
    density: found.activation_frequency ?? null,
    max: high ?? null,
    top: paired(found.top_logits, []),
    bottom: paired(found.bottom_logits, []),
    activations: histogram && high !== undefined ? { low, high, counts: histogram } : null,
    groups: found.examples_quantiles.map(({ quantile_name, examples }) => ({
      name: /^top/i.test(quantile_name)
        ? 'top'
        : (/\d+$/.exec(quantile_name)?.[0] ?? quantile_name),
      low: null,
      high: null,
      share: null,
      examples: examples.map(({ tokens, tokens_acts_list: acts, train_token_ind: at }) => {
        if (tokens.length !== acts.length || tokens.length === 0) {
          throw bad(path, `an example has ${tokens.length} tokens and ${acts.length} values`);
        }
        return { tokens, acts, at: at != null && at >= 0 && at < acts.length ? at : largest(acts) };
      }),
    })),
  };
}

function parsed<S extends z.ZodType>(schema: S, json: unknown, path: string): z.infer<S> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw bad(path, `${issue.path.join('.') || 'it'}: ${issue.message}`);
}

function readUpload(found: z.infer<typeof upload>, path: string): ForeignFeatures {
  return {
    source: { format: 'neuronpedia-batch', name: `${found.modelId}/${found.source}` },
    layer: layerIn(found.source),
    width: null,
    features: found.features.map((one) =>
      neuronpediaFeature(
        one.index,
        {
          pos_str: one.topLogits?.map(({ token }) => token) ?? [],
          pos_values: one.topLogits?.map(({ value }) => value) ?? [],
          neg_str: one.bottomLogits?.map(({ token }) => token) ?? [],
          neg_values: one.bottomLogits?.map(({ value }) => value) ?? [],
          frac_nonzero: one.density,
          freq_hist_data_bar_heights: [],
          freq_hist_data_bar_values: [],
          activations: one.activations.map((example) => ({
            tokens: example.tokens,
            acts: example.values,
            low: example.quantileMin ?? null,
            high: example.quantileMax ?? null,
            share: example.quantileFraction ?? null,
            at: null,
          })),
          explanations: one.explanations?.map(({ text, methodName, modelName }) => ({
            description: text,
            typeName: methodName,
            explanationModelName: modelName,
          })),
        },
        { max: null, path },
      ),
    ),
  };
}

const layerIn = (text: string): number | null => {
  const found = /^\d+/.exec(text)?.[0];
  return found === undefined ? null : Number(found);
};

function oneSource<T>(items: readonly T[], name: (item: T) => string, path: string): string {
  const names = [...new Set(items.map(name))];
  if (names.length > 1)
    throw bad(path, `holds features of several dictionaries: ${names.join(', ')}`);
  return names[0];
}

function readSingles(items: readonly unknown[], path: string): ForeignFeatures {
  const found = items.map((item) => parsed(single, item, path));
  const name = oneSource(found, ({ modelId, layer }) => `${modelId}/${layer}`, path);
  const width = found.find(({ vector }) => vector && vector.length > 0)?.vector?.length ?? null;
  const features = found.map((one) => {
    const index = Number(one.index);
    if (!Number.isInteger(index) || index < 0) throw bad(path, `index is ${one.index}`);
    return neuronpediaFeature(index, one, { max: one.maxActApprox ?? null, path });
  });
  return {
    source: { format: 'neuronpedia', name },
    layer: layerIn(found[0].layer),
    width,
    features,
  };
}

/**
 * Reads feature pages of other projects out of parsed JSON: Neuronpedia's answer for a feature (or a list of them), its batches
 * for import (of files, and of its interface), or the files of Anthropic's and circuit-tracer's front ends (one, or a list).
 *
 * @throws GlassboxError `bad-feature-file`, naming the field
 */
export function readForeignFeatures(json: unknown, path: string): ForeignFeatures {
  const items = Array.isArray(json) ? json : [json];
  const [first] = items;
  if (typeof first !== 'object' || first === null) throw bad(path, 'holds no features');
  if ('features' in first && 'model_id' in first) {
    if (items.length > 1) throw bad(path, 'holds several batches');
    const found = parsed(batch, first, path);
    const layer = String(found.layer);
    return {
      source: {
        format: 'neuronpedia-batch',
        name: `${found.model_id}/${found.sae_set ? `${layer}-${found.sae_set}` : layer}`,
      },
      layer: layerIn(layer),
      width: null,
      features: found.features.map((one) =>
        neuronpediaFeature(one.feature_index, one, { max: null, path }),
      ),
    };
  }
  if ('features' in first && 'modelId' in first && items.length === 1) {
    return readUpload(parsed(upload, first, path), path);
  }
  if ('modelId' in first) return readSingles(items, path);
  if ('examples_quantiles' in first) {
    const found = items.map((item) => parsed(anthropic, item, path));
    const name = oneSource(found, ({ transcoder_id: id }) => id ?? 'Anthropic feature JSON', path);
    return {
      source: { format: 'anthropic', name },
      layer: null,
      width: null,
      features: found.map((one) => anthropicFeature(one, path)),
    };
  }
  throw bad(path, 'holds no features: there is no modelId, model_id or examples_quantiles');
}
