import type { StackedEdit, SweepSettings } from './edits.ts';

type Fits = (value: unknown) => boolean;

const isText: Fits = (value) => typeof value === 'string';
const isNumber: Fits = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Fits = (value) => Number.isInteger(value) && Number(value) >= 0;
const isToken: Fits = (value) => isText(value) || isCount(value);
const listOf =
  (fits: Fits): Fits =>
  (value) =>
    Array.isArray(value) && value.every(fits);
const optional =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || fits(value);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isDirection: Fits = (value) =>
  isRecord(value) &&
  (isToken(value.token)
    ? optional(isToken)(value.minus)
    : isNumber(value.random) || listOf(isNumber)(value.vector));

/** What each operation needs besides its place. */
const NEEDS: Readonly<
  Record<StackedEdit['op'], (edit: Readonly<Record<string, unknown>>) => boolean>
> = {
  zero: () => true,
  mean: () => true,
  freeze: () => true,
  scale: ({ strength }) => isNumber(strength),
  add: ({ direction, strength }) => isDirection(direction) && isNumber(strength),
  project: ({ direction, strength }) => isDirection(direction) && optional(isNumber)(strength),
  set: ({ value }) => isNumber(value) || listOf(isNumber)(value),
  patch: ({ from }) => isText(from),
  feature: ({ feature, strength }) => isText(feature) && isNumber(strength),
};

/**
 * Whether JSON from an address is a stack of edits that can be shown. Links are written by anyone: what is
 * drawn without checking could break the page. The lab checks the rest and names a fault.
 */
export function isStack(value: unknown): value is readonly StackedEdit[] {
  return listOf(isEdit)(value);
}

function isEdit(edit: unknown): boolean {
  if (!isRecord(edit) || !isText(edit.at) || !isText(edit.op)) return false;
  const { positions, heads, op } = edit;
  const placed =
    optional((given) => given === 'prompt' || given === 'generated' || listOf(isInteger)(given))(
      positions,
    ) && optional(listOf(isCount))(heads);
  return placed && Object.hasOwn(NEEDS, op as string) && NEEDS[op as StackedEdit['op']](edit);
}

function isInteger(value: unknown): boolean {
  return Number.isInteger(value);
}

/** Whether JSON from an address is the settings of a sweep. */
export function isSweep(value: unknown): value is SweepSettings {
  if (!isRecord(value)) return false;
  const { edit, from, to, steps, baselines } = value;
  return isCount(edit) && isNumber(from) && isNumber(to) && isCount(steps) && isCount(baselines);
}

/** Names of nodes. */
export const isNameList: Fits = listOf(isText);

/** Lists that begin with a label, or pairs of a name and its label: texts, at least two. */
export const isSupernodes: Fits = listOf(
  (value) => Array.isArray(value) && value.length >= 2 && value.every(isText),
);

/** Places of the subgraph's parts. */
export const isPlaces: Fits = listOf(
  (value) =>
    Array.isArray(value) &&
    value.length === 3 &&
    isText(value[0]) &&
    isNumber(value[1]) &&
    isNumber(value[2]),
);

export const isChange: Fits = (value) =>
  value === null || (isRecord(value) && isNameList(value.nodes) && isNumber(value.factor));

/** A feature as `layer.index` of the transcoders, or `dictionary:index` of any other dictionary. */
export const isFeatureName: Fits = (value) =>
  /^(\d{1,4}\.\d{1,7}|[^:]{1,300}:\d{1,7})?$/.test(String(value));
