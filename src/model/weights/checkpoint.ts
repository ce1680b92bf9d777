import { GlassboxError } from '../../base/error.ts';
import type { ProgressListener } from '../../base/progress.ts';
import type { TensorSource, TensorToStore } from '../../base/safetensors/index.ts';
import { formatShape, sameShape } from '../../graph/dim.ts';
import type { TensorData } from '../../graph/op.ts';
import type { ModelConfig } from '../config.ts';
import { type ParameterSpec, parameterSpecs } from '../transformer/parameters.ts';
import { joinLinear, type LinearLayout, splitLinear, storedShape } from './layout.ts';
import { FAMILY_NAMES, type StoredEntry, storedEntries } from './names.ts';

/** Weights by canonical name, float32. */
export type Parameters = Readonly<Record<string, TensorData>>;

function layoutOf(
  config: ModelConfig,
  entry: StoredEntry,
  specs: ReadonlyMap<string, ParameterSpec>,
): LinearLayout {
  const shapes = entry.params.map((name) => specs.get(name)!.shape);
  const groups = entry.linear!.byHead ? config.nHeads : 1;
  const parts = shapes.map((shape) => shape.at(-1)!);
  if (entry.linear!.isBias) return { orientation: 'in_out', inWidth: 1, parts, groups };
  const { orientation } = FAMILY_NAMES[config.family];
  return { orientation, inWidth: shapes[0][0], parts, groups };
}

/** The shape an entry must have on disk. */
function expectedShape(
  config: ModelConfig,
  entry: StoredEntry,
  specs: ReadonlyMap<string, ParameterSpec>,
): readonly number[] {
  if (!entry.linear) return specs.get(entry.params[0])!.shape;
  const shape = storedShape(layoutOf(config, entry, specs));
  return entry.linear.isBias ? shape.slice(1) : shape;
}

function specsOf(config: ModelConfig): Map<string, ParameterSpec> {
  return new Map(parameterSpecs(config).map((spec) => [spec.name, spec]));
}

function findPrefix(config: ModelConfig, source: TensorSource): string {
  const { prefixes, embed } = FAMILY_NAMES[config.family];
  const found = prefixes.find((prefix) => source.has(`${prefix}${embed}.weight`));
  if (found === undefined) throw missing(source, `${prefixes[0]}${embed}.weight`);
  return found;
}

function missing(source: TensorSource, name: string): GlassboxError {
  return new GlassboxError(`${source.path} has no tensor "${name}", which config.json calls for`, {
    code: 'missing-weight',
    remedy: 'Use the config.json that belongs to these weights, or download the folder again.',
    details: { path: source.path, name },
  });
}

/** Throws when a stored tensor would be left out: weights and config do not belong together then. */
function requireNoOthers(config: ModelConfig, source: TensorSource, used: Set<string>): void {
  const names = FAMILY_NAMES[config.family];
  const tiedCopy = config.tieEmbeddings ? `${names.unembed}.weight` : null;
  const extra = source.names.filter(
    (name) =>
      !used.has(name) &&
      !names.ignored.test(name) &&
      !(tiedCopy !== null && (name === tiedCopy || name.endsWith(`.${tiedCopy}`))),
  );
  if (extra.length === 0) return;
  throw new GlassboxError(
    `${source.path} has ${extra.length} tensors that config.json does not call for, e.g. "${extra[0]}"`,
    {
      code: 'unexpected-weight',
      remedy: 'Use the config.json that belongs to these weights.',
      details: { path: source.path, names: extra.slice(0, 20) },
    },
  );
}

/**
 * Reads the weights of a model from a Hugging Face checkpoint, one stored tensor at a time.
 *
 * @throws GlassboxError `missing-weight`, `unexpected-weight`, `wrong-weight-shape` or
 *   `wrong-weight-type`, naming the tensor and what was expected
 */
export async function readCheckpoint(
  config: ModelConfig,
  source: TensorSource,
  options: { readonly onProgress?: ProgressListener } = {},
): Promise<Parameters> {
  const specs = specsOf(config);
  const prefix = findPrefix(config, source);
  const entries = storedEntries(config, { prefix, has: (name) => specs.has(name) });
  for (const entry of entries) {
    if (!source.has(entry.hub)) throw missing(source, entry.hub);
    const { shape } = source.info(entry.hub);
    const expected = expectedShape(config, entry, specs);
    if (!sameShape(shape, expected)) throw wrongShape(source, entry.hub, { shape, expected });
  }
  requireNoOthers(config, source, new Set(entries.map(({ hub }) => hub)));
  const params: Record<string, TensorData> = {};
  for (const [index, entry] of entries.entries()) {
    const { data, dtype } = await source.readTensor(entry.hub);
    if (!(data instanceof Float32Array)) throw wrongType(source, entry.hub, dtype);
    const arrays = entry.linear ? splitLinear(data, layoutOf(config, entry, specs)) : [data];
    entry.params.forEach((name, i) => {
      params[name] = { dtype: 'float32', shape: specs.get(name)!.shape, data: arrays[i] };
    });
    const done = index + 1;
    options.onProgress?.({ label: 'weights', done, total: entries.length, unit: 'tensors' });
  }
  return params;
}

function wrongShape(
  source: TensorSource,
  name: string,
  found: { readonly shape: readonly number[]; readonly expected: readonly number[] },
): GlassboxError {
  const { shape, expected } = found;
  return new GlassboxError(
    `${source.path}: tensor "${name}" has shape ${formatShape(shape)}, ` +
      `config.json asks for ${formatShape(expected)}`,
    {
      code: 'wrong-weight-shape',
      remedy: 'Use the config.json that belongs to these weights.',
      details: { path: source.path, name, shape, expected },
    },
  );
}

function wrongType(source: TensorSource, name: string, dtype: string): GlassboxError {
  return new GlassboxError(`${source.path}: tensor "${name}" is ${dtype}, expected a float type`, {
    code: 'wrong-weight-type',
    remedy: 'Use the float32, float16 or bfloat16 version of this model.',
    details: { path: source.path, name, dtype },
  });
}

/**
 * The tensors of a Hugging Face checkpoint of this model, names and layouts as `transformers` writes
 * them. The inverse of {@link readCheckpoint}.
 */
export function toCheckpoint(config: ModelConfig, params: Parameters): Map<string, TensorToStore> {
  const specs = specsOf(config);
  const prefix = FAMILY_NAMES[config.family].prefixes[0];
  const out = new Map<string, TensorToStore>();
  for (const entry of storedEntries(config, { prefix, has: (name) => specs.has(name) })) {
    const arrays = entry.params.map((name) => params[name].data as Float32Array);
    const data = entry.linear ? joinLinear(arrays, layoutOf(config, entry, specs)) : arrays[0];
    out.set(entry.hub, { shape: [...expectedShape(config, entry, specs)], data });
  }
  return out;
}

/** Throws `bad-parameters` unless every parameter is there with its shape, and no other. */
export function checkParameters(config: ModelConfig, params: Parameters): void {
  const specs = specsOf(config);
  const fail = (message: string, details: Record<string, unknown>): never => {
    throw new GlassboxError(message, {
      code: 'bad-parameters',
      remedy: 'Give exactly the parameters that parameterSpecs(config) lists.',
      details,
    });
  };
  for (const { name, shape } of specs.values()) {
    const value = params[name];
    if (!value) fail(`parameter '${name}' is missing`, { name });
    if (value.dtype !== 'float32' || !sameShape(value.shape, shape)) {
      fail(
        `parameter '${name}' is ${value.dtype} ${formatShape(value.shape)}, ` +
          `expected float32 ${formatShape(shape)}`,
        { name, shape: value.shape, expected: shape },
      );
    }
  }
  for (const name of Object.keys(params)) {
    if (!specs.has(name)) fail(`'${name}' is no parameter of this model`, { name });
  }
}
