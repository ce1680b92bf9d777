import { median } from '../../src/bench/clock.ts';
import type { Agreement, Times } from './types.ts';

/** The rounds of one side. */
export interface Measured {
  readonly name: string;
  /** The run that warmed up, compiling included. */
  readonly first: Times;
  readonly rounds: Times[];
}

const clocks = [
  ['wall', 'wall'],
  ['cpu', 'processor'],
] as const;

const shown = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** theirs / ours round by round, as median and range. */
export function ratios(ours: readonly number[], theirs: readonly number[]) {
  const each = theirs.map((value, round) => value / ours[round]);
  return { median: median(each), low: Math.min(...each), high: Math.max(...each) };
}

/** Times of both sides, a row per peer and clock. */
export function timesTable(ours: Measured, theirs: readonly Measured[], bar: number): string {
  const cells = (measured: Measured, clock: 'wall' | 'cpu') => {
    const values = measured.rounds.map((times) => times[clock]);
    return `${shown(Math.min(...values))} / ${shown(median(values))} (first ${shown(measured.first[clock])})`;
  };
  const lines = theirs.flatMap((peer) =>
    clocks.map(([clock, title]) => {
      const ratio = ratios(
        ours.rounds.map((times) => times[clock]),
        peer.rounds.map((times) => times[clock]),
      );
      const range = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)})`;
      return [
        peer.name,
        title,
        cells(ours, clock),
        cells(peer, clock),
        range,
        `≥ ${bar} ${ratio.low >= bar ? 'met in every round' : ratio.median >= bar ? 'met' : 'not met'}`,
      ];
    }),
  );
  const head = ['peer', 'clock', 'ours, s: min / median', 'theirs, s', 'theirs / ours', 'bar'];
  return [head, head.map(() => '---'), ...lines].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** How far results of both sides differ. */
export function agreementTable(peer: string, list: readonly Agreement[]): string {
  const lines = list.map(({ what, difference, limit }) => [
    `${peer}: ${what}`,
    difference === 0 ? '0' : difference.toExponential(1),
    limit === null ? '–' : `≤ ${limit}`,
    limit === null ? '' : difference <= limit ? 'agrees' : '**differs**',
  ]);
  const head = ['result', 'difference', 'limit', ''];
  return [head, head.map(() => '---'), ...lines].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
