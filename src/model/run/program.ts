import { input } from '../../graph/build.ts';
import type { Tensor, TensorData } from '../../graph/op.ts';
import { createProgram, type Program } from '../../graph/program.ts';
import type { ModelConfig } from '../config.ts';
import type { Hook } from '../transformer/context.ts';
import { type ForwardInputs, traceForward } from '../transformer/forward.ts';
import { isFew } from '../transformer/linear.ts';
import { parameterSpecs } from '../transformer/parameters.ts';
import { applyEdit } from './edit-apply.ts';
import type { PlannedEdit } from './edit-plan.ts';
import { transposedName, type WeightMode } from './runner.ts';

/** Which logits a run computes: at every position, at the last one of each row, or none. */
export type LogitsMode = 'all' | 'last' | 'none';

/** Program inputs for the parameters of a model, made when first asked for. */
export function parameterInputs(config: ModelConfig): (name: string) => Tensor {
  const shapes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  const made = new Map<string, Tensor>();
  return (name) => {
    let tensor = made.get(name);
    if (!tensor) {
      tensor = input(name, shapes.get(name)!);
      made.set(name, tensor);
    }
    return tensor;
  };
}

/** How the products of a program are laid out; see {@link ForwardInputs}. */
export interface ProductLayout {
  /** The program is for calls of few positions. */
  readonly few: boolean;
  readonly weights: WeightMode;
}

/** The layout for a call of this many positions in all. */
export function productLayout(positions: number, weights: WeightMode): ProductLayout {
  return { few: isFew(positions), weights };
}

/** What {@link traceForward} is told about products. */
export function productInputs(
  config: ModelConfig,
  layout: ProductLayout | undefined,
): Pick<ForwardInputs, 'few' | 'transposed'> {
  if (!layout?.few) return {};
  if (layout.weights !== 'transposed') return { few: true };
  const shapes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  const transposed = (name: string) =>
    input(transposedName(name), [...shapes.get(name)!].reverse());
  return { few: true, transposed };
}

/** The name under which input `key` of edit number `index` is fed. */
export function editInputName(index: number, key: string): string {
  return `edit.${index}.${key}`;
}

/** The arrays that planned edits feed. */
export function editFeeds(edits: readonly PlannedEdit[]): Record<string, TensorData> {
  const feeds: Record<string, TensorData> = {};
  edits.forEach(({ inputs }, index) => {
    for (const [key, { value }] of inputs) feeds[editInputName(index, key)] = value;
  });
  return feeds;
}

/** Finds input `key` of edit number `index`; null when the edit has none. */
export type EditInputs = (index: number, key: string) => Tensor | null;

/** The inputs of planned edits as inputs of the program, so that their numbers can change. */
function fedInputs(edits: readonly PlannedEdit[]): EditInputs {
  const made = new Map<string, Tensor>();
  return (index, key) => {
    const declared = edits[index].inputs.get(key);
    if (!declared) return null;
    const name = editInputName(index, key);
    if (!made.has(name)) made.set(name, input(name, declared.shape, declared.dtype));
    return made.get(name)!;
  };
}

/** A hook that applies planned edits and records wanted addresses after them. */
export function editingHook(
  config: ModelConfig,
  edits: readonly PlannedEdit[],
  options: { readonly record?: ReadonlySet<string>; readonly inputs?: EditInputs } = {},
): { hook: Hook; wants: (address: string) => boolean; recorded: Record<string, Tensor> } {
  const { record = new Set(), inputs = fedInputs(edits) } = options;
  const byAddress = new Map<string, number[]>();
  edits.forEach(({ addresses }, index) => {
    for (const address of addresses) {
      byAddress.set(address, [...(byAddress.get(address) ?? []), index]);
    }
  });
  const recorded: Record<string, Tensor> = {};
  return {
    recorded,
    wants: (address) => byAddress.has(address) || record.has(address),
    hook: (address, tensor) => {
      let x = tensor;
      for (const index of byAddress.get(address) ?? []) {
        const site = { config, address, input: (key: string) => inputs(index, key) };
        x = applyEdit(site, edits[index].edit, x);
      }
      if (record.has(address)) recorded[address] = x;
      return x;
    },
  };
}

/** The program of a plain run: input `tokens`, and `last` when only last logits are wanted. */
export function forwardProgram(
  config: ModelConfig,
  options: {
    readonly edits: readonly PlannedEdit[];
    readonly record: readonly string[];
    readonly logits: LogitsMode;
    readonly layout?: ProductLayout;
  },
): Program {
  const record = new Set(options.record);
  const { hook, wants, recorded } = editingHook(config, options.edits, { record });
  const { logits } = traceForward(config, {
    tokens: input('tokens', ['batch', 'pos'], 'int64'),
    param: parameterInputs(config),
    hook,
    wants,
    ...productInputs(config, options.layout),
    logitsAt: options.logits === 'last' ? input('last', ['batch'], 'int64') : undefined,
  });
  return createProgram(options.logits === 'none' ? recorded : { ...recorded, logits });
}
