import type { ShareView, SpreadView } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { comparison, marked, point } from './data.ts';

/** Every number of the comparison, with n and interval. A row marks its dictionary everywhere. */
export function NumbersTable() {
  const words = t().dictionaries;
  const list = comparison.data.value?.dictionaries ?? [];
  const texts = [...new Set(list.flatMap(({ measuredOn }) => measuredOn ?? []))];
  return (
    <section class="comparison-table">
      <h3>{words.table}</h3>
      <div class="scroll-x">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{words.dictionary}</th>
              <th scope="col">{words.kind}</th>
              <Head title={words.features} />
              <Head title={words.seeds} />
              <Head title="L0" hint={words.l0} />
              <Head title={words.variance} />
              <Head title={words.ce} />
              <Head title={words.kl} />
              <Head title={words.dead} />
              <Head title={words.never} hint={words.densityTitle} />
              <Head title={words.labelled} />
              <Head title={words.median} />
              <Head title={words.medianRandom} />
              <Head title={words.tokens} />
              <td />
            </tr>
          </thead>
          <tbody>
            {list.map((one) => {
              const { name, kind, activation, features, figures, density, labels, tokens } = one;
              const on = marked.value === name;
              return (
                <tr key={name} data-dictionary={name} class={on ? 'chosen' : ''}>
                  <th scope="row">
                    <button
                      type="button"
                      class="feature-name"
                      aria-pressed={state.compared.value === name}
                      onFocus={() => point(name)}
                      onBlur={() => point('')}
                      onClick={() =>
                        setState({ compared: state.compared.value === name ? '' : name })
                      }
                    >
                      {name}
                    </button>
                  </th>
                  <td>
                    {words.kinds[kind]} <span class="note">{activation}</span>
                  </td>
                  <td class="number">{formatCount(features)}</td>
                  <td class="number">{figures === null ? '–' : formatCount(figures.l0.n)}</td>
                  <Figure figure={figures?.l0} digits={1} />
                  <Figure figure={figures?.explainedVariance} digits={3} />
                  <Figure figure={figures?.ceRecovered} digits={4} />
                  <Figure figure={figures?.klRecovered} digits={4} />
                  <Figure figure={figures?.dead} digits={3} />
                  <td class="number">
                    {density === null ? '–' : formatProbability(density.silent / features)}
                    {density === null ? null : (
                      <span class="note"> n = {formatCount(density.tokens)}</span>
                    )}
                  </td>
                  <td class="number">
                    {labels === null ? (
                      '–'
                    ) : (
                      <>
                        <Share share={labels.own.concept} /> / <Share share={labels.own.tokens} />
                      </>
                    )}
                  </td>
                  <td class="number">
                    {formatNumber(labels?.own.quartiles[1])}
                    {labels === null ? null : (
                      <span class="note"> n = {formatCount(labels.own.fired)}</span>
                    )}
                  </td>
                  <td class="number">{formatNumber(labels?.random?.quartiles[1])}</td>
                  <td class="number">{tokens === null ? '–' : formatCount(tokens)}</td>
                  <td>
                    <Button
                      kind="quiet"
                      onClick={() => {
                        setState({
                          featureScope: 'all',
                          dictionary: name,
                          label: '',
                          panel: state.panel.value === '' ? '' : 'features',
                        });
                        document
                          .querySelector('[data-panel=features]')
                          ?.scrollIntoView({ block: 'start' });
                      }}
                    >
                      {words.showFeatures}
                    </Button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="note">
        {words.tableNote}{' '}
        {texts.map((text) => (
          <span key={text} lang="en">
            {words.measuredOn(text)}
          </span>
        ))}
      </p>
    </section>
  );
}

function Head({ title, hint }: { readonly title: string; readonly hint?: string }) {
  return (
    <th scope="col" class="number" title={hint}>
      {title}
    </th>
  );
}

/** A figure with its range over seeds. */
function Figure({ figure, digits }: { readonly figure?: SpreadView; readonly digits: number }) {
  if (figure === undefined) return <td class="number">–</td>;
  const { value, min, max, n } = figure;
  return (
    <td class="number">
      {formatNumber(value, { digits })}
      {n > 1 ? (
        <span class="note range">
          {' '}
          [{formatNumber(min, { digits })}, {formatNumber(max, { digits })}]
        </span>
      ) : null}
    </td>
  );
}

function Share({ share }: { readonly share: ShareView }) {
  const { rate, low, high } = share;
  return (
    <span title={`[${formatProbability(low)}, ${formatProbability(high)}], n = ${share.n}`}>
      {formatProbability(rate)}
      <span class="note range">
        {' '}
        [{formatProbability(low)}, {formatProbability(high)}]
      </span>
    </span>
  );
}
