import type { VNode } from 'preact';
import { attentionPattern } from '../../../src/figures/attention-pattern.ts';
import { headGrid } from '../../../src/figures/head-grid.ts';
import type { Palette } from '../../../src/figures/palette.ts';
import { rankedDots } from '../../../src/figures/ranked-dots.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import type { Exports } from '../../components/actions.ts';
import type { Cell } from '../../components/csv.ts';
import { tokenText } from '../../components/token.tsx';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { labels, ordered, patterns, scores, shownHead, shownPattern } from './data.ts';
import { headName, needsScores, scoreOf } from './order.ts';
import { patternOf } from './patterns.ts';

/** Heads listed in the exported ranking. */
const RANKED = 24;

/** What the large picture is called: a head, or a layer and how its heads are taken together. */
export function shownName(): string {
  const row = shownHead.value;
  const view = state.pattern.value;
  if (row === undefined) return '';
  return view === 'head' ? headName(row) : `L${row.layer} · ${t().attention.views[view]}`;
}

function figure(palette: Palette): VNode {
  const words = t().attention;
  const all = patterns.data.value!;
  const sort = state.headSort.value;
  const rows = ordered.value;
  const common = { palette, lang: locale.value };
  const signed = rows.some(({ effect }) => effect !== undefined);
  const ranking = rows.slice(0, RANKED).map((row) => {
    const score = scoreOf(row, sort);
    return {
      name: headName(row),
      value: Number.NaN,
      ...score,
      ...(score && { value: score.mean }),
    };
  });
  const grid = headGrid(
    rows.flatMap((row) => {
      const pattern = patternOf(all, row);
      return pattern === undefined ? [] : [{ ...row, pattern }];
    }),
    {
      ...common,
      title: `${words.heads} · ${words.sort}: ${words.sorts[sort]}`,
      unit: words.unit,
      effectTitle: signed ? directionWords() : undefined,
      columns: all.heads,
    },
  );
  const large = attentionPattern(
    { pattern: shownPattern.value!, tokens: labels.value },
    {
      ...common,
      title: `${words.view} ${shownName()}`,
      destinationTitle: words.destination,
      sourceTitle: words.source,
      unit: words.unit,
    },
  );
  const scored = needsScores(sort)
    ? [
        rankedDots(ranking, {
          ...common,
          title: words.sorts[sort],
          valueTitle: `${words.sorts[sort]} (${words.scoreUnit})`,
          scale: 'sequential',
          domain: [0, 1],
        }),
      ]
    : [];
  return stackFigures([large, grid, ...scored], { ...common, title: t().terms.attention });
}

/** The direction that effects are measured along and where, with the unit. */
export function directionWords(): string {
  const all = patterns.data.value;
  const words = t().attention;
  if (all?.target == null) return words.noEffect;
  const against =
    all.distractor === null ? words.overMean : words.quote(tokenText(all.distractor.text));
  const place = `${words.quote(labels.value[all.position])} (${all.position})`;
  return words.effectOn(`${words.quote(tokenText(all.target.text))} − ${against}`, place);
}

/** What the panel gives away; undefined while there is nothing. */
export function attentionExports(): Exports | undefined {
  const all = patterns.data.value;
  const pattern = shownPattern.value;
  if (all === undefined || pattern === undefined) return undefined;
  return {
    svg: figure,
    table: () => {
      const tokens = labels.value;
      const rows: Cell[][] = [];
      for (let row = 0; row < pattern.rows; row++) {
        for (let column = 0; column <= row; column++) {
          const value = pattern.values[row * pattern.columns + column];
          rows.push([shownName(), row, tokens[row], column, tokens[column], value]);
        }
      }
      return {
        columns: [
          'pattern',
          'destination',
          'destination token',
          'source',
          'source token',
          'attention (probability)',
        ],
        rows,
      };
    },
    json: () => ({
      tokens: all.tokens.map(({ id, text }) => ({ id, text })),
      target: all.target,
      distractor: all.distractor,
      position: all.position,
      heads: ordered.value.map(({ layer, head, effect, kinds }) => ({
        layer,
        head,
        effect: effect ?? null,
        scores: kinds && {
          previousToken: kinds.previousToken,
          duplicateToken: kinds.duplicateToken,
          induction: kinds.induction,
        },
      })),
      shown: {
        name: shownName(),
        pattern: Array.from({ length: pattern.rows }, (_, row) =>
          Array.from(
            { length: pattern.columns },
            (_, column) => pattern.values[row * pattern.columns + column],
          ),
        ),
      },
      provenance: { attention: all.provenance, scores: scores.data.value?.provenance ?? null },
    }),
  };
}
