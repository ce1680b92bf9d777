import { z } from 'zod';
import { GlassboxError, nearestNames } from '../../../base/error.ts';
import type { Model } from '../../../model/model.ts';
import { addressWidth, OTHER } from '../data/source.ts';
import { checkAddresses, checkTasks } from './config-check.ts';
import {
  autoencoder,
  crosscoder,
  crossLayer,
  type DictionaryTask,
  type TaskSettings,
  transcoder,
} from './rule.ts';

const aux = z
  .strictObject({ coefficient: z.number().min(0).optional(), k: z.int().min(1).optional() })
  .optional();
const coefficient = z.number().min(0);

const rule = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('standard'),
    coefficient,
    resampleEvery: z.int().min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('gated'),
    coefficient,
    resampleEvery: z.int().min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('topk'),
    k: z.int().min(1),
    aux,
    resampleEvery: z.int().min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('batchtopk'),
    k: z.int().min(1),
    aux,
    resampleEvery: z.int().min(1).optional(),
    rowLimit: z.number().min(1).optional(),
    prefixes: z.array(z.int().min(1)).min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('jumprelu'),
    coefficient,
    targetL0: z.number().positive().optional(),
    tanhScale: z.number().positive().optional(),
    bandwidth: z.number().positive().optional(),
    threshold: z.number().min(0).optional(),
    deadCoefficient: z.number().min(0).optional(),
  }),
]);

const shared = {
  /** May hold `{l}` for the layer. */
  name: z
    .string()
    .regex(/^(?!\.+$)[\w.{}-]+$/, 'letters, digits, dots, dashes and {l} only, and not only dots'),
  /** Number of features. */
  width: z.int().min(1),
  rule,
  learningRate: z.number().positive().optional(),
  /** One dictionary per layer listed; `{l}` in names and addresses becomes the layer. */
  layers: z.array(z.int().min(0)).min(1).optional(),
};

const dictionary = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('autoencoder'), ...shared, at: z.string() }),
  z.strictObject({
    kind: z.literal('transcoder'),
    ...shared,
    reads: z.string(),
    writes: z.string(),
    skip: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('cross-layer'),
    ...shared,
    reads: z.array(z.string()).min(1),
    writes: z.array(z.string()).min(1),
  }),
  z.strictObject({ kind: z.literal('crosscoder'), ...shared, at: z.array(z.string()).min(1) }),
]);

/** Text to read: the built-in world, or a file in UTF-8 with one document per line. */
const corpus = z.union(
  [
    z.strictObject({
      world: z.strictObject({ seed: z.int(), split: z.enum(['train', 'held-out']).optional() }),
    }),
    z.strictObject({ text: z.string() }),
  ],
  { error: 'expected { "world": { "seed": 1 } } or { "text": "file.txt" }' },
);

/** What `glassbox dict train` reads. */
export const trainConfigSchema = z.strictObject({
  /** Built-in name, folder or hub id. */
  model: z.string(),
  /** A second model with the same tokens, whose addresses are written `other:ADDRESS`. */
  other: z.string().optional(),
  corpus,
  /** Text to measure on; not among the training text. */
  heldOut: corpus.optional(),
  /** Held-out batches of text; 16 unless told. */
  heldOutBatches: z.int().min(1).optional(),
  /** Folder for the dictionaries. */
  out: z.string(),
  /** Folder for checkpoints and events; `out`/run unless told. */
  run: z.string().optional(),
  /** Rows per step. */
  rows: z.int().min(1).default(4096),
  steps: z.int().min(1),
  /** One training per seed, in the same pass; the first one is saved, the others give the spread. */
  seeds: z
    .array(z.int())
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'names a seed twice')
    .default([0]),
  /** Tokens, as text, whose activations are left out; begin-of-text and padding unless told. */
  exclude: z.array(z.string()).optional(),
  /** Leave out tokens whose activations are this many times longer than the median. */
  maxNormRatio: z.number().positive().optional(),
  buffer: z
    .strictObject({
      rows: z.int().min(1).optional(),
      /** Keep activations on disk in this folder and train from there. */
      store: z.string().optional(),
      /** Activations to store; needed with `store`. */
      storeRows: z.int().min(1).optional(),
    })
    .optional(),
  normalise: z.boolean().optional(),
  /** Threads for training; the physical cores unless told. Fewer is faster where other programs run. */
  threads: z.int().min(1).optional(),
  deadAfter: z.int().min(1).optional(),
  /** Leave features out that are dead at the end. */
  prune: z.boolean().optional(),
  warmup: z.int().min(0).optional(),
  decay: z.number().min(0).max(1).optional(),
  checkpointEvery: z.int().min(1).default(500),
  floats: z.enum(['F32', 'F16', 'BF16']).default('F32'),
  /** Dictionaries that stand in for all MLPs of the model together, one name per layer; measured as a set. */
  sets: z.record(z.string(), z.array(z.string()).min(1)).optional(),
  dictionaries: z.array(dictionary).min(1),
});

/** A whole dictionary training as its configuration file states it. */
export type TrainConfig = z.infer<typeof trainConfigSchema>;
/** Which text dictionaries are trained on. */
export type CorpusConfig = z.infer<typeof corpus>;

/** Every name of a field, of the configuration and of what it is made of. */
function fieldNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(fieldNames)];
}

/**
 * Checks JSON for a training configuration. Throws `bad-train-config`, naming the field, and for an unknown one the
 * nearest.
 *
 * @param source what the JSON is called in messages, such as the path of its file
 */
export function parseTrainConfig(json: unknown, source = 'the configuration'): TrainConfig {
  const parsed = trainConfigSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue.path.join('.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const names = new Set(
    unknown === undefined
      ? []
      : fieldNames(z.toJSONSchema(trainConfigSchema, { io: 'input', unrepresentable: 'any' })),
  );
  const [near] = unknown === undefined ? [] : nearestNames(unknown, names, 1);
  throw new GlassboxError(
    `${source}: ${field === '' ? '' : `${field}: `}${issue.message}${near === undefined ? '' : `; did you mean "${near}"?`}`,
    {
      code: 'bad-train-config',
      remedy: 'See `glassbox dict train --help` for a complete example.',
      details: { field, ...(near !== undefined && { nearest: near }) },
    },
  );
}

/** The tasks of a configuration: layers written out, one task per seed (`name` and `name@SEED`). */
export function configuredTasks(
  config: TrainConfig,
  models: { readonly model: Model; readonly other?: Model },
): DictionaryTask[] {
  const widthOf = (address: string): number => {
    if (!address.startsWith(OTHER)) return addressWidth(models.model, address);
    if (models.other) return addressWidth(models.other, address.slice(OTHER.length));
    throw new GlassboxError(`'${address}' needs a second model`, {
      code: 'bad-train-config',
      remedy: "Name it in 'other'.",
    });
  };
  const tasks = config.dictionaries.flatMap((entry) =>
    (entry.layers ?? [undefined]).flatMap((layer) => {
      const fill = (text: string) => text.replaceAll('{l}', String(layer ?? '{l}'));
      const shape = (settings: (width: number) => TaskSettings): DictionaryTask => {
        switch (entry.kind) {
          case 'autoencoder': {
            const at = fill(entry.at);
            return autoencoder({ ...settings(widthOf(at)), at });
          }
          case 'transcoder': {
            const [reads, writes] = [fill(entry.reads), fill(entry.writes)];
            const made = transcoder({
              ...settings(widthOf(reads)),
              reads,
              writes,
              skip: entry.skip,
            });
            return { ...made, dOut: widthOf(writes) };
          }
          case 'cross-layer': {
            checkAddresses(entry, widthOf);
            const { reads, writes } = entry;
            return crossLayer({ ...settings(widthOf(reads[0])), reads, writes });
          }
          case 'crosscoder': {
            const at = entry.at.map(fill);
            checkAddresses({ ...entry, at }, widthOf);
            return crosscoder({ ...settings(widthOf(at[0])), at });
          }
        }
      };
      return config.seeds.map((seed, index) =>
        shape((width) => ({
          name: index === 0 ? fill(entry.name) : `${fill(entry.name)}@${seed}`,
          rule: entry.rule,
          width,
          dDict: entry.width,
          seed,
          learningRate: entry.learningRate,
        })),
      );
    }),
  );
  checkTasks(config, tasks);
  const names = tasks.map(({ name }) => name);
  for (const [set, members] of Object.entries(config.sets ?? {})) {
    const missing = members.find((member) => !names.includes(member));
    if (missing === undefined) continue;
    throw new GlassboxError(`the set '${set}' names '${missing}', which is not trained here`, {
      code: 'bad-train-config',
      remedy: `Use the names of dictionaries: ${names.join(', ')}.`,
    });
  }
  return tasks;
}
