import type { ImportedNameView, LabelView } from '../../../src/lab/api.ts';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';

/** How a label was scored, in one line: method, score with its interval, n. */
export function scoreLine(label: LabelView): string {
  const words = t().features;
  const { source, score, low, high, n, precision, recall } = label;
  const number = (value: number) => formatNumber(value, { digits: 2 });
  const values = [number(score), number(low), number(high), formatCount(n)] as const;
  const line = source === 'explanation' ? words.judged(...values) : words.scored(...values);
  const rest =
    precision === undefined || recall === undefined
      ? ''
      : ` · ${words.precisionRecall(number(precision), number(recall))}`;
  const most =
    label.largest === null ? '' : ` · ${words.atLargest(formatProbability(label.largest))}`;
  return `${words.sources[source]} · ${line}${rest}${most}`;
}

/** The score of a label in a table; a label below the bar is marked by a word and a colour, an imported one has none. */
export function ScoreCell(props: {
  readonly label: LabelView | null;
  readonly imported: ImportedNameView | null;
}) {
  const { label, imported } = props;
  const words = t().features;
  if (label === null && imported !== null) {
    return (
      <td class="number note" title={words.importedFrom(imported.source)}>
        – <span class="score-source">{words.sourceMarks.imported}</span>
      </td>
    );
  }
  if (label === null) return <td class="number note">–</td>;
  const weak = label.source === 'weak';
  return (
    <td class={`number${weak ? ' uncertain' : ''}`} title={scoreLine(label)}>
      {formatNumber(label.score, { digits: 2 })}
      <span class="score-source"> {words.sourceMarks[label.source]}</span>
    </td>
  );
}
