import { stackFigures } from '../../../src/figures/stack.ts';
import type { Exports } from '../../components/actions.ts';
import type { Cell } from '../../components/csv.ts';
import { tokenText } from '../../components/token.tsx';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { tokenLabels } from '../attention/labels.ts';
import { after, before } from './continuation.tsx';
import { compared, dose, sweep } from './data.ts';
import { answerPairs, answersFigure, doseFigure, klFigure } from './figures.ts';
import { summarise } from './words.ts';

/** What the panel gives away; undefined while there is nothing. */
export function interventionExports(): Exports | undefined {
  const data = compared.data.value;
  if (data === undefined) return undefined;
  const swept = sweep.value === undefined ? undefined : dose.data.value;
  return {
    svg: (palette) => {
      const drawing = { palette, heading: 'shown' } as const;
      const title = state.edits.value.filter(({ off }) => off !== true).map(summarise);
      return stackFigures(
        [
          answersFigure(data, drawing),
          klFigure(data, drawing),
          ...(swept === undefined ? [] : [doseFigure(swept, { ...drawing, width: 560 })]),
        ],
        { palette, title: title.join('; '), lang: locale.value },
      );
    },
    table: () => {
      const labels = tokenLabels(data, tokenText);
      const none: Cell[] = [null, null, null, null];
      const rows: Cell[][] = [];
      for (const { name, before: p, after: q } of answerPairs(data)) {
        rows.push(['probability', name, null, p, q, ...none]);
      }
      const { answer } = data.after;
      if (answer !== null && data.before.answer !== null) {
        const metric = `metric (${answer.unit})`;
        rows.push([metric, '', null, data.before.answer.metric, answer.metric, ...none]);
      }
      data.kl.forEach((kl, position) => {
        rows.push(['KL (nats)', labels[position], position, null, kl, ...none]);
      });
      for (const { strength, metric, baseline } of swept?.points ?? []) {
        const random: Cell[] = baseline
          ? [baseline.mean, baseline.low, baseline.high, baseline.n]
          : none;
        rows.push([`sweep (${swept!.unit})`, '', strength, swept!.clean, metric, ...random]);
      }
      return {
        columns: [
          'quantity',
          'token',
          'position or strength',
          'before',
          'after',
          'random mean',
          'random low (95 %)',
          'random high (95 %)',
          'random n',
        ],
        rows,
      };
    },
    json: () => ({
      tokens: data.tokens.map(({ id, text }) => ({ id, text })),
      edits: data.edits,
      before: { ...data.before, continuation: before.written.value.pieces.join('') },
      after: { ...data.after, continuation: after.written.value.pieces.join('') },
      kl: data.kl,
      sweep: swept ?? null,
      about: t().interventions.strengthAbout,
      provenance: data.provenance,
    }),
  };
}
