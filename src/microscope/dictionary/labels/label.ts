import type { ProgressListener } from '../../../base/progress.ts';
import type { Model } from '../../../model/model.ts';
import { dictionaryHash } from '../harvest/harvest.ts';
import { staticRelations } from '../harvest/relations.ts';
import { LISTED } from '../harvest/types.ts';
import type { Dictionary } from '../types.ts';
import {
  type Bars,
  conceptTokens,
  createChooser,
  createScorer,
  LABEL_BAR,
  LARGEST_BAR,
  reaches,
  type Truths,
} from './detect.ts';
import { createNarrower, createNarrowFinder } from './narrow.ts';
import { labelRequest } from './request.ts';
import { type FeatureEvents, scanText, type TextColumns, textColumns } from './scan.ts';
import { createTokenChooser, createTokenFinder } from './tokens.ts';
import type {
  ConceptLabel,
  ConceptTexts,
  FeatureLabels,
  LabelContext,
  LabelledFeature,
  LabelSource,
  NamedToken,
  TokenLabel,
} from './types.ts';

/** Tokens at which a concept, or tokens in a context, must hold, in the text for choosing and in that for scoring. */
const MINIMUM = { train: 20, heldOut: 10 } as const;
/** Logits named per feature. */
const PROMOTED = 3;
/** Features between two reports of progress. */
const EVERY = 128;

/** The text that features are compared on, and the bar. */
export interface LabelOptions {
  readonly texts: ConceptTexts;
  /** Token ids that are left out. */
  readonly excluded?: readonly number[];
  readonly bar?: number;
  readonly largestBar?: number;
  readonly progress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Labels with what explanations are made from: the texts and where features fire in them. */
export interface LabelRun {
  readonly dictionary: Dictionary;
  readonly labels: FeatureLabels;
  readonly train: { readonly text: TextColumns; readonly events: FeatureEvents };
  readonly heldOut: { readonly text: TextColumns; readonly events: FeatureEvents };
}

/**
 * Labels every feature of some dictionaries of one model without any other model. Concept and threshold are chosen on
 * one text by F1 and scored on another: a feature fires where its activation reaches the threshold, and F1, precision and
 * recall say how well that agrees with where the concept holds; the interval resamples documents. On both texts a label
 * must also hold at most of the feature's largest activations. Beside the concept stand the few tokens that say best
 * where the feature fires, chosen and scored the same way; where neither holds, such tokens in a context.
 *
 * Time goes into one pass of the model over both texts; comparing every feature with every concept takes one walk
 * over the feature's own activations.
 *
 * @returns one run per dictionary; null when stopped by the signal
 */
export async function labelFeatures(
  model: Model,
  dictionaries: readonly Dictionary[],
  options: LabelOptions,
): Promise<LabelRun[] | null> {
  const { texts, excluded = [], progress, signal } = options;
  const { bar = LABEL_BAR, largestBar = LARGEST_BAR } = options;
  const train = textColumns(texts.train, excluded);
  const heldOut = textColumns(texts.heldOut, excluded);
  const scan = (text: ConceptTexts['train']) =>
    scanText(model, dictionaries, { text, excluded, progress, signal });
  const trainEvents = await scan(texts.train);
  const heldOutEvents = trainEvents && (await scan(texts.heldOut));
  if (!trainEvents || !heldOutEvents) return null;
  const compare = createComparison(model, texts, { train, heldOut, bar, largestBar });
  const runs: LabelRun[] = [];
  for (const [d, dictionary] of dictionaries.entries()) {
    const { config } = dictionary;
    const promoted = await promotedTokens(model, dictionary);
    const labelled: LabelledFeature[] = [];
    for (let feature = 0; feature < config.dDict; feature++) {
      if (feature % EVERY === 0) {
        if (signal?.aborted) return null;
        const done = d * config.dDict + feature;
        const total = dictionaries.length * config.dDict;
        progress?.({ label: 'comparing features', done, total, unit: 'features' });
      }
      const events = [trainEvents[d], heldOutEvents[d]] as const;
      const found = compare(events[0], events[1], feature);
      if (found) labelled.push({ feature, ...found, promotes: promoted(feature) });
    }
    runs.push({
      dictionary,
      train: { text: train, events: trainEvents[d] },
      heldOut: { text: heldOut, events: heldOutEvents[d] },
      labels: {
        model: model.name,
        dictionary: dictionaryHash(dictionary),
        request: labelRequest(dictionary, options),
        reads: config.reads,
        writes: config.writes,
        features: config.dDict,
        bar,
        largestBar,
        l0: trainEvents[d].token.length / train.tokens,
        train: { name: train.name, tokens: train.tokens },
        heldOut: { name: heldOut.name, tokens: heldOut.tokens, documents: heldOut.documents },
        concepts: compare.concepts,
        labelled,
      },
    });
  }
  return runs;
}

/** Compares a feature with every concept and with tokens; null when it fires nowhere in the text for choosing. */
function createComparison(
  model: Model,
  { concepts }: ConceptTexts,
  context: { readonly train: TextColumns; readonly heldOut: TextColumns } & Bars,
) {
  const { train, heldOut, bar, largestBar } = context;
  const scorer = createScorer(heldOut);
  const places = conceptTokens(heldOut, concepts.length);
  const trainPlaces = conceptTokens(train, concepts.length);
  const common = (concept: number) =>
    trainPlaces[concept].length >= MINIMUM.train && places[concept].length >= MINIMUM.heldOut;
  const choose = createChooser(train, concepts.length, { accepts: common, largestBar });
  const chooseTokens = createTokenChooser(train, { largestBar });
  const findTokens = createTokenFinder(heldOut);
  const narrow = createNarrower(train, {
    concepts: concepts.length,
    accepts: common,
    largestBar,
    least: MINIMUM.train,
  });
  const findNarrow = createNarrowFinder(heldOut);
  const truths = new Map<number, Truths>();
  const truthsOf = (concept: number): Truths => {
    const known = truths.get(concept);
    if (known) return known;
    const made = scorer.truths(places[concept]);
    truths.set(concept, made);
    return made;
  };
  const compare = (onTrain: FeatureEvents, onHeldOut: FeatureEvents, feature: number) => {
    if (onTrain.start[feature] === onTrain.start[feature + 1]) return null;
    const [best] = choose(onTrain, feature, 1);
    const set = chooseTokens(onTrain, feature);
    const concept: ConceptLabel | null = best
      ? {
          concept: concepts[best.concept],
          threshold: best.threshold,
          ...scorer.score(onHeldOut, feature, {
            truths: truthsOf(best.concept),
            threshold: best.threshold,
          }),
        }
      : null;
    const tokens: TokenLabel | null = set
      ? {
          where: set.where,
          tokens: set.ids.map((id) => namedToken(model, id)),
          threshold: set.threshold,
          ...scorer.score(onHeldOut, feature, {
            truths: scorer.truths(findTokens(set)),
            threshold: set.threshold,
          }),
        }
      : null;
    const fires = onTrain.start[feature + 1] - onTrain.start[feature];
    const source = sourceOf(best?.f1 ?? 0, set?.f1 ?? 0, { concept, tokens, bar, largestBar });
    const narrowed = source === 'weak' ? narrowedLabel(onTrain, onHeldOut, feature) : null;
    return narrowed
      ? { fires, source: 'tokens' as const, concept, tokens: narrowed }
      : { fires, source, concept, tokens };
  };
  /** Tokens in a context, where they reach the bars. */
  function narrowedLabel(
    onTrain: FeatureEvents,
    onHeldOut: FeatureEvents,
    feature: number,
  ): TokenLabel | null {
    const set = narrow(onTrain, feature);
    if (!set) return null;
    const { where, ids, within, threshold } = set;
    const truths = scorer.truths(findNarrow(set));
    const score = scorer.score(onHeldOut, feature, { truths, threshold });
    if (score.positives < MINIMUM.heldOut || !reaches(score, { bar, largestBar })) return null;
    const named = (list: readonly number[]) => list.map((id) => namedToken(model, id));
    const context: LabelContext =
      'concept' in within
        ? { concept: concepts[within.concept] }
        : { where: within.where, tokens: named(within.ids) };
    return { where, tokens: named(ids), within: context, threshold, ...score };
  }
  compare.concepts = concepts.filter((_, i) => common(i)).length;
  return compare;
}

/** How much better a set of tokens must do than a concept, in F1 on the text for choosing, to be the label. */
const MARGIN = 0.1;

function sourceOf(
  conceptF1: number,
  tokensF1: number,
  found: {
    readonly concept: ConceptLabel | null;
    readonly tokens: TokenLabel | null;
  } & Bars,
): LabelSource {
  const conceptHolds = reaches(found.concept, found);
  const tokensHold = reaches(found.tokens, found);
  if (conceptHolds && !(tokensHold && tokensF1 > conceptF1 + MARGIN)) return 'concept';
  return tokensHold ? 'tokens' : 'weak';
}

const namedToken = (model: Model, id: number): NamedToken => ({
  id,
  text: model.tokenizer?.tokenStrings([id])[0]?.text ?? `#${id}`,
});

/** The logits a feature raises most, where it writes to the residual stream. */
async function promotedTokens(model: Model, dictionary: Dictionary) {
  const { top } = await staticRelations(model, dictionary);
  return (feature: number): NamedToken[] => {
    const ids = top.index.subarray(feature * LISTED, feature * LISTED + PROMOTED);
    return Array.from(ids.filter((id) => id >= 0)).map((id) => namedToken(model, id));
  };
}
