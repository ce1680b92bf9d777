import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { setState } from '../../state/url.ts';
import { hiddenLabel } from './data.ts';
import type { GraphView } from './view.ts';
import { fileNotes, hiddenWords } from './words.ts';

/** Always in sight: how much of the answer the graph explains, and what it does not show. */
export function Scores({ graph }: { readonly graph: GraphView }) {
  const words = t().graph;
  const { replacement, completeness, errorShare } = graph.scores;
  const errors = graph.nodes.filter(({ kind }) => kind === 'error').length;
  return (
    <div class="graph-scores">
      <dl class="facts">
        <div title={words.replacementHint}>
          <dt>{words.replacement}</dt>
          <dd class="number">{formatProbability(replacement)}</dd>
        </div>
        <div title={words.completenessHint}>
          <dt>{words.completeness}</dt>
          <dd class="number">{formatProbability(completeness)}</dd>
        </div>
        <div title={words.errorShareHint} class="uncertain">
          <dt>{words.errorShare}</dt>
          <dd class="number">
            {formatProbability(errorShare)} <span class="note">({formatCount(errors)})</span>
          </dd>
        </div>
      </dl>
      <details class="graph-hidden">
        <summary>{[...fileNotes(graph), hiddenWords(graph)].join(' · ')}</summary>
        <Hidden graph={graph} />
      </details>
    </div>
  );
}

/** What is not shown, by reason, and the most influential of it. */
function Hidden({ graph }: { readonly graph: GraphView }) {
  const words = t().graph;
  const { hidden, largestHidden } = graph;
  if (hidden.length === 0) return <p class="note">{words.nothingHidden}</p>;
  return (
    <div class="hidden-lists">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{words.hiddenWhat}</th>
            <th scope="col">{words.hiddenWhy}</th>
            <th scope="col" class="number">
              {words.hiddenCount}
            </th>
          </tr>
        </thead>
        <tbody>
          {hidden.map(({ what, why, count }) => (
            <tr key={`${what} ${why}`}>
              <td>{words.whats[what]}</td>
              <td>{words.whys[why]}</td>
              <td class="number">{formatCount(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {largestHidden.length === 0 ? null : (
        <div class="scroll-x">
          <table class="data">
            <caption>{words.largestHidden(formatCount(largestHidden.length))}</caption>
            <thead>
              <tr>
                <th scope="col">{words.nodeColumn}</th>
                <th scope="col">{words.tokenRow}</th>
                <th scope="col">{words.hiddenWhy}</th>
                <th scope="col" class="number">
                  {words.influence}
                </th>
              </tr>
            </thead>
            <tbody>
              {largestHidden.map((node) => (
                <tr key={node.key} data-position={node.position}>
                  <td title={node.labelFrom && t().features.importedFrom(node.labelFrom)}>
                    {hiddenLabel(node)}
                  </td>
                  <td class="token-text">
                    {graph.tokens[node.position]} ({node.position})
                  </td>
                  <td>{words.whys[node.why]}</td>
                  <td class="number">{formatNumber(node.influence, { digits: 3 })}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p>
        <button
          type="button"
          class="button plain"
          onClick={() =>
            setState({ nodeShare: 100, edgeShare: 100, densityLimit: 100, everywhere: 'shown' })
          }
        >
          {words.showAll}
        </button>
      </p>
    </div>
  );
}
