import type { Provenance } from '../../src/lab/api.ts';
import type { Cell } from '../components/csv.ts';

/** Where a finding's numbers come from. */
export type Source = Pick<
  Provenance,
  'model' | 'modelHash' | 'dataHash' | 'seed' | 'glassboxVersion' | 'commit' | 'command'
>;

/** A panel as it was when it was pinned. */
export interface Finding {
  readonly id: string;
  readonly panel: string;
  readonly title: string;
  readonly about: string;
  readonly prompt: string;
  /** The state of the page, as the part of an address after `#`. */
  readonly fragment: string;
  /** When, as ISO 8601. */
  readonly at: string;
  /** The figure as an SVG file; null where the panel has none. */
  readonly svg: string | null;
  /** The first rows of the numbers behind it. */
  readonly table: {
    readonly columns: readonly string[];
    readonly rows: readonly (readonly Cell[])[];
    readonly total: number;
  } | null;
  readonly source: Source | null;
  /** What the reader wrote. */
  readonly note: string;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const orNull = (fits: (value: unknown) => boolean) => (value: unknown) =>
  value === null || fits(value);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isCell = (value: unknown) => value === null || isText(value) || typeof value === 'number';

function isTable(value: unknown): boolean {
  return (
    isRecord(value) &&
    Array.isArray(value.columns) &&
    value.columns.every(isText) &&
    Array.isArray(value.rows) &&
    value.rows.every((row) => Array.isArray(row) && row.every(isCell)) &&
    typeof value.total === 'number'
  );
}

function isSource(value: unknown): boolean {
  return (
    isRecord(value) &&
    [value.model, value.modelHash, value.glassboxVersion].every(isText) &&
    [value.dataHash, value.commit, value.command].every(orNull(isText)) &&
    orNull((seed) => typeof seed === 'number')(value.seed)
  );
}

/** Whether something that was stored is a finding: other versions and other pages may have written there. */
export function isFinding(value: unknown): value is Finding {
  return (
    isRecord(value) &&
    ['id', 'panel', 'title', 'about', 'prompt', 'fragment', 'at', 'note'].every((key) =>
      isText(value[key]),
    ) &&
    orNull(isText)(value.svg) &&
    orNull(isTable)(value.table) &&
    orNull(isSource)(value.source)
  );
}
