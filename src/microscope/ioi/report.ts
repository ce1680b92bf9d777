import type { Rate } from '../../base/stats.ts';
import type { Estimate } from '../intervals.ts';
import type { IoiAnalysis, IoiHead } from './analysis.ts';
import { ioiRoles } from './roles.ts';

/** One row of the table of heads. */
export interface IoiRow {
  readonly head: string;
  readonly roles: string;
  /** Where the head attends, as `place value`, strongest first. */
  readonly attends: string;
  readonly copies: string;
  readonly toLogits: string;
  readonly toNameMovers: string;
  /** Growth of the direct effect when the name movers are knocked out. */
  readonly withoutNameMovers: string;
  readonly toInhibition: string;
  readonly toInduction: string;
  readonly score: string;
}

const number = (x: number, decimals = 2) => {
  const text = x.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text;
};

/** An estimate with its interval, or a dash; one sample has no interval. */
export function showEstimate(found: Estimate | null, decimals = 2): string {
  if (!found) return '–';
  const { value, low, high } = found;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return number(value, decimals);
  return `${number(value, decimals)} [${number(low, decimals)}, ${number(high, decimals)}]`;
}

function showRate({ rate, low, high }: Rate): string {
  return showEstimate({ value: rate, low, high, n: 0 });
}

const looks: Readonly<Record<keyof IoiHead['attention'], string>> = {
  endToIo: 'END→IO',
  endToS1: 'END→S1',
  endToS2: 'END→S2',
  s2ToS1: 'S2→S1',
  s2ToS1Next: 'S2→S1+1',
  s1NextToS1: 'S1+1→S1',
};

function attends({ attention }: IoiHead, least: number): string {
  const strong = Object.entries(attention)
    .filter(([, { value }]) => value >= least)
    .sort(([, a], [, b]) => b.value - a.value);
  return strong
    .map(([name, found]) => `${looks[name as keyof typeof looks]} ${showEstimate(found)}`)
    .join(', ');
}

function score({ roles, scores }: IoiHead): string {
  const shown = [
    roles.includes('induction') ? `induction ${showEstimate(scores.induction)}` : '',
    roles.includes('duplicate token') ? `duplicate ${showEstimate(scores.duplicateToken)}` : '',
    roles.includes('previous token') ? `previous ${showEstimate(scores.previousToken)}` : '',
  ];
  return shown.filter((text) => text !== '').join(', ') || '–';
}

/** Heads with a role, by role and then by the size of their effect on the logits. */
export function ioiRows({ heads, thresholds }: IoiAnalysis): IoiRow[] {
  const rank = (head: IoiHead) => ioiRoles.indexOf(head.roles[0]);
  return heads
    .filter(({ roles }) => roles.length > 0)
    .sort(
      (a, b) =>
        rank(a) - rank(b) || Math.abs(b.effects.logits.value) - Math.abs(a.effects.logits.value),
    )
    .map((head) => ({
      head: head.name,
      roles: head.roles.join(', '),
      attends: attends(head, thresholds.attention),
      copies: showRate(head.copy.copies),
      toLogits: showEstimate(head.effects.logits),
      toNameMovers: showEstimate(head.effects.nameMoverQueries),
      withoutNameMovers: showEstimate(head.effects.withoutNameMovers),
      toInhibition: showEstimate(head.effects.inhibitionValues),
      toInduction: showEstimate(head.effects.inductionKeys),
      score: score(head),
    }));
}
