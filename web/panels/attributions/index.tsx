import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { AttributeResponse, StabilityView } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { tint } from '../../components/shade.ts';
import { TokenText, tokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, t } from '../../i18n.ts';
import { lock } from '../../state/focus.ts';
import { setState, state } from '../../state/url.ts';
import { followed } from '../followed.ts';
import './attributions.css';
import { attributed, swapped } from './data.ts';
import { attributionExports } from './exports.ts';

/** Which tokens the answer rests on, by several methods, with figures of their stability. */
export function AttributionsPanel() {
  const words = t().attributions;
  const data = attributed.data.value;
  const on = state.attributions.value === 'yes';
  return (
    <Panel
      id="attributions"
      title={words.title}
      about={words.about}
      resources={[attributed]}
      exports={attributionExports(data)}
      empty={state.prompt.value === '' ? words.empty : undefined}
      controls={
        on ? (
          <Button kind="quiet" onClick={() => setState({ attributions: 'no' })}>
            {words.close}
          </Button>
        ) : undefined
      }
    >
      {on ? null : (
        <p class="attribution-start">
          <Button
            icon="play"
            disabled={followed.value === undefined}
            onClick={() => setState({ attributions: 'yes' })}
          >
            {words.run}
          </Button>
          <span class="note">{words.runAbout}</span>
        </p>
      )}
      {data === undefined ? null : <Body data={data} />}
    </Panel>
  );
}

function directionWords({ target, distractor }: AttributeResponse): string {
  const words = t().attributions;
  const name = tokenText(target.text);
  return distractor === null
    ? words.followedAlone(name)
    : words.followed(name, tokenText(distractor.text));
}

function Body({ data }: { readonly data: AttributeResponse }) {
  const words = t().attributions;
  const unit = words.units[data.unit];
  const two = (x: number) => formatNumber(x, { signed: data.unit === 'logits' });
  return (
    <div class="attributions">
      <Values data={data} />
      <p class="note">
        {words.shade} {words.baseline(two(data.metric.prompt), two(data.metric.baseline), unit)}
      </p>
      <div class="attribution-bottom">
        <Agreement data={data} />
        <Wordings />
      </div>
    </div>
  );
}

/** One row per method: shaded tokens, then how stable the method is. */
function Values({ data }: { readonly data: AttributeResponse }) {
  const words = t().attributions;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
    <div class="attribution-scroll" role="group" aria-label={words.title} tabIndex={0}>
      <table class="attribution-table">
        <thead>
          <tr>
            <th scope="col">{words.method}</th>
            <th scope="col" title={words.stable}>
              {words.stability} · {words.seeds}
            </th>
            <th scope="col" title={words.stable}>
              {words.stability} · {words.paraphrases}
            </th>
            <th scope="col" title={words.gapHint}>
              {words.gap}
            </th>
            <th scope="col" colSpan={data.positions.length}>
              {directionWords(data)}
            </th>
          </tr>
        </thead>
        <tbody>
          {data.results.map((result) => {
            const { method, values, gap, overSeeds, overParaphrases } = result;
            const reach = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
            return (
              <tr key={method}>
                <th scope="row" title={words.methodHints[method]}>
                  {words.methods[method]}
                  {result.unit === 'share' ? <span class="unit"> {words.share}</span> : null}
                </th>
                <td class="attribution-figure number">
                  {overSeeds === null ? (
                    <span class="note">{words.noSeeds}</span>
                  ) : (
                    <Stable figure={overSeeds} />
                  )}
                </td>
                <td class="attribution-figure number">
                  {overParaphrases === null ? (
                    <span class="note">
                      {state.paraphrases.value.length === 0 ? words.noWordings : '–'}
                    </span>
                  ) : (
                    <Stable figure={overParaphrases} />
                  )}
                </td>
                <td class="attribution-figure number">
                  {gap === null ? '–' : formatNumber(gap, { signed: true, digits: 2 })}
                </td>
                {data.positions.map((position, i) => {
                  const token = data.tokens[position];
                  const value = values[i];
                  const colour =
                    result.unit === 'share' ? 'magnitude' : value < 0 ? 'negative' : 'positive';
                  return (
                    // biome-ignore lint/a11y/useKeyWithClickEvents: the token strip above locks positions by key.
                    <td
                      key={position}
                      data-position={position}
                      style={tint(colour, Math.abs(value) / reach)}
                      title={`${words.methods[method]} · ${tokenText(token.text)} (${position}): ${formatNumber(value, { digits: 4, signed: result.unit === 'metric' })}`}
                      onClick={() => lock({ position })}
                    >
                      <TokenText text={token.text} />
                      <span class="strip-value">
                        {formatNumber(value, {
                          signed: result.unit === 'metric',
                          digits: digits(reach),
                        })}
                      </span>
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const digits = (reach: number) => (reach >= 10 ? 1 : 2);

/** A rank correlation; below it its interval and the number of runs. */
function Stable({ figure }: { readonly figure: StabilityView }) {
  const { mean, low, high, worst, n } = figure;
  const words = t().attributions;
  const interval = low === null ? '' : `[${formatNumber(low)}, ${formatNumber(high)}] `;
  return (
    <span title={words.worst(formatNumber(worst))}>
      {formatNumber(mean)}
      <span class="stable-note note">
        {interval}n = {formatCount(n)}
      </span>
    </span>
  );
}

/** Rank correlations of every two methods. */
function Agreement({ data }: { readonly data: AttributeResponse }) {
  const words = t().attributions;
  const names = data.results.map(({ method }) => words.methods[method]);
  return (
    <section>
      <h3>
        {words.agreement} <span class="note">{words.agreementAbout}</span>
      </h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard. */}
      <div class="attribution-scroll" role="group" aria-label={words.agreement} tabIndex={0}>
        <table class="agreement">
          <thead>
            <tr>
              <td />
              {names.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.agreement.map((row, i) => (
              <tr key={names[i]}>
                <th scope="row">{names[i]}</th>
                {row.map((value, j) => (
                  <td
                    key={names[j]}
                    class={`number${i === j ? ' own' : ''}`}
                    style={
                      i === j
                        ? undefined
                        : tint((value ?? 0) < 0 ? 'negative' : 'positive', Math.abs(value ?? 0))
                    }
                    title={words.agreementCell(names[i], names[j], formatNumber(value))}
                  >
                    {i === j ? '' : formatNumber(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Other wordings of the same question. */
function Wordings() {
  const words = t().attributions;
  const id = useId();
  const draft = useSignal(state.paraphrases.peek().join('\n'));
  const kept = state.paraphrases.value;
  useEffect(() => {
    draft.value = kept.join('\n');
  }, [kept]);
  const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');
  const suggestion = swapped.value;
  const add = (text: string) => setState({ paraphrases: [...state.paraphrases.peek(), text] });
  return (
    <section class="wordings">
      <label for={id}>
        <strong>{words.wordings}</strong>
      </label>
      <textarea
        id={id}
        rows={4}
        class="mono"
        spellcheck={false}
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
      />
      <p class="attribution-start">
        <Button
          disabled={lines(draft.value).join('\n') === kept.join('\n')}
          onClick={() => setState({ paraphrases: lines(draft.peek()).slice(0, 16) })}
        >
          {words.apply}
        </Button>
        {suggestion === null || kept.includes(suggestion) ? null : (
          <Button icon="plus" onClick={() => add(suggestion)}>
            {words.swapNames}
          </Button>
        )}
      </p>
      <p class="note">{words.wordingsAbout}</p>
    </section>
  );
}
