import type { FeaturePage, Histogram, TokenValue } from '../harvest/types.ts';

/** What a feature's page does not know about itself. */
export interface NeuronpediaOptions {
  /** The model as Neuronpedia knows it, e.g. `gpt2-small`. */
  readonly modelId: string;
  /** Layer and set, e.g. `6-res-jb`. */
  readonly layer: string;
  /** What the harvest's text is called. */
  readonly dataset: string;
  readonly tokenText: (id: number) => string;
}

/** Bars of a histogram as Neuronpedia stores them: heights, and the middle of every bin. */
function bars({ low, high, counts }: Histogram) {
  const width = (high - low) / counts.length;
  return { heights: [...counts], values: counts.map((_, i) => low + (i + 0.5) * width) };
}

function logits(tokens: readonly TokenValue[], text: (id: number) => string) {
  return { str: tokens.map(({ id }) => text(id)), values: tokens.map(({ value }) => value) };
}

/** A feature as Neuronpedia's batch import takes it. */
export function toNeuronpediaFeature(page: FeaturePage, options: NeuronpediaOptions) {
  const { tokenText, dataset } = options;
  const positive = logits(page.logits.top, tokenText);
  const negative = logits(page.logits.bottom, tokenText);
  const activations = bars(page.activations);
  const logitBars = bars(page.logits.histogram);
  return {
    feature_index: page.feature,
    // Neurons are not compared with features here, so their lists are empty and not invented.
    neuron_alignment_indices: [],
    neuron_alignment_values: [],
    neuron_alignment_l1: [],
    correlated_neurons_indices: [],
    correlated_neurons_pearson: [],
    correlated_neurons_l1: [],
    correlated_features_indices: page.correlated.map(({ feature }) => feature),
    correlated_features_pearson: page.correlated.map(({ value }) => value),
    correlated_features_l1: [],
    pos_str: positive.str,
    pos_values: positive.values,
    neg_str: negative.str,
    neg_values: negative.values,
    frac_nonzero: page.density,
    freq_hist_data_bar_heights: activations.heights,
    freq_hist_data_bar_values: activations.values,
    logits_hist_data_bar_heights: logitBars.heights,
    logits_hist_data_bar_values: logitBars.values,
    dataset,
    activations: page.groups.flatMap((group) =>
      group.examples.map((example) => ({
        bin_min: group.low,
        bin_max: group.high,
        bin_contains: group.share,
        tokens: example.tokens.map(tokenText),
        values: [...example.acts],
        qualifying_token_index: example.at,
        dfa_values: [],
        dfa_maxValue: 0,
        dfa_targetIndex: null,
      })),
    ),
  };
}

/** A description of a feature, with who made it. */
export interface FeatureDescription {
  readonly text: string;
  /** The model or method that wrote it. */
  readonly by: string;
}

/** One feature as Neuronpedia's interface answers `GET /api/feature/{modelId}/{layer}/{index}`. */
export function toNeuronpediaPage(
  page: FeaturePage,
  options: NeuronpediaOptions & { readonly descriptions: readonly FeatureDescription[] },
) {
  const {
    feature_index,
    dataset: _,
    activations,
    ...figures
  } = toNeuronpediaFeature(page, options);
  return {
    modelId: options.modelId,
    layer: options.layer,
    index: String(feature_index),
    maxActApprox: page.max,
    hasVector: false,
    vector: [],
    topkCosSimIndices: page.neighbours.map(({ feature }) => feature),
    topkCosSimValues: page.neighbours.map(({ value }) => value),
    ...figures,
    activations: activations.map((one) => ({
      tokens: one.tokens,
      values: one.values,
      maxValue: Math.max(...one.values),
      maxValueTokenIndex: one.values.indexOf(Math.max(...one.values)),
      minValue: Math.min(...one.values),
      binMin: one.bin_min,
      binMax: one.bin_max,
      binContains: one.bin_contains,
      qualifyingTokenIndex: one.qualifying_token_index,
      dfaValues: [],
      dfaTargetIndex: null,
      dfaMaxValue: null,
    })),
    explanations: options.descriptions.map(({ text, by }) => ({
      description: text,
      typeName: by,
      explanationModelName: by,
      scores: [],
    })),
  };
}

/** A batch of features as Neuronpedia imports it. */
export function toNeuronpediaBatch(pages: readonly FeaturePage[], options: NeuronpediaOptions) {
  const [layer, ...set] = options.layer.split('-');
  return {
    model_id: options.modelId,
    layer: Number(layer),
    sae_set: set.join('-'),
    features: pages.map((page) => toNeuronpediaFeature(page, options)),
  };
}

/** The activations that 1, 2, … 100 % of all lie below, read off a histogram. */
function percentiles({ low, high, counts }: Histogram): number[] {
  const total = counts.reduce((a, b) => a + b, 0);
  const width = (high - low) / counts.length;
  let [bin, below] = [0, 0];
  return Array.from({ length: 100 }, (_, i) => {
    const wanted = ((i + 1) / 100) * total;
    while (bin < counts.length - 1 && below + counts[bin] < wanted) below += counts[bin++];
    const inside = counts[bin] > 0 ? (wanted - below) / counts[bin] : 1;
    return low + (bin + inside) * width;
  });
}

/** A feature as Anthropic's attribution-graph front end and circuit-tracer read it. */
export function toFeatureJson(
  page: FeaturePage,
  options: Pick<NeuronpediaOptions, 'tokenText'> & { readonly transcoderId: string },
) {
  const { tokenText, transcoderId } = options;
  const names = (tokens: readonly TokenValue[]) => tokens.map(({ id }) => tokenText(id));
  return {
    index: page.feature,
    transcoder_id: transcoderId,
    examples_quantiles: page.groups.map((group) => ({
      quantile_name: group.name === 'top' ? 'Top activations' : `Interval ${group.name}`,
      examples: group.examples.map((example) => ({
        tokens: example.tokens.map(tokenText),
        tokens_acts_list: [...example.acts],
        train_token_ind: example.at,
        is_repeated_datapoint: false,
      })),
    })),
    top_logits: names(page.logits.top),
    bottom_logits: names(page.logits.bottom),
    act_min: page.activations.low,
    act_max: page.activations.high,
    quantile_values: percentiles(page.activations),
    histogram: [...page.activations.counts],
    activation_frequency: page.density,
  };
}
