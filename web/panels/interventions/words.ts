import { tokenText } from '../../components/token.tsx';
import { formatNumber, t } from '../../i18n.ts';
import type { StackedEdit } from '../../state/edits.ts';
import { analysis } from '../../state/run.ts';
import { patterns } from '../attention/data.ts';
import { compared, promptLabels } from './data.ts';
import { chosenPositions, strengthOf } from './edits.ts';
import type { Preset } from './presets.ts';

/** A token of a direction as people read it: by its text, also where only its id is written. */
export function tokenWord(token: string | number): string {
  if (typeof token === 'string') return tokenText(token);
  const answers = [compared.data.value?.after.answer, patterns.data.value];
  const known = answers
    .flatMap((one) => [one?.target, one?.distractor])
    .concat(analysis.data.value?.prompt.next.at(-1) ?? [])
    .find((choice) => choice?.id === token);
  return known ? tokenText(known.text) : `#${token}`;
}

/** An edit in one line: what, how much, where. */
export function summarise(edit: StackedEdit): string {
  const words = t().interventions;
  const parts: string[] = [words.ops[edit.op]];
  if (edit.op === 'add' || edit.op === 'project') {
    const { direction } = edit;
    if ('token' in direction) {
      const minus = direction.minus === undefined ? '' : ` − ${tokenWord(direction.minus)}`;
      parts.push(`${tokenWord(direction.token)}${minus}`);
    } else if ('random' in direction) parts.push(`${words.directions.random} ${direction.random}`);
    else parts.push(words.directions.vector);
  }
  if (edit.op === 'feature') parts.push(edit.feature);
  const strength = strengthOf(edit);
  if (strength !== undefined) {
    parts.push(formatNumber(strength, { signed: edit.op === 'add' }));
  }
  const heads = edit.heads === undefined ? '' : ` H${edit.heads.join(',')}`;
  parts.push(`${edit.at}${heads}`);
  const chosen = chosenPositions(edit.positions, promptLabels.value.length);
  if (chosen.length > 0) parts.push(`@ ${chosen.join(', ')}`);
  else if (edit.positions === 'prompt') parts.push(words.onPrompt);
  else if (edit.positions === 'generated') parts.push(words.generated);
  return parts.join(' · ');
}

/** A suggestion as the words of its button. */
export function presetWords(preset: Preset): string {
  const words = t().interventions.presets;
  const layer = String(preset.layer);
  const { edit } = preset;
  const direction = edit.op === 'add' || edit.op === 'project' ? edit.direction : undefined;
  const target = direction !== undefined && 'token' in direction ? tokenWord(direction.token) : '';
  switch (preset.kind) {
    case 'head':
      return words.head(`L${layer}H${preset.head}`);
    case 'patch':
      return words.patch(t().attention.quote(promptLabels.value[preset.position ?? 0]), layer);
    case 'steer':
    case 'project':
      return words[preset.kind](t().attention.quote(target), layer);
    default:
      return words[preset.kind](layer);
  }
}
