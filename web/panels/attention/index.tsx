import { THUMBNAIL_CELLS } from '../../../src/figures/head-grid.ts';
import { Segments, Select } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { formatCount, t } from '../../i18n.ts';
import { HEAD_SORTS, PATTERN_VIEWS } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import { labels, patterns, scores, shownPattern } from './data.ts';
import { attentionExports, directionWords, shownName } from './exports.ts';
import { HeadGrid } from './heads.tsx';
import { AttentionLists } from './lists.tsx';
import { needsScores } from './order.ts';
import { PatternView } from './pattern-view.tsx';
import './attention.css';

/** Region 3: all heads small, one large, ordered by what they do. */
export function AttentionPanel() {
  const words = t().attention;
  const pattern = shownPattern.value;
  const tokens = labels.value;
  // The scores' command repeats the ranking only; the patterns come first.
  const resources = needsScores(state.headSort.value) ? [patterns, scores] : [patterns];
  return (
    <Panel
      id="attention"
      title={t().terms.attention}
      about={words.about}
      resources={resources}
      exports={attentionExports()}
      empty={state.prompt.value === '' ? words.empty : undefined}
      controls={
        <>
          <Select
            label={words.sort}
            value={state.headSort.value}
            options={HEAD_SORTS.map((value) => ({ value, label: words.sorts[value] }))}
            onChange={(headSort) => setState({ headSort })}
          />
          <Segments
            label={words.view}
            value={state.pattern.value}
            options={PATTERN_VIEWS.map((value) => ({
              value,
              label: words.views[value],
              hint: words.viewHints[value],
            }))}
            onChange={(view) => setState({ pattern: view })}
          />
        </>
      }
    >
      {pattern === undefined ? null : (
        <div class="attention">
          <div class="attention-heads">
            <p class="note">{orderWords()}</p>
            <HeadGrid />
            {tokens.length > THUMBNAIL_CELLS ? (
              <p class="note">
                {words.pooled(formatCount(tokens.length), String(THUMBNAIL_CELLS))}
              </p>
            ) : null}
          </div>
          <div class="attention-large">
            <h3>{shownName()}</h3>
            <PatternView name={shownName()} pattern={pattern} tokens={tokens} />
          </div>
          <AttentionLists pattern={pattern} tokens={tokens} />
        </div>
      )}
    </Panel>
  );
}

/** What the number at each head means. */
function orderWords(): string {
  const first = scores.data.value?.scores[0];
  if (!needsScores(state.headSort.value)) return directionWords();
  return first === undefined ? '' : t().attention.scoreAbout(formatCount(first.induction.n));
}
