import type { AddressListing } from '../../../src/lab/api.ts';
import type { EditSpec } from '../../../src/microscope/edit-spec.ts';
import type { StackedEdit } from '../../state/edits.ts';

/** What can be done to an activation. */
export type EditOp = EditSpec['op'];

/** The operations in the order of the menu. */
export const OPS: readonly EditOp[] = [
  'zero',
  'mean',
  'scale',
  'add',
  'project',
  'set',
  'patch',
  'freeze',
  'feature',
];

/** A direction as an edit carries it. */
export type Direction = Extract<EditSpec, { op: 'add' }>['direction'];

/** What a new edit starts from, where its operation needs it. */
export interface EditContext {
  /** Token to steer towards, and away from. */
  readonly target?: string | number;
  readonly distractor?: string | number;
  /** Prompt to patch from. */
  readonly promptB: string;
  /** Feature to multiply, as `dictionary:index`. */
  readonly feature: string;
}

/** What an operation's number means: lengths of the activation, a factor, or a share of it. */
export type StrengthKind = 'length' | 'factor' | 'share';

const STRENGTHS: Readonly<Record<EditOp, StrengthKind | null>> = {
  zero: 'share',
  mean: null,
  scale: 'factor',
  add: 'length',
  project: 'share',
  set: null,
  patch: null,
  freeze: null,
  feature: 'factor',
};

/** What the strength of an operation means in a sweep; null when there is none to vary. */
export function strengthKind(op: EditOp): StrengthKind | null {
  return STRENGTHS[op];
}

/** The range of a slider for a kind of strength. */
export const STRENGTH_RANGE: Readonly<
  Record<StrengthKind, { readonly min: number; readonly max: number; readonly step: number }>
> = {
  length: { min: -4, max: 4, step: 0.05 },
  factor: { min: -1, max: 3, step: 0.05 },
  share: { min: 0, max: 2, step: 0.05 },
};

/** Where a sweep starts and ends unless told: where most answers turn. */
export const SWEEP_RANGE: Readonly<
  Record<StrengthKind, { readonly from: number; readonly to: number }>
> = {
  length: { from: -2, to: 2 },
  factor: { from: 0, to: 2 },
  share: { from: 0, to: 1 },
};

/** Where an edit acts, without what it does. */
function place({ at, positions, heads, off }: StackedEdit) {
  return {
    at,
    ...(positions !== undefined && { positions }),
    ...(heads !== undefined && { heads }),
    ...(off !== undefined && { off }),
  };
}

function directionOf(edit: StackedEdit, context: EditContext): Direction {
  if (edit.op === 'add' || edit.op === 'project') return edit.direction;
  if (context.target === undefined) return { random: 0 };
  return context.distractor === undefined
    ? { token: context.target }
    : { token: context.target, minus: context.distractor };
}

/** The edit with another operation, at the same place, with what they have in common. */
export function withOp(edit: StackedEdit, op: EditOp, context: EditContext): StackedEdit {
  const where = place(edit);
  switch (op) {
    case 'zero':
    case 'mean':
    case 'freeze':
      return { ...where, op };
    case 'scale':
      return { ...where, op, strength: 0.5 };
    case 'add':
      return { ...where, op, direction: directionOf(edit, context), strength: 1 };
    case 'project':
      return { ...where, op, direction: directionOf(edit, context) };
    case 'set':
      return { ...where, op, value: 0 };
    case 'patch':
      return { ...where, op, from: context.promptB };
    case 'feature': {
      // A feature writes as a whole, not to single heads.
      const { heads: _, ...whole } = where;
      return {
        ...whole,
        op,
        feature: 'feature' in edit ? edit.feature : context.feature,
        strength: 0,
      };
    }
  }
}

/** The number that an edit's slider shows. */
export function strengthOf(edit: StackedEdit): number | undefined {
  if (edit.op === 'add' || edit.op === 'scale' || edit.op === 'feature') return edit.strength;
  if (edit.op === 'project') return edit.strength ?? 1;
  return undefined;
}

/** What the lab is asked to apply: the edits that are on, as the library knows them. */
export function activeEdits(stack: readonly StackedEdit[]): EditSpec[] {
  return stack.flatMap(({ off, ...edit }) => (off === true ? [] : [edit as EditSpec]));
}

/** Index of an edit among those that are on; undefined when it is off or there is none. */
export function activeIndex(stack: readonly StackedEdit[], index: number): number | undefined {
  const edit = stack[index];
  if (edit === undefined || edit.off === true) return undefined;
  return activeEdits(stack.slice(0, index)).length;
}

/** The list with one entry changed, moved or taken away. */
export function replaced<T>(list: readonly T[], index: number, item: T): T[] {
  return list.map((one, i) => (i === index ? item : one));
}
export function moved<T>(list: readonly T[], index: number, by: -1 | 1): T[] {
  const to = index + by;
  if (to < 0 || to >= list.length) return [...list];
  const out = [...list];
  [out[index], out[to]] = [out[to], out[index]];
  return out;
}
export function removed<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, i) => i !== index);
}

/** Names that a glob means; the same reading as the library's. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*|\*|\{[^}]*\}|[.+?^$()|[\]\\{}]/g, (part) => {
    if (part === '**') return '.*';
    if (part === '*') return '[^.]*';
    if (part.length === 1) return `\\${part}`;
    const alternatives = part.slice(1, -1).split(',');
    return `(?:${alternatives.map((text) => text.replace(/[^\w]/g, '\\$&')).join('|')})`;
  });
  return new RegExp(`^${source}$`);
}

/** The addresses that an edit's `at` means. */
export function matchAddresses(
  at: string,
  addresses: readonly AddressListing[],
): readonly AddressListing[] {
  if (!/[*{]/.test(at)) return addresses.filter(({ address }) => address === at);
  const pattern = globPattern(at);
  return addresses.filter(({ address }) => pattern.test(address));
}

/** What the activations at an address have, which decides what can be done to them. */
export interface Place {
  readonly known: boolean;
  /** Number of heads, 0 where there are none. */
  readonly heads: number;
  /** Vectors that a random direction can point in. */
  readonly vectors: boolean;
  /** Vectors of the residual stream's width, which tokens' directions point in. */
  readonly residual: boolean;
  readonly positions: boolean;
}

/** Looks an address (or glob) up. Of several shapes, only what all of them have counts. */
export function placeOf(
  at: string,
  model: {
    readonly addresses: readonly AddressListing[];
    readonly heads: number;
    readonly keyValueHeads: number;
  },
): Place {
  const shapes = matchAddresses(at, model.addresses).map(({ shape }) => shape);
  const every = (test: (shape: readonly string[]) => boolean) =>
    shapes.length > 0 && shapes.every(test);
  const heads = every((shape) => shape.includes('n_heads'))
    ? model.heads
    : every((shape) => shape.includes('n_kv_heads'))
      ? model.keyValueHeads
      : 0;
  return {
    known: shapes.length > 0,
    heads,
    vectors: every((shape) => ['d_model', 'd_head', 'd_mlp'].includes(shape.at(-1)!)),
    residual: every((shape) => shape.at(-1) === 'd_model'),
    positions: every((shape) => shape.includes('pos') || shape.includes('query')),
  };
}

/** Addresses whose name or meaning has every word of a query; those with all of them in the name first. */
export function searchAddresses(
  query: string,
  addresses: readonly AddressListing[],
): readonly AddressListing[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  return [
    ...addresses.filter(({ address }) => has(address)),
    ...addresses.filter(({ address, meaning }) => !has(address) && has(`${address} ${meaning}`)),
  ];
}

/** The strengths of a sweep, evenly spaced, ends included, free of rounding dust. */
export function sweepStrengths({
  from,
  to,
  steps,
}: {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}): number[] {
  const count = Math.max(2, Math.min(101, Math.round(steps)));
  return Array.from(
    { length: count },
    (_, i) => Math.round((from + ((to - from) * i) / (count - 1)) * 1e6) / 1e6,
  );
}

/** Chosen positions from 0, also where an edit counts them from the end. */
export function chosenPositions(positions: StackedEdit['positions'], length: number): number[] {
  if (!Array.isArray(positions)) return [];
  return positions.map((position) => (position < 0 ? length + position : position));
}
