import type { PatternMatrix } from '../../../src/figures/pattern-cells.ts';
import { formatCount, formatProbability, t } from '../../i18n.ts';
import { focus, lock } from '../../state/focus.ts';
import { largest, type Weight } from './order.ts';

const LISTED = 8;

/** What the token in focus (else the last one) attends to, and what attends to it. */
export function AttentionLists(props: {
  readonly pattern: PatternMatrix;
  readonly tokens: readonly string[];
}) {
  const { pattern, tokens } = props;
  const count = tokens.length;
  const position = Math.min(count - 1, focus.value.position ?? count - 1);
  const token = `${t().attention.quote(tokens[position])} (${position})`;
  const at = (row: number, column: number) => pattern.values[row * pattern.columns + column];
  const read = Array.from({ length: position + 1 }, (_, source) => ({
    position: source,
    weight: at(position, source),
  }));
  const readers = Array.from({ length: count - position }, (_, i) => ({
    position: position + i,
    weight: at(position + i, position),
  }));
  return (
    <div class="attention-lists">
      <WeightList title={t().attention.attendsTo(token)} weights={read} tokens={tokens} sums />
      <WeightList title={t().attention.attendedFrom(token)} weights={readers} tokens={tokens} />
    </div>
  );
}

/** `sums` says that the weights sum to one, so that what the rest have together can be told. */
function WeightList(props: {
  readonly title: string;
  readonly weights: readonly Weight[];
  readonly tokens: readonly string[];
  readonly sums?: boolean;
}) {
  const { top, rest, hidden } = largest(props.weights, LISTED);
  return (
    <section>
      <h3>{props.title}</h3>
      <ol class="weights">
        {top.map(({ position, weight }) => (
          <li key={position}>
            <button
              type="button"
              data-position={position}
              onClick={() => lock({ position })}
              title={`${position}`}
            >
              <span class="weight-token token-text">{props.tokens[position]}</span>
              <span class="weight-position number">{position}</span>
              <span class="weight-bar" aria-hidden="true">
                <span style={{ width: `${Math.min(1, weight) * 100}%` }} />
              </span>
              <span class="number">{formatProbability(weight)}</span>
            </button>
          </li>
        ))}
      </ol>
      <p class="note">
        {hidden === 0
          ? ' '
          : `${t().attention.rest(formatCount(hidden))}${props.sums === true ? `: ${formatProbability(rest)}` : ''}`}
      </p>
    </section>
  );
}
