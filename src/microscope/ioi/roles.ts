import type { Estimate } from '../intervals.ts';
import type { IoiAttention } from './attention.ts';
import type { CopyScore } from './copying.ts';

/**
 * Roles of heads: those of the circuit of Wang et al. (2022), and two with which small models solve the task
 * in another way: `candidate copier` copies both people alike, `subject suppressor` attends to the second
 * subject and lowers its name directly.
 */
export const ioiRoles = [
  'name mover',
  'negative name mover',
  'backup name mover',
  'S-inhibition',
  'induction',
  'duplicate token',
  'previous token',
  'candidate copier',
  'subject suppressor',
] as const;
/** The name of a role that a head plays in indirect object identification. */
export type IoiRole = (typeof ioiRoles)[number];

/** Everything that was measured about one head. */
export interface IoiEvidence {
  readonly layer: number;
  readonly head: number;
  /** Mean attention on the sentences. */
  readonly attention: IoiAttention;
  /** How often it copies or speaks against the name it attends to. */
  readonly copy: Pick<CopyScore, 'copies' | 'negates'>;
  /** Mean attention on random tokens repeated twice, where such heads attend. */
  readonly scores: {
    readonly previousToken: Estimate;
    readonly duplicateToken: Estimate;
    readonly induction: Estimate;
  };
  /**
   * Path patching from sentences without a repeated name: (patched − clean) / clean of the mean logit
   * difference, for the direct path to the logits, and for the paths that end in queries of name
   * movers, values of S-inhibition heads, keys of induction heads (null where there are none).
   */
  readonly effects: {
    readonly logits: Estimate;
    readonly nameMoverQueries: Estimate | null;
    /**
     * How much the head's direct effect on the logit difference grows when all name movers carry what they carry
     * on a sentence without a repeated name, final norm held; a share of the mean logit difference.
     */
    readonly withoutNameMovers: Estimate | null;
    readonly inhibitionValues: Estimate | null;
    readonly inductionKeys: Estimate | null;
  };
}

/** When evidence makes a role. Attention and rates in [0, 1], effects as shares of the logit difference. */
export interface RoleThresholds {
  /** Smallest effect of a path, beside an interval that excludes zero. 0.02 unless told. */
  readonly effect: number;
  /** Smallest mean attention on the sentences. 0.2 unless told. */
  readonly attention: number;
  /** Smallest mean attention on repeated random tokens. 0.4 unless told. */
  readonly score: number;
  /** Smallest copy rate. 0.5 unless told. */
  readonly copy: number;
}

/** Thresholds a head must pass to be given a role, unless told otherwise. */
export const defaultThresholds: RoleThresholds = {
  effect: 0.02,
  attention: 0.2,
  score: 0.4,
  copy: 0.5,
};

/** Whether taking paths away lowers the answer by enough (sign −1), or raises it (sign 1). */
function matters(effect: Estimate | null, sign: -1 | 1, least: number): boolean {
  if (!effect || effect.value * sign < least) return false;
  return sign === 1 ? effect.low > 0 : effect.high < 0;
}

/** Whether a head moves the name it attends to into the answer. */
export function isNameMover(evidence: IoiEvidence, thresholds: RoleThresholds): boolean {
  const { attention, copy, effects } = evidence;
  return (
    matters(effects.logits, -1, thresholds.effect) &&
    attention.endToIo.value >= thresholds.attention &&
    attention.endToIo.value > attention.endToS1.value + attention.endToS2.value &&
    copy.copies.rate >= thresholds.copy
  );
}

/** Whether a head speaks against the name it attends to. */
export function isNegativeNameMover(evidence: IoiEvidence, thresholds: RoleThresholds): boolean {
  const { attention, copy, effects } = evidence;
  return (
    matters(effects.logits, 1, thresholds.effect) &&
    attention.endToIo.value >= thresholds.attention &&
    copy.negates.rate >= thresholds.copy
  );
}

/** Whether a head copies names and steps in when the name movers are knocked out. */
function isBackup(evidence: IoiEvidence, thresholds: RoleThresholds): boolean {
  return (
    !isNameMover(evidence, thresholds) &&
    matters(evidence.effects.withoutNameMovers, 1, thresholds.effect) &&
    evidence.copy.copies.rate >= thresholds.copy
  );
}

/** Whether a head attends from the end to the second subject and steers name movers. */
export function isInhibition(evidence: IoiEvidence, thresholds: RoleThresholds): boolean {
  return (
    matters(evidence.effects.nameMoverQueries, -1, thresholds.effect) &&
    evidence.attention.endToS2.value >= thresholds.attention
  );
}

/** Whether a head copies both people into the answer without telling them apart. */
function isCandidateCopier({ attention, copy }: IoiEvidence, thresholds: RoleThresholds): boolean {
  const both = Math.min(attention.endToIo.value, attention.endToS1.value);
  return both >= thresholds.attention && copy.copies.rate >= thresholds.copy;
}

/** Whether a head attends to the acting subject and raises the difference directly. */
function isSuppressor({ attention, effects }: IoiEvidence, thresholds: RoleThresholds): boolean {
  return (
    matters(effects.logits, -1, thresholds.effect) &&
    attention.endToS2.value >= thresholds.attention &&
    attention.endToS2.value > attention.endToIo.value
  );
}

/** All roles that the evidence supports. */
export function rolesOf(evidence: IoiEvidence, thresholds: RoleThresholds): IoiRole[] {
  const { attention, scores } = evidence;
  const { score, attention: least } = thresholds;
  const roles: IoiRole[] = [];
  if (isNameMover(evidence, thresholds)) roles.push('name mover');
  if (isNegativeNameMover(evidence, thresholds)) roles.push('negative name mover');
  if (isBackup(evidence, thresholds)) roles.push('backup name mover');
  if (isInhibition(evidence, thresholds)) roles.push('S-inhibition');
  const attends = (general: Estimate, here: Estimate) =>
    general.value >= score && here.value >= least;
  if (attends(scores.induction, attention.s2ToS1Next)) roles.push('induction');
  if (attends(scores.duplicateToken, attention.s2ToS1)) roles.push('duplicate token');
  if (attends(scores.previousToken, attention.s1NextToS1)) roles.push('previous token');
  if (isCandidateCopier(evidence, thresholds)) roles.push('candidate copier');
  if (isSuppressor(evidence, thresholds)) roles.push('subject suppressor');
  return roles;
}
