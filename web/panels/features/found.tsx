import type { FoundFeature } from '../../../src/lab/api.ts';
import { tokenText } from '../../components/token.tsx';
import { VirtualTable } from '../../components/virtual.tsx';
import { formatNumber, formatProbability, t } from '../../i18n.ts';
import type { FOUND_SORTS } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import { labelText } from '../labels.ts';
import { featureId, featureKey, featureTitle, found, isChosen } from './data.ts';
import { ScoreCell } from './score.tsx';
import { ROW_HEIGHT, rowPreview, SortHead } from './table.tsx';

type Sort = (typeof FOUND_SORTS)[number];

/** Features of whole dictionaries, whether they fire on the prompt or not. */
export function FoundTable() {
  const words = t().features;
  const list = found.data.value?.features ?? [];
  const sort = (name: Sort) => ({
    sort: name,
    current: state.foundSort.value,
    onSort: (foundSort: Sort) => setState({ foundSort }),
  });
  return (
    <VirtualTable<FoundFeature>
      rows={list}
      rowHeight={ROW_HEIGHT}
      columns={5}
      label={words.find}
      current={Math.max(0, list.findIndex(isChosen))}
      head={
        <tr aria-rowindex={1}>
          <SortHead {...sort('match')}>{words.feature}</SortHead>
          <th scope="col">{words.raises}</th>
          <SortHead {...sort('max')} number>
            {words.largest}
          </SortHead>
          <SortHead {...sort('density')} number hint={words.densityHint}>
            {words.density}
          </SortHead>
          <SortHead {...sort('score')} number hint={words.scoreHint}>
            {words.score}
          </SortHead>
        </tr>
      }
      row={(one, index, tabIndex) => (
        <tr
          key={featureKey(one)}
          class={isChosen(one) ? 'chosen' : ''}
          aria-rowindex={index + 2}
          {...rowPreview(one)}
        >
          <td>
            <button
              type="button"
              class="feature-name"
              tabIndex={tabIndex}
              aria-pressed={isChosen(one)}
              title={featureTitle(one)}
              onClick={() => setState({ feature: featureKey(one) })}
            >
              {one.label === null ? (one.imported?.text ?? words.noLabel) : labelText(one.label)}{' '}
              <span class="note">{featureId(one)}</span>
            </button>
          </td>
          <td class="token-text raises">{one.raises.slice(0, 3).map(tokenText).join(' ')}</td>
          <td class="number">{formatNumber(one.max)}</td>
          <td class="number">{one.density === null ? '–' : formatProbability(one.density)}</td>
          <ScoreCell label={one.label} imported={one.imported} />
        </tr>
      )}
    />
  );
}
