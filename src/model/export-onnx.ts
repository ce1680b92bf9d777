import { basename } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { writeFileAtomic } from '../base/files.ts';
import {
  add,
  constant,
  dimension,
  equal,
  expand,
  input,
  iota,
  matmul,
  or,
  reshape,
  scalar,
} from '../graph/build.ts';
import { addDims, formatShape } from '../graph/dim.ts';
import type { ExternalData } from '../graph/onnx/index.ts';
import type { Tensor, TensorData } from '../graph/op.ts';
import { createProgram, type Program } from '../graph/program.ts';
import { type AddressFilter, addressShape, selectAddresses } from './address.ts';
import type { ModelConfig } from './config.ts';
import { type PlannedEdit, planEdits } from './run/edit-plan.ts';
import type { Edit } from './run/edit-types.ts';
import { type EditInputs, editingHook, type LogitsMode, parameterInputs } from './run/program.ts';
import { traceForward } from './transformer/forward.ts';
import type { Parameters } from './weights/checkpoint.ts';

/** A linear readout of an activation, such as a probe: output `name` = x @ weight + bias. */
export interface LinearHead {
  readonly name: string;
  readonly at: string;
  /** `[width of the address's last axis, outputs]` */
  readonly weight: TensorData;
  /** `[outputs]` */
  readonly bias?: TensorData;
}

/** What goes into an exported file beside the model. */
export interface ExportOptions {
  /**
   * Interventions to build in. Their numbers become constants; positions are counted in whatever
   * text is fed (negative ones from its end). Values and rows of one particular run cannot be built in.
   */
  readonly edits?: readonly Edit[];
  readonly heads?: readonly LinearHead[];
  /** Activations to give as outputs besides the logits. */
  readonly record?: AddressFilter;
  /** `'last'` adds the input `last`, int64 `[batch]`: the index of each row's last token. */
  readonly logits?: LogitsMode;
  /** Models above this go into `PATH` and `PATH.data`; 256 MiB unless told. */
  readonly externalBytes?: number;
}

/** What was written. */
export interface ExportedModel {
  readonly path: string;
  /** The file of weights beside it, when the model is large. */
  readonly dataPath: string | null;
  readonly bytes: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function refuse(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-export', remedy });
}

/** bool `[batch, pos]`, true at the positions of an edit in any text. */
function positionMask(positions: Edit['positions'], tokens: Tensor): Tensor {
  if (typeof positions === 'string' || positions === undefined) {
    throw refuse(
      "'prompt' and 'generated' mean nothing in a model that is fed one text",
      'Give positions as numbers.',
    );
  }
  const [batch, pos] = tokens.shape;
  const index = reshape(iota(pos), [1, pos]);
  const masks = positions.map((position) =>
    equal(index, dimension(position < 0 ? addDims(pos, position) : position, 'int64')),
  );
  return expand(masks.reduce(or, equal(index, scalar(-1, 'int64'))), [batch, pos]);
}

/** Sizes of no real text: a value that fits them has an axis for rows or positions. */
const NO_TEXT = { batch: 2, pos: 3 };

/** Plans edits without the parts that belong to one run; positions are traced instead. */
function planForExport(config: ModelConfig, edits: readonly Edit[]): PlannedEdit[] {
  for (const { batch } of edits) {
    if (batch) throw refuse('rows of a batch cannot be built in', 'Leave `batch` out.');
  }
  const everywhere = edits.map((edit) => ({ ...edit, positions: undefined }));
  const rows = [NO_TEXT.pos, NO_TEXT.pos];
  const planned = planEdits(config, everywhere, {
    bindings: NO_TEXT,
    lengths: rows,
    starts: [0, 0],
    promptLengths: rows,
    generating: false,
  });
  for (const { inputs, addresses } of planned) {
    for (const [key, { shape }] of inputs) {
      if (key === 'valid' || shape.every((dim) => typeof dim === 'number')) continue;
      throw refuse(
        `the edit at '${addresses[0]}' has a value of shape ${formatShape(shape)}`,
        'Give a number or a vector; values of single positions belong to one text.',
      );
    }
  }
  return planned;
}

/** The inputs of edits as constants. */
function builtIn(
  edits: readonly Edit[],
  planned: readonly PlannedEdit[],
  tokens: Tensor,
): EditInputs {
  return (index, key) => {
    if (key === 'where') {
      const { positions } = edits[index];
      return positions === undefined ? null : positionMask(positions, tokens);
    }
    const found = planned[index].inputs.get(key);
    if (!found) return null;
    if (key !== 'valid') return constant(found.value);
    return expand(scalar(1, 'bool'), tokens.shape);
  };
}

function checkHeads(config: ModelConfig, heads: readonly LinearHead[]): void {
  const names = new Set(['logits', 'tokens', 'last']);
  for (const { name, at, weight, bias } of heads) {
    const width = addressShape(config, at).at(-1);
    const fits =
      weight.shape.length === 2 &&
      weight.shape[0] === width &&
      (!bias || (bias.shape.length === 1 && bias.shape[0] === weight.shape[1]));
    if (!fits) {
      throw refuse(
        `head '${name}' has weight ${formatShape(weight.shape)} and bias ` +
          `${formatShape(bias?.shape ?? [])} at '${at}', whose last axis has size ${width}`,
        'Give weight [width, outputs] and bias [outputs].',
      );
    }
    if (names.has(name)) throw refuse(`the name '${name}' is taken`, 'Rename the head.');
    names.add(name);
  }
}

/** The program of an export, and its parameters' names among the inputs. */
function exportProgram(config: ModelConfig, options: ExportOptions): Program {
  const { edits = [], heads = [], record = [], logits: mode = 'all' } = options;
  checkHeads(config, heads);
  const planned = planForExport(config, edits);
  const tokens = input('tokens', ['batch', 'pos'], 'int64');
  const wanted = selectAddresses(config, record);
  const { hook, wants, recorded } = editingHook(config, planned, {
    record: new Set([...wanted, ...heads.map(({ at }) => at)]),
    inputs: builtIn(edits, planned, tokens),
  });
  const { logits } = traceForward(config, {
    tokens,
    param: parameterInputs(config),
    hook,
    wants,
    logitsAt: mode === 'last' ? input('last', ['batch'], 'int64') : undefined,
  });
  const outputs: Record<string, Tensor> = mode === 'none' ? {} : { logits };
  for (const address of wanted) outputs[address] = recorded[address];
  for (const { name, at, weight, bias } of heads) {
    const value = matmul(recorded[at], constant(weight));
    outputs[name] = bias ? add(value, constant(bias)) : value;
  }
  return createProgram(outputs);
}

/** The pieces of an external file: data at its offsets, gaps filled with zeros. */
function fileParts(external: readonly ExternalData[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const { offset, data } of external) {
    if (offset > end) parts.push(new Uint8Array(offset - end));
    parts.push(data);
    end = offset + data.length;
  }
  return parts;
}

/**
 * Writes a model with its interventions and readouts as ONNX, for any ONNX Runtime: input `tokens`
 * int64 `[batch, pos]`, outputs `logits` `[batch, pos, d_vocab]`, one per head and one per recorded
 * address. Shorter rows of a batch may be filled up on the right with any token.
 *
 * @throws GlassboxError `bad-export`, `unknown-address`, `bad-edit`, `bad-edit-shape`, `write-failed`
 */
export async function exportOnnx(
  model: { readonly config: ModelConfig; readonly params: Parameters; readonly name: string },
  path: string,
  options: ExportOptions = {},
): Promise<ExportedModel> {
  const program = exportProgram(model.config, options);
  const frozen = Object.fromEntries(
    program.inputs
      .map(({ attrs }) => attrs.name)
      .filter((name) => name in model.params)
      .map((name) => [name, model.params[name]]),
  );
  const weightBytes = Object.values(frozen).reduce((sum, { data }) => sum + data.byteLength, 0);
  const large = weightBytes > (options.externalBytes ?? 256 * 2 ** 20);
  const dataPath = large ? `${path}.data` : null;
  const { model: bytes, external } = program.toOnnx({
    frozen,
    ...(dataPath === null
      ? { externalThreshold: Number.POSITIVE_INFINITY }
      : { externalFile: basename(dataPath) }),
    metadata: {
      producer: 'glassbox',
      model: basename(model.name),
      edits: `${options.edits?.length ?? 0}`,
      heads: (options.heads ?? []).map(({ name }) => name).join(' '),
    },
  });
  if (dataPath !== null) await writeFileAtomic(dataPath, fileParts(external));
  await writeFileAtomic(path, bytes);
  return {
    path,
    dataPath,
    bytes: bytes.length + external.reduce((sum, { data }) => sum + data.length, 0),
    inputs: program.inputs.map(({ attrs }) => attrs.name).filter((name) => !(name in frozen)),
    outputs: program.outputs.map(({ name }) => name),
  };
}
