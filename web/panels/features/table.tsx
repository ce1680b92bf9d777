import type { ComponentChildren } from 'preact';
import { VirtualTable } from '../../components/virtual.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import type { FEATURE_SORTS } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import {
  active,
  featureId,
  featureKey,
  featureName,
  featureTitle,
  isChosen,
  kind,
  type Line,
  lines,
  previewFeature,
  type Row,
  rows,
  tokens,
} from './data.ts';
import { ScoreCell } from './score.tsx';

/** Pixels of a row, as the style sheet has it. */
export const ROW_HEIGHT = 24;

type Sort = (typeof FEATURE_SORTS)[number];

/** The title of a column that the table can be ordered by. */
export function SortHead<S extends string>(props: {
  readonly sort: S;
  readonly current: S;
  readonly onSort: (sort: S) => void;
  readonly ascending?: boolean;
  readonly number?: boolean;
  readonly hint?: string;
  readonly children: ComponentChildren;
}) {
  const on = props.sort === props.current;
  return (
    <th
      scope="col"
      class={props.number ? 'number' : undefined}
      aria-sort={on ? (props.ascending ? 'ascending' : 'descending') : undefined}
    >
      <button
        type="button"
        class="sort-head"
        title={props.hint}
        onClick={() => props.onSort(props.sort)}
      >
        {props.children}
        <span aria-hidden="true">{on ? (props.ascending ? ' ▴' : ' ▾') : ''}</span>
      </button>
    </th>
  );
}

/** One row per active feature. */
export function FeatureTable() {
  const words = t().features;
  const data = active.data.value;
  if (data === undefined) return null;
  const list = rows.value;
  const largest = (of: (row: Row) => number) =>
    list.reduce((most, row) => Math.max(most, Math.abs(of(row))), 1e-12);
  const reach = {
    effect: largest(({ effect }) => effect ?? 0),
    activation: largest(({ activation }) => activation),
  };
  const graph = kind.value === 'set';
  const sort = (name: Sort) => ({
    sort: name,
    current: state.featureSort.value,
    onSort: (featureSort: Sort) => setState({ featureSort }),
  });
  const current = lines.value.findIndex((line) => 'row' in line && isChosen(line.row));
  return (
    <VirtualTable<Line>
      rows={lines.value}
      rowHeight={ROW_HEIGHT}
      columns={graph ? 7 : 6}
      label={words.title}
      current={Math.max(0, current)}
      head={
        <tr aria-rowindex={1}>
          <SortHead {...sort('label')} ascending>
            {words.feature}
          </SortHead>
          <SortHead {...sort('token')} ascending>
            {words.token}
          </SortHead>
          <SortHead {...sort('activation')} number>
            {words.activation}
          </SortHead>
          <SortHead {...sort('effect')} number hint={words.effectHint(data.target.label)}>
            {words.effect}
          </SortHead>
          {graph ? (
            <SortHead {...sort('influence')} number hint={words.influenceHint}>
              {words.influence}
            </SortHead>
          ) : null}
          <SortHead {...sort('density')} number hint={words.densityHint}>
            {words.density}
          </SortHead>
          <SortHead {...sort('score')} number hint={words.scoreHint}>
            {words.score}
          </SortHead>
        </tr>
      }
      row={(line, index, tabIndex) =>
        'head' in line ? (
          <tr
            key={`head ${line.head}`}
            class="group-head"
            aria-rowindex={index + 2}
            data-position={line.head}
          >
            <th scope="rowgroup" colSpan={graph ? 7 : 6}>
              <button
                type="button"
                class="feature-name"
                tabIndex={tabIndex}
                onClick={() => setState({ position: line.head })}
              >
                <span class="token-text">{tokens.value[line.head]}</span>{' '}
                <span class="note">{words.groupCount(formatCount(line.count))}</span>
              </button>
            </th>
          </tr>
        ) : (
          <FeatureRow
            key={rowKey(line.row)}
            {...{ row: line.row, index, tabIndex, reach, graph }}
          />
        )
      }
    />
  );
}

const rowKey = ({ dictionary, index, position }: Row) => `${dictionary}:${index}@${position}`;

function FeatureRow(props: {
  readonly row: Row;
  readonly index: number;
  readonly tabIndex: 0 | -1;
  readonly reach: { readonly effect: number; readonly activation: number };
  readonly graph: boolean;
}) {
  const { row, reach } = props;
  const words = t().features;
  const several = row.positions.length > 1;
  return (
    <tr
      class={isChosen(row) ? 'chosen' : ''}
      aria-rowindex={props.index + 2}
      data-position={several ? undefined : row.position}
      {...rowPreview(row)}
    >
      <td>
        <button
          type="button"
          class="feature-name"
          tabIndex={props.tabIndex}
          aria-pressed={isChosen(row)}
          title={featureTitle(row)}
          onClick={() => setState({ feature: featureKey(row), node: row.key ?? '' })}
        >
          {featureName(row)}
          {row.label === null && row.imported === null ? null : (
            <span class="note"> {featureId(row)}</span>
          )}
        </button>
      </td>
      <td class="token-cell">
        <span class="token-text">{tokens.value[row.position]}</span>
        {several ? <span class="note"> {words.times(String(row.positions.length))}</span> : null}
      </td>
      <td class="number" style={share(row.activation / reach.activation, 'magnitude')}>
        {formatNumber(row.activation)}
      </td>
      <td
        class="number"
        style={share(
          Math.abs(row.effect ?? 0) / reach.effect,
          (row.effect ?? 0) < 0 ? 'negative' : 'positive',
        )}
      >
        {formatNumber(row.effect, { signed: true, digits: 3 })}
      </td>
      {props.graph ? <td class="number">{formatNumber(row.influence, { digits: 4 })}</td> : null}
      <td class="number">{row.density === null ? '–' : formatProbability(row.density)}</td>
      <ScoreCell label={row.label} imported={row.imported} />
    </tr>
  );
}

/** What makes a row show its card while it is pointed at or has the keyboard. */
export function rowPreview(feature: NonNullable<Parameters<typeof previewFeature>[0]>) {
  const show = () => previewFeature(feature);
  const hide = () => previewFeature(null);
  return { onPointerEnter: show, onPointerLeave: hide, onFocusIn: show, onFocusOut: hide };
}

/** A bar behind a number. */
export function share(part: number, colour: 'magnitude' | 'positive' | 'negative') {
  const percent = `${Math.round(Math.min(1, part) * 1000) / 10}%`;
  const hue = `color-mix(in srgb, var(--gb-${colour}) 55%, var(--gb-paper))`;
  return { background: `linear-gradient(to left, ${hue} ${percent}, transparent ${percent})` };
}
