import type { AnalysedPrompt, Guess } from '../../../src/lab/api.ts';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/index.ts';
import { tokenName } from './measures.ts';

/** Makes a token the target, or with Shift the distractor; the same choice again takes it back. */
function choose(guess: Guess, event: MouseEvent, prompt: AnalysedPrompt): void {
  const { answer } = prompt;
  const name = tokenName(guess);
  if (event.shiftKey) {
    setState({ distractor: answer?.distractor?.id === guess.id ? '' : name });
  } else {
    const again = answer?.target.id === guess.id && state.target.peek() !== '';
    setState(again ? { target: '', distractor: '' } : { target: name });
  }
}

/** The likeliest tokens after a position. With `choosable`, each is a button that makes it the target. */
export function Predictions(props: {
  readonly prompt: AnalysedPrompt;
  readonly position: number;
  readonly count: number;
  readonly choosable?: boolean;
}) {
  const { prompt, position, choosable = false } = props;
  const guesses = prompt.next[position].slice(0, props.count);
  return (
    <ol class="guesses">
      {guesses.map((guess) => {
        const role = roleOf(guess, prompt);
        const face = (
          <>
            <span class="guess-bar" style={{ width: `${(guess.prob * 100).toFixed(1)}%` }} />
            <TokenText text={guess.text} />
            {role === null ? null : <span class="guess-role">{role}</span>}
            <span class="number">{formatProbability(guess.prob)}</span>
          </>
        );
        return (
          <li key={guess.id}>
            {choosable ? (
              <button
                type="button"
                class="guess"
                aria-pressed={role !== null}
                title={`${t().tokens.id} ${formatCount(guess.id)} · ${t().tokens.chooseHint}`}
                onClick={(event) => choose(guess, event, prompt)}
              >
                {face}
              </button>
            ) : (
              <span class="guess">{face}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function roleOf(guess: Guess, { answer }: AnalysedPrompt): string | null {
  if (answer?.target.id === guess.id) return t().tokens.target;
  return answer?.distractor?.id === guess.id ? t().tokens.distractor : null;
}
