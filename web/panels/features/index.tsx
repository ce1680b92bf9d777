import { Segments } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { FEATURE_SORTS } from '../../state/fields.ts';
import { locked } from '../../state/focus.ts';
import { setState, state } from '../../state/url.ts';
import { dictionaries, traceable, useSight } from '../dictionaries.ts';
import { FeatureCard } from './card.tsx';
import { active, chosenFeature, detail, featureId, featureName, rows, tokens } from './data.ts';
import { featureExports } from './exports.ts';
import './features.css';

/** Region 4: the features that fire in the prompt, and what each is. */
export function FeaturesPanel() {
  const words = t().features;
  const sight = useSight();
  // The graph's panel says how to get dictionaries.
  if (traceable.value !== true) return null;
  const data = active.data.value;
  const at = locked.value.position;
  return (
    <div ref={sight}>
      <Panel
        id="features"
        title={words.title}
        about={words.about}
        resources={[active, detail]}
        exports={featureExports()}
        empty={state.prompt.value === '' ? words.empty : undefined}
        controls={
          <>
            <Segments
              label={words.sort}
              value={state.featureSort.value}
              options={FEATURE_SORTS.filter(
                (value) =>
                  value !== 'density' || data?.features.some((row) => row.density !== null),
              ).map((value) => ({ value, label: words.sorts[value] }))}
              onChange={(featureSort) => setState({ featureSort })}
            />
            <span class="note">
              {at === undefined ? words.everywhere : words.at(tokens.value[at] ?? String(at))}
            </span>
          </>
        }
      >
        {data === undefined ? null : (
          <div class="features">
            <FeatureTable />
            <FeatureCard />
          </div>
        )}
      </Panel>
    </div>
  );
}

/** One row per active feature. One row takes the keyboard; the arrows move among them. */
function FeatureTable() {
  const words = t().features;
  const data = active.data.value!;
  const list = rows.value;
  const chosen = chosenFeature.value;
  const reach = list.reduce((most, { effect }) => Math.max(most, Math.abs(effect)), 1e-12);
  const most = list.reduce((a, { activation }) => Math.max(a, activation), 1e-12);
  const densities = list.some(({ density }) => density !== null);
  const isChosen = (row: { readonly layer: number; readonly index: number }) =>
    row.layer === chosen?.layer && row.index === chosen.index;
  const stop = Math.max(0, list.findIndex(isChosen));
  const move = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }) => {
    const buttons = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('button')];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[
      event.key
    ];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, next))]?.focus();
  };
  return (
    <div class="feature-list">
      <p class="note">{words.showing(formatCount(list.length), formatCount(data.total))}</p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys move among the buttons inside. */}
      <div class="feature-scroll" onKeyDown={move}>
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{words.feature}</th>
              <th scope="col">{words.token}</th>
              <th scope="col" class="number">
                {words.activation}
              </th>
              <th scope="col" class="number" title={words.effectHint(data.target.label)}>
                {words.effect}
              </th>
              <th scope="col" class="number" title={words.influenceHint}>
                {words.influence}
              </th>
              {densities ? (
                <th scope="col" class="number" title={words.densityHint}>
                  {words.density}
                </th>
              ) : null}
            </tr>
          </thead>
          <tbody>
            {list.map((row, i) => (
              <tr key={row.key} class={isChosen(row) ? 'chosen' : ''} data-position={row.position}>
                <td>
                  <button
                    type="button"
                    class="feature-name"
                    tabIndex={i === stop ? 0 : -1}
                    aria-pressed={isChosen(row)}
                    onClick={() =>
                      setState({ feature: `${row.layer}.${row.index}`, node: row.key })
                    }
                  >
                    {featureName(row)}
                    {row.label === null ? null : (
                      <span class="note"> {row.weak ? row.label : featureId(row)}</span>
                    )}
                  </button>
                </td>
                <td class="token-text">{tokens.value[row.position]}</td>
                <td class="number" style={share(row.activation / most, 'magnitude')}>
                  {formatNumber(row.activation)}
                </td>
                <td
                  class="number"
                  style={share(
                    Math.abs(row.effect) / reach,
                    row.effect < 0 ? 'negative' : 'positive',
                  )}
                >
                  {formatNumber(row.effect, { signed: true, digits: 3 })}
                </td>
                <td class="number">{formatNumber(row.influence, { digits: 4 })}</td>
                {densities ? (
                  <td class="number">
                    {row.density === null ? '–' : formatProbability(row.density)}
                  </td>
                ) : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Dictionaries />
    </div>
  );
}

/** How good the dictionaries are: what a feature is worth depends on it. */
function Dictionaries() {
  const words = t().features;
  const list = dictionaries.data.value?.dictionaries ?? [];
  const number = (value: number | undefined, digits: number) => (
    <td class="number">{formatNumber(value, { digits })}</td>
  );
  return (
    <details class="dictionaries">
      <summary>{words.dictionaries}</summary>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{words.dictionary}</th>
            <th scope="col" class="number">
              {words.size}
            </th>
            <th scope="col" class="number" title={words.l0Hint}>
              L0
            </th>
            <th scope="col" class="number">
              {words.variance}
            </th>
            <th scope="col" class="number" title={words.ceHint}>
              {words.ce}
            </th>
            <th scope="col" class="number">
              {words.dead}
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map(({ name, reads, activation, features, figures }) => (
            <tr key={name}>
              <td title={`${words.reads} ${reads.join(', ')}`}>
                {name} <span class="note">{activation}</span>
              </td>
              <td class="number">{formatCount(features)}</td>
              {number(figures?.l0, 1)}
              {number(figures?.explainedVariance, 3)}
              {number(figures?.ceRecovered, 3)}
              {number(figures?.dead, 3)}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">{words.heldOut}</p>
    </details>
  );
}

/** A bar behind a number. */
function share(part: number, colour: 'magnitude' | 'positive' | 'negative') {
  const percent = `${Math.round(Math.min(1, part) * 1000) / 10}%`;
  const hue = `color-mix(in srgb, var(--gb-${colour}) 55%, var(--gb-paper))`;
  return { background: `linear-gradient(to left, ${hue} ${percent}, transparent ${percent})` };
}
