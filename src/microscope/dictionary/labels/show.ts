import { findDictionaries } from '../files.ts';
import { dictionaryHash } from '../harvest/harvest.ts';
import type { Dictionary } from '../types.ts';
import type { Explanation } from './explain/types.ts';
import { readLabels } from './store.ts';
import { tooRare } from './summary.ts';
import type {
  DetectionScore,
  FeatureLabels,
  LabelledFeature,
  NamedToken,
  ShownLabel,
  TokenLabel,
} from './types.ts';

/** The label of a feature of a layer; null where there is none. */
export type LabelLookup = (layer: number, feature: number) => ShownLabel | null;

const quoted = (tokens: readonly NamedToken[]): string =>
  tokens.map(({ text }) => `'${text.replaceAll('\n', '⏎')}'`).join(', ');

/** Stands between tokens and the context that narrows them down, in labels and in ids of concepts. */
const AND = ' & ';

const PLACES = { on: 'on', after: 'just after', before: 'just before' } as const;

const placed = ({ where, tokens }: Pick<TokenLabel, 'where' | 'tokens'>): string =>
  `${where === 'on' ? '' : `${where} `}${quoted(tokens)}`;

/** A feature's label in words, with how it was made and scored; null when nothing was found. */
export function shownLabel(labels: FeatureLabels, found: LabelledFeature): ShownLabel | null {
  const { source, concept, tokens, promotes } = found;
  const n = labels.heldOut.tokens;
  const figures = ({ f1, low, high, largest }: DetectionScore) => ({
    score: f1,
    low,
    high,
    largest,
    n,
  });
  if (source === 'concept' && concept) {
    const how = 'planted concept, F1 on held-out text';
    const { id, label } = concept.concept;
    return { label, how, source, concept: id, ...figures(concept) };
  }
  if (!tokens) return null;
  const raises = promotes.length > 0 ? ` → ${quoted(promotes)}` : '';
  const { within } = tokens;
  const own = placed(tokens);
  const concepts = within && 'concept' in within ? within.concept : null;
  const context = within && !('concept' in within) ? placed(within) : concepts?.label;
  const label = `${context ? own + AND + context : own}${source === 'weak' ? raises : ''}`;
  const seen = tokens.positives > 0;
  const rare = `it fires at ${found.fires} tokens of the text for choosing only`;
  const weak = tooRare(found)
    ? rare
    : seen
      ? 'below the bars'
      : 'the text for scoring does not hold them';
  const how =
    source === 'tokens'
      ? `tokens it fires ${PLACES[tokens.where]}${within ? ', in a context' : ''}, F1 on held-out text`
      : `tokens of its largest activations and raised logits; ${weak}`;
  return { label, how, source, concept: concepts && own + AND + concepts.id, ...figures(tokens) };
}

/** Looks labels up by feature. */
export function labelsByFeature(labels: FeatureLabels): (feature: number) => ShownLabel | null {
  const byFeature = new Map(labels.labelled.map((one) => [one.feature, one]));
  const explained = new Map(labels.explanations?.map((one) => [one.feature, one]));
  return (feature) => {
    const found = byFeature.get(feature);
    const label = found ? shownLabel(labels, found) : null;
    // What is known of the world is surer than what a model says, and that than tokens below the bar.
    if (label && label.source !== 'weak') return label;
    const explanation = explained.get(feature);
    return (explanation && shownExplanation(explanation)) || label;
  };
}

/** An explanation that detection supports, as a label. */
function shownExplanation({ text, by, detection }: Explanation): ShownLabel | null {
  const { outcome, own } = detection;
  if (outcome !== 'supported' || own.outcome !== 'assessed') return null;
  const { balancedAccuracy: score, low, high, n } = own.score;
  const how = `explained by ${by}, balanced accuracy of detection`;
  return {
    label: text,
    how,
    source: 'explanation',
    concept: null,
    score,
    low,
    high,
    largest: null,
    n,
  };
}

/** Which labels count. */
export interface FeatureLabelsOptions {
  /** Dictionaries in use: labels that were made for others are left out. */
  readonly dictionaries?: readonly Dictionary[];
}

/**
 * The labels of the dictionaries in a folder. Where a layer has several dictionaries, a transcoder of its MLP
 * comes first, because graphs are made of transcoders. Without labels every look-up gives null.
 *
 * @throws GlassboxError `bad-labels`
 */
export async function featureLabels(
  folder: string,
  options: FeatureLabelsOptions = {},
): Promise<LabelLookup> {
  const read = await Promise.all((await findDictionaries(folder)).map(readLabels));
  const known = options.dictionaries && new Set(options.dictionaries.map(dictionaryHash));
  const byLayer = new Map<number, { readonly replaces: boolean; readonly labels: FeatureLabels }>();
  for (const labels of read) {
    if (!labels || (known && !known.has(labels.dictionary))) continue;
    const layer = /^blocks\.(\d+)\./.exec(labels.reads[0])?.[1];
    if (layer === undefined) continue;
    const replaces = /\.mlp\.hook_in$/.test(labels.reads[0]);
    const other = byLayer.get(Number(layer));
    if (!other || (replaces && !other.replaces)) byLayer.set(Number(layer), { replaces, labels });
  }
  const lookups = new Map(
    [...byLayer].map(([layer, { labels }]) => [layer, labelsByFeature(labels)]),
  );
  return (layer, feature) => lookups.get(layer)?.(feature) ?? null;
}
