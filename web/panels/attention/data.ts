import { computed } from '@preact/signals';
import { combinePatterns, type PatternMatrix } from '../../../src/figures/pattern-cells.ts';
import type { HeadsResponse } from '../../../src/lab/api.ts';
import { type Call, post, resource } from '../../api.ts';
import { tokenText } from '../../components/token.tsx';
import { focus } from '../../state/focus.ts';
import { analysis, modelInfo, modelName } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import { followed } from '../followed.ts';
import { tokenLabels } from './labels.ts';
import { type HeadRow, headRows, needsScores, sortHeads } from './order.ts';
import { type PatternsQuery, patternOf, patternsResource } from './patterns.ts';

let lastQuery: PatternsQuery | undefined;

/** Patterns and effects of the prompt. It waits for the analysis, which says how long the prompt is. */
export const patterns = patternsResource(() => {
  const prompt = state.prompt.value;
  const info = modelInfo.data.value;
  const analysed = analysis.data.value;
  const direction = followed.value;
  if (prompt === '') lastQuery = undefined;
  else if (!analysis.busy.value && !modelInfo.busy.value && info && analysed && direction) {
    lastQuery = {
      request: { model: modelName.value, prompt, ...direction },
      layers: info.layers,
      heads: info.heads,
      tokens: analysed.prompt.tokens.length,
    };
  }
  return lastQuery;
});

let lastScores: { readonly model: string; readonly call: Call<HeadsResponse> } | undefined;

/** Scores on random tokens: asked for once per model, when an order first needs them. */
export const scores = resource(
  () => {
    const model = state.model.value;
    if (needsScores(state.headSort.value)) {
      lastScores = { model, call: post('/api/heads', { model: modelName.value }) };
    }
    return lastScores?.model === model ? lastScores.call : undefined;
  },
  { progress: true },
);

/** One label per token. */
export const labels = computed(() => {
  const { value } = patterns.data;
  return value === undefined ? [] : tokenLabels(value, tokenText);
});

/** All heads in the chosen order. */
export const ordered = computed<readonly HeadRow[]>(() => {
  const { value } = patterns.data;
  if (value === undefined) return [];
  const known = { effects: value.effects, scores: scores.data.value?.scores };
  return sortHeads(headRows(value, known), state.headSort.value);
});

/** The head that the large picture is about: pointed at, locked, or the first in the order. */
export const shownHead = computed(() => {
  const { head } = focus.value;
  const rows = ordered.value;
  return rows.find((row) => row.layer === head?.layer && row.head === head.head) ?? rows[0];
});

let kept:
  | { readonly key: string; readonly of: object; readonly pattern: PatternMatrix }
  | undefined;

/** What the large picture shows: the head's pattern, or its layer's heads taken together. */
export const shownPattern = computed<PatternMatrix | undefined>(() => {
  const all = patterns.data.value;
  const row = shownHead.value;
  const view = state.pattern.value;
  if (all === undefined || row === undefined) return undefined;
  if (view === 'head') return patternOf(all, row);
  const key = `${view} ${row.layer}`;
  // Moving over the heads of one layer asks for the same mean again and again.
  if (kept?.key === key && kept.of === all) return kept.pattern;
  const heads = Array.from({ length: all.heads }, (_, head) =>
    patternOf(all, { layer: row.layer, head }),
  ).filter((pattern) => pattern !== undefined);
  if (heads.length === 0) return undefined;
  kept = { key, of: all, pattern: combinePatterns(heads, view) };
  return kept.pattern;
});
