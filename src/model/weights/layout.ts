/**
 * How a checkpoint stores one or more linear layers in one matrix. `orientation` says which axis comes
 * first; `parts` are the output widths of the layers in order; with `groups` g, the output axis is g
 * runs, each holding a g-th of every part (GPT-NeoX interleaves q, k and v head by head).
 */
export interface LinearLayout {
  readonly orientation: 'in_out' | 'out_in';
  readonly inWidth: number;
  readonly parts: readonly number[];
  readonly groups: number;
}

/** Rows are copied in tiles so that the strided side of a transpose stays in cache. */
const TILE = 32;

interface Run {
  /** Where the run starts on the stored output axis, and in which part, where, how long. */
  readonly stored: number;
  readonly part: number;
  readonly start: number;
  readonly length: number;
}

function runs({ parts, groups }: LinearLayout): Run[] {
  const out: Run[] = [];
  let stored = 0;
  for (let group = 0; group < groups; group++) {
    parts.forEach((width, part) => {
      const length = width / groups;
      out.push({ stored, part, start: group * length, length });
      stored += length;
    });
  }
  return out;
}

function total(parts: readonly number[]): number {
  return parts.reduce((a, b) => a + b, 0);
}

/** The shape of the stored matrix. */
export function storedShape(layout: LinearLayout): number[] {
  const out = total(layout.parts);
  return layout.orientation === 'in_out' ? [layout.inWidth, out] : [out, layout.inWidth];
}

/** A rectangle of a matrix: element (i, j) lies at `start + i * rowStride + j * columnStride`. */
interface View {
  readonly data: Float32Array;
  readonly start: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

function copyView(from: View, to: View, size: { readonly rows: number; readonly columns: number }) {
  const { rows, columns } = size;
  for (let i0 = 0; i0 < rows; i0 += TILE) {
    const iEnd = Math.min(i0 + TILE, rows);
    for (let j0 = 0; j0 < columns; j0 += TILE) {
      const jEnd = Math.min(j0 + TILE, columns);
      for (let i = i0; i < iEnd; i++) {
        const source = from.start + i * from.rowStride;
        const target = to.start + i * to.rowStride;
        for (let j = j0; j < jEnd; j++) {
          to.data[target + j * to.columnStride] = from.data[source + j * from.columnStride];
        }
      }
    }
  }
}

/** For every run, its place in the stored matrix and in the array of its layer. */
function views(
  layout: LinearLayout,
  stored: Float32Array,
  own: readonly Float32Array[],
): { stored: View; own: View; columns: number }[] {
  const { orientation, inWidth, parts } = layout;
  const out = total(parts);
  return runs(layout).map((run) => ({
    stored:
      orientation === 'in_out'
        ? { data: stored, start: run.stored, rowStride: out, columnStride: 1 }
        : { data: stored, start: run.stored * inWidth, rowStride: 1, columnStride: inWidth },
    own: { data: own[run.part], start: run.start, rowStride: parts[run.part], columnStride: 1 },
    columns: run.length,
  }));
}

function isPlain({ parts, orientation }: LinearLayout): boolean {
  return parts.length === 1 && orientation === 'in_out';
}

/** Takes a stored matrix apart into one `[in, out]` array per layer. */
export function splitLinear(data: Float32Array, layout: LinearLayout): Float32Array[] {
  if (isPlain(layout)) return [data];
  const own = layout.parts.map((width) => new Float32Array(layout.inWidth * width));
  for (const run of views(layout, data, own)) {
    copyView(run.stored, run.own, { rows: layout.inWidth, columns: run.columns });
  }
  return own;
}

/** The inverse of {@link splitLinear}. */
export function joinLinear(own: readonly Float32Array[], layout: LinearLayout): Float32Array {
  if (isPlain(layout)) return own[0];
  const stored = new Float32Array(layout.inWidth * total(layout.parts));
  for (const run of views(layout, stored, own)) {
    copyView(run.own, run.stored, { rows: layout.inWidth, columns: run.columns });
  }
  return stored;
}
