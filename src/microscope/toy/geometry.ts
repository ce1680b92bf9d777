/** Columns of W: the direction of every feature, `[features][hidden]`. */
export type Directions = readonly (readonly number[])[];

/** Shorter directions count as not represented. */
const DROPPED = 0.1;

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** Length of every feature's direction. */
export function featureNorms(directions: Directions): number[] {
  return directions.map((row) => Math.hypot(...row));
}

/**
 * Share of a dimension each feature has to itself (Elhage et al. 2022): D_i = ‖W_i‖² / Σ_j (Ŵ_i · W_j)², 0 for a
 * feature that is not represented (‖W_i‖ < .1).
 */
export function featureDimensions(directions: Directions): number[] {
  return directions.map((row) => {
    const norm = Math.hypot(...row);
    if (norm < DROPPED) return 0;
    const shared = directions.reduce((sum, other) => sum + (dot(row, other) / norm) ** 2, 0);
    return norm ** 2 / shared;
  });
}

/**
 * Angles in degrees between neighbouring directions of a two-dimensional model, ascending round the circle. Features
 * that are not represented have no angle.
 */
export function neighbourAngles(directions: Directions): number[] {
  const angles = directions
    .filter((row) => Math.hypot(...row) >= DROPPED)
    .map(([x, y]) => (Math.atan2(y, x) * 180) / Math.PI)
    .sort((a, b) => a - b);
  return angles.map((angle, i) =>
    i === 0 ? angle + 360 - angles[angles.length - 1] : angle - angles[i - 1],
  );
}
