import { reachesLogits } from '../../../microscope/dictionary/data/source.ts';
import { featureActivations } from '../../../microscope/dictionary/harvest/text.ts';
import type { Dictionary } from '../../../microscope/dictionary/types.ts';
import type { Model } from '../../../model/index.ts';
import type { HistogramView, RelatedView, TwinView, WeightedToken } from '../../contract/graph.ts';
import { choice, type Handler, promptIds, type Session, viewTokens } from '../session.ts';
import { likest, written } from './decoders.ts';
import { catalogue, featureOf, type NamedDictionary, openDictionary } from './dictionaries.ts';
import { binned, featurePage, harvestView, openedHarvest } from './harvest.ts';
import { importedViews } from './imported.ts';
import { type LabelBook, labelBook } from './labels.ts';

const LISTED_TOKENS = 10;
const NEIGHBOURS = 10;
const BINS = 50;
/** Products that comparing a feature with all dictionaries may take: some tens of milliseconds. */
const MOST_PRODUCTS = 60e6;

/**
 * What a direction written to the residual stream adds to every logit along the direct path, the final norm's
 * scale left out and the mean over the vocabulary taken off. `[d_vocab]`
 */
function logitsAlong({ config, params }: Model, direction: Float32Array): Float32Array {
  const { dModel, dVocab, norm, rmsOffset } = config;
  const weight = params[config.tieEmbeddings ? 'embed.weight' : 'unembed.weight']
    .data as Float32Array;
  const gain = params['ln_final.weight'].data as Float32Array;
  const mean = norm === 'layer' ? direction.reduce((a, b) => a + b, 0) / dModel : 0;
  const offset = norm === 'layer' ? 0 : rmsOffset;
  const scaled = direction.map((value, i) => (value - mean) * (gain[i] + offset));
  const logits = new Float32Array(dVocab);
  for (let id = 0; id < dVocab; id++) {
    let sum = 0;
    for (let i = 0; i < dModel; i++) sum += scaled[i] * weight[id * dModel + i];
    logits[id] = sum;
  }
  const centre = logits.reduce((a, b) => a + b, 0) / dVocab;
  return logits.map((value) => value - centre);
}

function histogram(values: Float32Array): HistogramView {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const counts = new Array<number>(BINS).fill(0);
  const step = (high - low || 1) / BINS;
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / step))]++;
  return binned({ low, high: low + step * BINS, counts });
}

/** The likest feature of every other dictionary that writes vectors of the same width. */
async function twinsOf(
  session: Session,
  own: NamedDictionary,
  direction: Float32Array,
): Promise<TwinView[] | null> {
  const others = (await catalogue(session)).filter(
    ({ name, config }) => name !== own.name && config.dOut === own.config.dOut,
  );
  const products = others.reduce((sum, { config }) => sum + config.dDict * config.dOut, 0);
  if (products > MOST_PRODUCTS) return null;
  const found = await Promise.all(
    others.map(async (other): Promise<TwinView[]> => {
      const dictionary = await openDictionary(other.folder);
      const [best] = likest(dictionary, direction, { count: 1 });
      if (!best) return [];
      const { name, kind, layer } = other;
      const label = (await labelBook(other))?.label(best.index) ?? null;
      return [{ dictionary: name, kind, layer, ...best, label }];
    }),
  );
  return found.flat().sort((a, b) => b.value - a.value);
}

/** The activations of one feature on a text. */
async function activationsOn(
  session: Session,
  dictionary: Dictionary,
  options: { readonly index: number; readonly prompt: string | readonly number[] },
) {
  const ids = promptIds(session, options.prompt);
  const features = [options.index];
  const [activations] = await featureActivations(session.model, dictionary, {
    tokens: ids,
    features,
  });
  return { ...viewTokens(session, ids), activations };
}

function labelled(
  book: LabelBook | null,
  list: readonly { readonly index: number; readonly value: number }[],
): RelatedView[] {
  return list.map((one) => ({ ...one, label: book?.label(one.index) ?? null }));
}

export const feature: Handler<'feature'> = async (session, request) => {
  const { index, prompt } = request;
  const own = await featureOf(session, request);
  const { name, kind, layer, config, folder } = own;
  const dictionary = await openDictionary(folder);
  const direction = written(dictionary, index);
  const reaches = reachesLogits(session.model, config.writes[config.writes.length - 1]);
  const logits = reaches ? logitsAlong(session.model, direction) : new Float32Array(1);
  const order = reaches
    ? Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b)
    : [];
  const named = (ids: readonly number[]): WeightedToken[] =>
    ids.map((id) => ({ ...choice(session, id), value: logits[id] }));
  const book = await labelBook(own);
  const harvest = await openedHarvest(own);
  const page = await featurePage(harvest, index);
  const near = likest(dictionary, direction, { count: NEIGHBOURS, without: index });
  return {
    dictionary: name,
    kind,
    layer,
    index,
    of: config.dDict,
    reads: config.reads,
    writes: config.writes,
    label: book?.label(index) ?? null,
    others: book?.others(index) ?? [],
    top: named(order.slice(0, LISTED_TOKENS)),
    bottom: named(order.slice(-LISTED_TOKENS).reverse()),
    logits: histogram(logits),
    neighbours: labelled(book, near),
    correlated:
      page &&
      labelled(
        book,
        page.correlated.map(({ feature: other, value }) => ({ index: other, value })),
      ),
    twins: await twinsOf(session, own, direction),
    on:
      prompt === undefined || prompt === ''
        ? null
        : await activationsOn(session, dictionary, { index, prompt }),
    harvest: page && harvestView(session, harvest!, page),
    imported: await importedViews(own, index),
  };
};
