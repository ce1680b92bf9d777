import type { ReadonlySignal } from '@preact/signals';
import type { LensResponse } from '../../../src/lab/api.ts';
import { Popup } from '../../components/popover.tsx';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { hovered, state } from '../../state/index.ts';
import { layerName } from './names.ts';

interface Place {
  readonly layer: number;
  readonly position: number;
}

/**
 * The guesses of one cell, and how its position develops from layer to layer. It slides with the pointer; a lock
 * holds it.
 */
export function LensPopup(props: {
  readonly data: LensResponse;
  /** The cell that was last pointed at; a signal, so that the grid is not drawn anew for it. */
  readonly anchor: ReadonlySignal<HTMLElement | null>;
  readonly held: Place | null;
}) {
  const { data, held } = props;
  const anchor = props.anchor.value;
  const place = placeOf(anchor) ?? held;
  // Without a hover on this grid only a locked cell keeps the box open.
  const pointed = hovered.value?.layer !== undefined && hovered.value.position !== undefined;
  const shown = pointed || held !== null ? place : null;
  const visible =
    shown !== null && anchor?.isConnected === true && data.top[shown.layer] !== undefined;
  const isHeld = held !== null && shown?.layer === held.layer && shown.position === held.position;
  return (
    <Popup
      anchor={visible ? anchor : null}
      clear={() => anchor?.closest('.lens-grid')}
      held={isHeld}
      label={t().lens.title}
    >
      {visible && shown !== null ? <Guesses data={data} place={shown} /> : null}
    </Popup>
  );
}

function placeOf(cell: HTMLElement | null): Place | null {
  const { layer, position } = cell?.dataset ?? {};
  if (layer === undefined || position === undefined) return null;
  return { layer: Number(layer), position: Number(position) };
}

function Guesses({ data, place }: { readonly data: LensResponse; readonly place: Place }) {
  const words = t();
  const { layer, position } = place;
  const guesses = data.top[layer][position].slice(0, state.k.value);
  const token = data.tokens[position];
  const above = data.layers.map((_, index) => data.layers.length - 1 - index);
  return (
    <div class="lens-popup">
      <div>
        <p class="lens-place">
          <strong>{layerName(data, layer)}</strong>
          <span class="note">
            {words.terms.position} {formatCount(position)}
          </span>
          <TokenText text={data.groups[token.group].text} />
          <span aria-hidden="true">→</span>
        </p>
        <ol class="guesses">
          {guesses.map((guess) => (
            <li key={guess.id}>
              <span class="guess">
                <span class="guess-bar" style={{ width: `${(guess.prob * 100).toFixed(1)}%` }} />
                <TokenText text={guess.text} />
                <span class="number">{formatProbability(guess.prob)}</span>
              </span>
            </li>
          ))}
        </ol>
        <p class="note">
          {words.tokens.entropy} {formatNumber(data.entropy[layer][position])} {words.tokens.nats}
        </p>
      </div>
      <table class="data lens-layers">
        <caption>{words.lens.otherLayers}</caption>
        <thead>
          <tr>
            <th scope="col">{words.terms.layer}</th>
            <th scope="col">{words.lens.topToken}</th>
            <th scope="col" class="number">
              {words.lens.targetProb}
            </th>
            <th scope="col" class="number">
              {words.tokens.rank}
            </th>
          </tr>
        </thead>
        <tbody>
          {above.map((row) => (
            <tr key={row} class={row === layer ? 'here' : undefined}>
              <th scope="row">{layerName(data, row)}</th>
              <td>
                <TokenText text={data.top[row][position][0]?.text ?? ''} />
              </td>
              <td class="number">
                <span
                  class="guess-bar"
                  style={{ width: `${(data.target.prob[row][position] * 100).toFixed(1)}%` }}
                />
                {formatProbability(data.target.prob[row][position])}
              </td>
              <td class="number">{formatCount(data.target.rank[row][position] + 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
