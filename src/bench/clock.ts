/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What counts as time: `wall`, or the processor time of the whole process, which other programs hardly
 * change but which adds up over threads.
 */
export type ClockKind = 'wall' | 'processor';

/** Seconds since some moment. */
export type Clock = () => number;

const clocks: { readonly [K in ClockKind]: Clock } = {
  wall: () => performance.now() / 1000,
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

export function createClock(kind: ClockKind): Clock {
  return clocks[kind];
}

/** How long something takes, in seconds. */
export async function seconds(clock: Clock, run: () => Promise<unknown>): Promise<number> {
  const start = clock();
  await run();
  return clock() - start;
}
