import type { VNode } from 'preact';
import { formatValue } from './scale.ts';
import { el, type FigureOptions, FONTS, fitText, frame, px, TEXT, textWidth } from './svg.ts';

/** Probability of one answer without and with a change; null where it was not among the answers listed. */
export interface AnswerPair {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  /** A mark beside the name: the token whose probability is followed, or the one it is compared with. */
  readonly mark?: 'target' | 'distractor';
}

/** Words and size of {@link answerBars}. */
export interface AnswerBarsOptions extends FigureOptions {
  readonly beforeTitle: string;
  readonly afterTitle: string;
  /** The quantity with its unit, e.g. `probability`. */
  readonly valueTitle: string;
  /** What stands for an answer that a list does not show. */
  readonly notListed: string;
  /** In px; 420 unless told. */
  readonly width?: number;
}

const ROW = 20;
const NUMBER = 42;

/**
 * Answers of two runs side by side, one row per answer, so that what rises and what falls is read
 * across: bars from the middle outwards, before to the left and hollow, after to the right and filled.
 */
export function answerBars(answers: readonly AnswerPair[], options: AnswerBarsOptions): VNode {
  const { palette, width = 420 } = options;
  const top = (options.heading === 'hidden' ? 0 : TEXT.title + 8) + TEXT.label + 8;
  const names = answers.map(({ name }) => textWidth(name, TEXT.label) + 26);
  const middle = Math.min(
    140,
    names.reduce((a, b) => Math.max(a, b), 56),
  );
  const side = (width - middle) / 2;
  const bar = side - NUMBER - 4;
  const left = side;
  const right = side + middle;
  const rows = answers.map((answer, i) => {
    const y = top + i * ROW;
    const change =
      answer.before === null || answer.after === null ? Number.NaN : answer.after - answer.before;
    return el(
      'g',
      { transform: `translate(0 ${y})`, 'data-answer': i },
      el(
        'title',
        {},
        `${answer.name}: ${said(answer.before, options)} → ${said(answer.after, options)}${
          Number.isFinite(change) ? ` (${formatValue(change, { signed: true })})` : ''
        }`,
      ),
      el(
        'text',
        { x: px(width / 2), y: 13, 'text-anchor': 'middle', 'font-family': FONTS.mono },
        answer.mark === undefined
          ? null
          : el('tspan', { fill: palette.colour('muted') }, answer.mark === 'target' ? '◆ ' : '◇ '),
        el(
          'tspan',
          { 'xml:space': 'preserve', 'font-weight': answer.mark === 'target' ? 700 : undefined },
          fitText(answer.name, middle - 24, TEXT.label),
        ),
      ),
      ...half(answer.before, { edge: left, reach: bar, towards: -1, options }),
      ...half(answer.after, { edge: right, reach: bar, towards: 1, options }),
    );
  });
  return frame(
    {
      ...options,
      width,
      height: top + answers.length * ROW + 4,
      description: `${options.valueTitle}; ${options.beforeTitle} – ${options.afterTitle}; ${answers.length}`,
    },
    [
      heading(left, top, { anchor: 'end', text: options.beforeTitle, options }),
      heading(right, top, { anchor: 'start', text: options.afterTitle, options }),
      ...rows,
    ],
  );
}

function said(value: number | null, options: AnswerBarsOptions): string {
  return value === null ? options.notListed : formatValue(value);
}

function half(
  value: number | null,
  place: {
    readonly edge: number;
    readonly reach: number;
    readonly towards: -1 | 1;
    readonly options: AnswerBarsOptions;
  },
): VNode[] {
  const { edge, reach, towards, options } = place;
  const { palette } = options;
  const length = px(Math.min(1, Math.max(0, value ?? 0)) * reach);
  const after = towards === 1;
  const end = edge + towards * (length + 4);
  return [
    el('rect', {
      x: px(after ? edge : edge - length),
      y: 4,
      width: length,
      height: 12,
      fill: after ? palette.tint('line', 0.75) : palette.tint('line', 0.15),
      stroke: palette.colour('line'),
      'stroke-width': 1,
    }),
    el(
      'text',
      {
        x: px(end),
        y: 14,
        'text-anchor': after ? 'start' : 'end',
        'font-family': FONTS.mono,
        fill: palette.colour('muted'),
      },
      value === null ? options.notListed : value.toFixed(3),
    ),
  ];
}

function heading(
  x: number,
  top: number,
  what: {
    readonly anchor: 'start' | 'end';
    readonly text: string;
    readonly options: AnswerBarsOptions;
  },
): VNode {
  return el(
    'text',
    {
      x: px(x),
      y: top - 6,
      'text-anchor': what.anchor,
      fill: what.options.palette.colour('muted'),
    },
    what.text,
  );
}
