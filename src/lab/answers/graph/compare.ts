import {
  labelShape,
  readDictionaryCard,
  readSetCards,
  type SpreadFigure,
} from '../../../microscope/dictionary/compare/index.ts';
import type { LabelSummary } from '../../../microscope/dictionary/labels/index.ts';
import type { Spread } from '../../../microscope/dictionary/metrics/evaluate.ts';
import type {
  ComparedDictionaryView,
  LabelShareView,
  ShareView,
  SpreadView,
} from '../../contract/dictionaries.ts';
import type { Handler, Session } from '../session.ts';
import { activationName, catalogue, type NamedDictionary, rootsOf } from './dictionaries.ts';
import { openedHarvest } from './harvest.ts';
import { labelBook } from './labels.ts';

const spreadView = ({ n, mean, deviation, min, max }: Spread) => ({
  n,
  mean,
  deviation: Number.isFinite(deviation) ? deviation : null,
  min,
  max,
});
const figureView = (figure: SpreadFigure): SpreadView => ({
  value: figure.value,
  ...spreadView(figure),
});
const shareView = ({ n, rate, low, high }: LabelSummary['concept']): ShareView => ({
  n,
  rate,
  low,
  high,
});

function labelView(summary: LabelSummary): LabelShareView {
  const { fired, concept, tokens, weak, quartiles, histogram } = summary;
  return {
    fired,
    concept: shareView(concept),
    tokens: shareView(tokens),
    weak: shareView(weak),
    quartiles,
    histogram,
  };
}

async function compared(own: NamedDictionary): Promise<ComparedDictionaryView> {
  const { name, kind, layer, config, folder } = own;
  const [card, harvest, book] = await Promise.all([
    readDictionaryCard(folder),
    openedHarvest(own),
    labelBook(own),
  ]);
  const { figures, tokens, measuredOn, trainedOn } = card;
  const labels = book && labelShape(book.labels);
  return {
    name,
    kind,
    layer,
    activation: activationName(config),
    features: config.dDict,
    reads: config.reads,
    writes: config.writes,
    figures: figures && {
      l0: figureView(figures.l0),
      explainedVariance: figureView(figures.explainedVariance),
      ceRecovered: figureView(figures.ceRecovered),
      klRecovered: figureView(figures.klRecovered),
      dead: figureView(figures.dead),
    },
    tokens,
    measuredOn,
    trainedOn,
    density: harvest?.density ?? null,
    labels: labels && {
      own: labelView(labels.summary),
      random: labels.random && labelView(labels.random),
      tokens: labels.tokens,
    },
  };
}

async function setViews(session: Session) {
  const cards = (await Promise.all(rootsOf(session).map(readSetCards))).flat();
  return cards.map((card) => ({
    ...card,
    replacement: card.replacement && spreadView(card.replacement),
    completeness: card.completeness && spreadView(card.completeness),
  }));
}

/** What is known of all dictionaries of a model, from the files beside them. */
export const compareDictionaries: Handler<'compare-dictionaries'> = async (session) => ({
  dictionaries: await Promise.all((await catalogue(session)).map(compared)),
  sets: await setViews(session),
});
