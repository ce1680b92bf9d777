/** The largest difference, relative to the largest value of the second. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values beside ${b.length}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    // A comparison with NaN must not pass for agreement.
    if (!Number.isFinite(x - y)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(x - y));
    largest = Math.max(largest, Math.abs(y));
  }
  return largest === 0 ? difference : difference / largest;
}

/** ‖a − b‖ / ‖b − from‖: how far two ways from one start have come apart. */
export function relativeDistance(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  from: ArrayLike<number> = { length: 0 },
): number {
  let apart = 0;
  let way = 0;
  for (let i = 0; i < b.length; i++) {
    apart += (a[i] - b[i]) ** 2;
    way += (b[i] - (from[i] ?? 0)) ** 2;
  }
  return Math.sqrt(apart / way);
}
