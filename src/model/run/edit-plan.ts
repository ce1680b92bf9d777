import { GlassboxError } from '../../base/error.ts';
import { tensorData } from '../../graph/build.ts';
import { type DimBindings, type Shape, sameShape } from '../../graph/dim.ts';
import type { DType, TensorData } from '../../graph/op.ts';
import { addressInfo, addressShape, selectAddresses } from '../address.ts';
import type { ModelConfig } from '../config.ts';
import type { Edit, EditSource, EditValue } from './edit-types.ts';
import {
  broadcastShape,
  declaredShape,
  pickSource,
  toTensorData,
  unitDirection,
} from './edit-values.ts';

/** The part of a text that one run computes: all of a prompt, or the newest tokens while generating. */
export interface Window {
  /** Sizes of `batch` and `pos`. */
  readonly bindings: DimBindings;
  /** Real tokens per row in this window. */
  readonly lengths: readonly number[];
  /** Position of the first column in each row's text. */
  readonly starts: readonly number[];
  /** Tokens of each row's prompt. */
  readonly promptLengths: readonly number[];
  /** While generating, positions outside the window are of other steps and no mistake. */
  readonly generating: boolean;
}

/** The window of a plain run over whole prompts. */
export function promptWindow(batch: number, pos: number, lengths: readonly number[]): Window {
  return {
    bindings: { batch, pos },
    lengths,
    starts: lengths.map(() => 0),
    promptLengths: lengths,
    generating: false,
  };
}

/** One input that an edit needs, with its value for this run. */
export interface EditInput {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly value: TensorData;
}

/** An edit prepared for one run: where it applies and what it feeds. */
export interface PlannedEdit {
  readonly edit: Edit;
  readonly addresses: readonly string[];
  /** By key: `where`, `heads`, `valid`, `strength`, `value`, `value@ADDRESS`, `value:NAME`. */
  readonly inputs: ReadonlyMap<string, EditInput>;
  /** Everything about the edit that shapes the program, and none of its numbers. */
  readonly signature: string;
}

const functionIds = new WeakMap<object, number>();
let nextFunctionId = 0;

function functionId(fn: object): number {
  let id = functionIds.get(fn);
  if (id === undefined) functionIds.set(fn, (id = nextFunctionId++));
  return id;
}

function badEdit(message: string, details: Record<string, unknown>): GlassboxError {
  return new GlassboxError(message, {
    code: 'bad-edit',
    remedy: 'Choose positions, heads and rows that exist at this address.',
    details,
  });
}

function requireIndex(what: string, index: number, size: number): void {
  if (Number.isInteger(index) && index >= 0 && index < size) return;
  throw badEdit(`an edit names ${what} ${index}, there are ${size}`, { what, index, size });
}

/** The positions of one row's text that an edit selects. */
function selects(edit: Edit, row: number, window: Window): (position: number) => boolean {
  const { positions } = edit;
  const prompt = window.promptLengths[row];
  if (positions === undefined) return () => true;
  if (positions === 'prompt') return (position) => position < prompt;
  if (positions === 'generated') return (position) => position >= prompt;
  const chosen = positions.map((position) => {
    const at = position < 0 ? prompt + position : position;
    const known = Number.isInteger(at) && at >= 0 && (window.generating || at < prompt);
    if (!known) {
      throw badEdit(`an edit names position ${position}, row ${row} has ${prompt} tokens`, {
        position,
        row,
        length: prompt,
      });
    }
    return at;
  });
  return (position) => chosen.includes(position);
}

function boolInput(values: Uint8Array, shape: readonly number[], declared: Shape): EditInput {
  return { shape: declared, dtype: 'bool', value: { dtype: 'bool', shape, data: values } };
}

/** bool `[batch, pos]`: the real tokens of the window for which `chosen` holds. */
function placeMask(
  window: Window,
  chosen: (row: number) => ((position: number) => boolean) | null,
): EditInput {
  const { batch, pos } = window.bindings;
  const values = new Uint8Array(batch * pos);
  for (let row = 0; row < batch; row++) {
    const test = chosen(row);
    if (!test) continue;
    for (let i = 0; i < window.lengths[row]; i++) {
      if (test(window.starts[row] + i)) values[row * pos + i] = 1;
    }
  }
  return boolInput(values, [batch, pos], ['batch', 'pos']);
}

function whereInput(edit: Edit, window: Window): EditInput | null {
  if (edit.positions === undefined && edit.batch === undefined) return null;
  const { batch } = window.bindings;
  for (const row of edit.batch ?? []) requireIndex('row', row, batch);
  const rows = edit.batch && new Set(edit.batch);
  return placeMask(window, (row) => (rows && !rows.has(row) ? null : selects(edit, row, window)));
}

/** The number of heads at an address, or null when it has no head axis. */
export function headCount(config: ModelConfig, address: string): number | null {
  const { shape } = addressInfo(config, address);
  if (shape.includes('n_heads')) return config.nHeads;
  return shape.includes('n_kv_heads') ? config.nKvHeads : null;
}

function headsInput(
  config: ModelConfig,
  edit: Edit,
  addresses: readonly string[],
): EditInput | null {
  if (!edit.heads) return null;
  const counts = new Set(
    addresses.map((address) => {
      const count = headCount(config, address);
      if (count !== null) return count;
      throw badEdit(`an edit chooses heads at '${address}', which has no head axis`, { address });
    }),
  );
  if (counts.size > 1) {
    throw badEdit('an edit chooses heads at addresses with different numbers of heads', {
      addresses,
    });
  }
  const [count] = counts;
  const values = new Uint8Array(count);
  for (const head of edit.heads) {
    requireIndex('head', head, count);
    values[head] = 1;
  }
  return boolInput(values, [count], [count]);
}

/** Collects the inputs of one edit. */
class Inputs {
  readonly map = new Map<string, EditInput>();
  readonly #config: ModelConfig;
  readonly #addresses: readonly string[];
  readonly #bindings: DimBindings;

  constructor(config: ModelConfig, addresses: readonly string[], bindings: DimBindings) {
    this.#config = config;
    this.#addresses = addresses;
    this.#bindings = bindings;
  }

  put(key: string, input: EditInput | null): void {
    if (input) this.map.set(key, input);
  }

  /** One value for all addresses of the edit. */
  shared(key: string, given: EditValue): void {
    const value = toTensorData(given);
    const shapes = this.#addresses.map((address) => this.#declared(address, value));
    const odd = shapes.findIndex((shape) => !sameShape(shape, shapes[0]));
    if (odd > 0) {
      const [first] = this.#addresses;
      const other = this.#addresses[odd];
      throw badEdit(`one value cannot serve both '${first}' and '${other}'`, { first, other });
    }
    this.put(key, { shape: shapes[0], dtype: 'float32', value });
  }

  /** The value of every address out of a cache. */
  perAddress(from: EditSource): void {
    for (const address of this.#addresses) {
      const value = pickSource(from, address);
      const shape = this.#declared(address, value);
      this.put(`value@${address}`, { shape, dtype: 'float32', value });
    }
  }

  scalar(key: string, value: number): void {
    this.put(key, { shape: [], dtype: 'float32', value: tensorData([value], []) });
  }

  #declared(address: string, value: TensorData): Shape {
    const shape = addressShape(this.#config, address);
    return declaredShape(address, value, { shape, bindings: this.#bindings });
  }

  /** A value of a traced edit, of any shape. */
  free(key: string, value: TensorData): void {
    const shape = addressShape(this.#config, this.#addresses[0]);
    const declared = broadcastShape(value.shape, { shape, bindings: this.#bindings });
    this.put(key, { shape: declared ?? value.shape, dtype: value.dtype, value });
  }
}

function operationInputs(edit: Edit, inputs: Inputs, window: Window): void {
  switch (edit.op) {
    case 'zero':
      return;
    case 'mean':
      if (edit.value !== undefined) inputs.shared('value', edit.value);
      else
        inputs.put(
          'valid',
          placeMask(window, () => () => true),
        );
      return;
    case 'set':
      inputs.shared('value', edit.value);
      return;
    case 'add':
      inputs.shared('value', edit.vector);
      inputs.scalar('strength', edit.strength ?? 1);
      return;
    case 'scale':
      inputs.scalar('strength', edit.factor);
      return;
    case 'project':
      inputs.shared('value', unitDirection(edit.direction));
      inputs.scalar('strength', edit.strength ?? 1);
      return;
    case 'patch':
    case 'freeze':
      inputs.perAddress(edit.from);
      return;
    case 'trace':
      for (const [name, value] of Object.entries(edit.values ?? {})) {
        inputs.free(`value:${name}`, value);
      }
  }
}

/** Whether an edit can act in a window at all; saves its cost at the steps of a generation. */
function canAct(edit: Edit, window: Window): boolean {
  if (!window.generating || edit.positions === undefined) return true;
  const { batch } = window.bindings;
  return Array.from({ length: batch }, (_, row) => row).some((row) => {
    const test = selects(edit, row, window);
    return Array.from({ length: window.lengths[row] }, (_, i) => window.starts[row] + i).some(test);
  });
}

/** Values with a position axis are of the prompt: later windows leave them out. */
function isOfPrompt(edit: Edit, window: Window): boolean {
  if (window.starts.every((start) => start === 0)) return false;
  if (edit.op === 'patch' || edit.op === 'freeze') return true;
  const value =
    edit.op === 'set' || edit.op === 'mean'
      ? (edit.value ?? null)
      : edit.op === 'add'
        ? edit.vector
        : null;
  return value !== null && typeof value === 'object' && 'shape' in value && value.shape.length > 1;
}

/** Prepares edits for one run; see {@link Edit}. */
export function planEdits(
  config: ModelConfig,
  edits: readonly Edit[],
  window: Window,
): PlannedEdit[] {
  return edits
    .filter((edit) => canAct(edit, window) && !isOfPrompt(edit, window))
    .map((edit) => {
      const addresses = selectAddresses(config, edit.at);
      const inputs = new Inputs(config, addresses, window.bindings);
      inputs.put('where', whereInput(edit, window));
      inputs.put('heads', headsInput(config, edit, addresses));
      operationInputs(edit, inputs, window);
      const signature = JSON.stringify([
        edit.op,
        addresses,
        edit.op === 'mean' ? (edit.over ?? 'all') : null,
        edit.op === 'trace' ? functionId(edit.apply) : null,
        [...inputs.map].map(([key, { shape, dtype }]) => [key, dtype, shape]),
      ]);
      return { edit, addresses, inputs: inputs.map, signature };
    });
}
