import type { VNode } from 'preact';
import { answerBars } from '../../../src/figures/answer-bars.ts';
import { type BandSeries, lineBand } from '../../../src/figures/line-band.ts';
import type { Palette } from '../../../src/figures/palette.ts';
import { positionBars } from '../../../src/figures/position-bars.ts';
import type { FigureOptions } from '../../../src/figures/svg.ts';
import type { DoseResponse, InterventionsResponse } from '../../../src/lab/api.ts';
import { tokenText } from '../../components/token.tsx';
import { formatCount, locale, t } from '../../i18n.ts';
import { tokenLabels } from '../attention/labels.ts';
import { pairAnswers } from './answers.ts';
import { sweep } from './data.ts';
import { chosenPositions, strengthOf } from './edits.ts';

/** Answers listed for each run. */
const ANSWERS = 6;

type Drawing = { readonly palette: Palette; readonly heading: 'shown' | 'hidden' };

function options(title: string, drawing: Drawing): FigureOptions {
  return { ...drawing, title, lang: locale.value };
}

/** The likeliest answers of both runs. */
export function answerPairs(data: InterventionsResponse) {
  const { before, after } = data;
  return pairAnswers(
    { before: before.next.at(-1) ?? [], after: after.next.at(-1) ?? [] },
    {
      count: ANSWERS,
      target: after.answer?.target.id,
      distractor: after.answer?.distractor?.id,
      show: tokenText,
    },
  );
}

export function answersFigure(
  data: InterventionsResponse,
  drawing: Drawing & { readonly width?: number },
): VNode {
  const words = t().interventions;
  return answerBars(answerPairs(data), {
    ...options(words.answers, drawing),
    width: drawing.width,
    beforeTitle: t().terms.before,
    afterTitle: t().terms.after,
    valueTitle: t().terms.probability,
    notListed: words.notListed,
  });
}

export function klFigure(data: InterventionsResponse, drawing: Drawing): VNode {
  const count = data.tokens.length;
  const marked = data.edits.flatMap(({ positions }) => chosenPositions(positions, count));
  return positionBars(
    { tokens: tokenLabels(data, tokenText), values: data.kl },
    { ...options(t().interventions.kl, drawing), valueTitle: t().interventions.klAxis, marked },
  );
}

/** The measured line and, where there is one, the random-direction baseline with its interval. */
export function doseFigure(
  data: DoseResponse,
  drawing: Drawing & { readonly width?: number },
): VNode {
  const words = t().interventions;
  const chosen = sweep.value;
  const xTitle = { length: words.doseX, factor: words.doseXFactor, share: words.doseXShare };
  const series: BandSeries[] = [
    {
      name: words.doseMeasured,
      role: 'measured',
      points: data.points.map(({ strength, metric }) => ({ x: strength, y: metric })),
    },
  ];
  const n = data.points.find(({ baseline }) => baseline !== null)?.baseline?.n;
  if (n !== undefined) {
    series.push({
      name: words.doseRandom(formatCount(n)),
      role: 'control',
      points: data.points.map(({ strength, baseline }) => ({
        x: strength,
        y: baseline?.mean ?? Number.NaN,
        low: baseline?.low,
        high: baseline?.high,
        n: baseline?.n,
      })),
    });
  }
  return lineBand(series, {
    ...options(words.dose, drawing),
    width: drawing.width,
    xTitle: xTitle[chosen?.kind ?? 'length'],
    yTitle: data.unit === 'logits' ? words.metricLogits : words.metricNats,
    markX: chosen && strengthOf(chosen.edit),
  });
}

/** Names of the two tokens that the metric compares. */
export function metricWords(data: InterventionsResponse): string {
  const { answer } = data.after;
  const { quote } = t().attention;
  if (answer === null) return '';
  const target = quote(tokenText(answer.target.text));
  return answer.distractor === null
    ? target
    : `${target} − ${quote(tokenText(answer.distractor.text))}`;
}
