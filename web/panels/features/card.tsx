import { histogram } from '../../../src/figures/histogram.ts';
import { palettes } from '../../../src/figures/palette.ts';
import type { FeatureResponse, Tokens, WeightedToken } from '../../../src/lab/api.ts';
import { CodeView } from '../../components/code.tsx';
import { Button, Field } from '../../components/controls.tsx';
import { tint } from '../../components/shade.ts';
import { TokenText, tokenLang, tokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, locale, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { active, detail, ownDetail } from './data.ts';

/** What the chosen feature is. */
export function FeatureCard() {
  const words = t().features;
  const data = detail.data.value;
  if (data === undefined) return <p class="note feature-card">{words.choose}</p>;
  const { layer, index, label } = data;
  const own = active.data.value?.features.find((one) => one.layer === layer && one.index === index);
  return (
    <div class="feature-card" aria-busy={detail.busy.value}>
      <h3>
        {label === null || label.source === 'weak' ? `L${layer} #${index}` : label.text}{' '}
        <span class="note">
          {label === null
            ? `${words.noLabel} · `
            : label.source === 'weak'
              ? ''
              : `L${layer} #${index} · `}{' '}
          {words.of(formatCount(data.of))}
        </span>
        {data.provenance.code === null ? null : <CodeView provenance={data.provenance} />}
        {own === undefined ? null : (
          <Button
            kind="quiet"
            onClick={() => {
              setState({ node: own.key });
              document.querySelector('[data-panel=graph]')?.scrollIntoView({ block: 'start' });
            }}
          >
            {words.inGraph}
          </Button>
        )}
      </h3>
      {label === null ? null : (
        <p class="note">
          {label.source === 'weak' ? <span class="mono">{label.text} </span> : null}
          {words.sources[label.source]} ·{' '}
          {words.scored(
            formatNumber(label.score, { digits: 2 }),
            formatNumber(label.low, { digits: 2 }),
            formatNumber(label.high, { digits: 2 }),
            formatCount(label.n),
          )}
        </p>
      )}
      {data.on === null ? null : (
        <section>
          <h3>
            {words.here} <span class="note">{words.ownAbout}</span>
          </h3>
          <Shaded on={data.on} linked />
        </section>
      )}
      <OwnText />
      <Harvested data={data} />
      <section>
        <h3>
          {words.top} / {words.bottom} <span class="note">{words.logitsAbout}</span>
        </h3>
        <div class="feature-logits">
          <Logits title={words.top} list={data.top} />
          <Logits title={words.bottom} list={data.bottom} />
          <div class="scroll-x">
            {histogram(data.logits, {
              palette: palettes.page,
              heading: 'hidden',
              title: words.logitsAxis,
              valueTitle: words.logitsAxis,
              lang: locale.value,
              signed: true,
              log: true,
            })}
          </div>
        </div>
      </section>
      <section>
        <h3>
          {words.neighbours} <span class="note">{words.neighboursAbout}</span>
        </h3>
        <Related
          layer={layer}
          list={data.neighbours.map((one) => ({ index: one.index, value: one.cosine }))}
        />
        {data.harvest === null ? null : (
          <>
            <h3>
              {words.correlated} <span class="note">{words.correlatedAbout}</span>
            </h3>
            <Related
              layer={layer}
              list={data.harvest.correlated.map((one) => {
                return { index: one.index, value: one.correlation };
              })}
            />
          </>
        )}
      </section>
    </div>
  );
}

/** A text shaded by activation, with the largest value written. */
function Shaded(props: {
  readonly on: Tokens & { readonly activations: readonly number[] };
  /** Whether its tokens are those of the prompt. */
  readonly linked?: boolean;
}) {
  const { tokens, groups, activations } = props.on;
  const most = activations.reduce((a, b) => Math.max(a, b), 0);
  return (
    <p class="shaded">
      {tokens.map(({ text, group }, position) => (
        <span
          key={`${position} ${text}`}
          class="token-text"
          lang={tokenLang(text)}
          translate={false}
          data-position={props.linked ? position : undefined}
          title={`${tokenText(groups[group]?.text ?? text)} ${formatNumber(activations[position], { digits: 3 })}`}
          style={tint('magnitude', most > 0 ? activations[position] / most : 0)}
        >
          {tokenText(text)}
        </span>
      ))}{' '}
      <span class="note number">{t().features.max(formatNumber(most, { digits: 3 }))}</span>
    </p>
  );
}

function OwnText() {
  const words = t().features;
  const data = ownDetail.data.value;
  return (
    <section aria-busy={ownDetail.busy.value}>
      <Field label={words.own}>
        {(id) => (
          <input
            id={id}
            type="text"
            class="own-text"
            value={state.ownText.value}
            onInput={(event) =>
              setState({ ownText: event.currentTarget.value }, { history: 'replace' })
            }
          />
        )}
      </Field>
      {ownDetail.problem.value === undefined ? null : (
        <p class="note" lang="en">
          {ownDetail.problem.value.message}
        </p>
      )}
      {data?.on == null ? null : <Shaded on={data.on} />}
    </section>
  );
}

/** Histogram and examples over the corpus, or how to get them. */
function Harvested({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { harvest } = data;
  if (harvest === null) {
    return (
      <p class="note">
        {words.noHarvest} <code>glassbox dict harvest</code>
      </p>
    );
  }
  return (
    <section>
      <h3>
        {words.examples}{' '}
        <span class="note">
          {words.harvested(formatCount(harvest.tokens), formatProbability(harvest.density))} ·{' '}
          {words.max(formatNumber(harvest.max, { digits: 3 }))}
        </span>
      </h3>
      {harvest.histogram === null ? null : (
        <div class="scroll-x">
          {histogram(harvest.histogram, {
            palette: palettes.page,
            heading: 'hidden',
            title: words.histogram,
            valueTitle: words.histogramAxis,
            lang: locale.value,
            width: 360,
          })}
        </div>
      )}
      <section
        class="examples-scroll"
        aria-label={words.examples}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
        tabIndex={0}
      >
        {harvest.groups.map(({ name, low, high, share: part, examples }) => (
          <div key={name} class="examples">
            <p class="note">
              {name === 'top'
                ? words.topExamples
                : words.interval(
                    formatNumber(low, { digits: 2 }),
                    formatNumber(high, { digits: 2 }),
                    formatProbability(part),
                  )}
            </p>
            <ul>
              {examples.map(({ tokens, activations }, i) => (
                <li key={i}>
                  {tokens.map((text, at) => (
                    <span
                      key={at}
                      class="token-text"
                      lang={tokenLang(text)}
                      translate={false}
                      title={formatNumber(activations[at], { digits: 3 })}
                      style={tint('magnitude', activations[at] / Math.max(harvest.max, 1e-12))}
                    >
                      {text.replaceAll('\n', '⏎')}
                    </span>
                  ))}
                </li>
              ))}
            </ul>
          </div>
        ))}
      </section>
    </section>
  );
}

/** Features of the same layer with how alike they are; a click shows one. */
function Related(props: {
  readonly layer: number;
  readonly list: readonly { readonly index: number; readonly value: number }[];
}) {
  return (
    <p class="feature-neighbours">
      {props.list.map(({ index, value }) => (
        <button
          key={index}
          type="button"
          onClick={() => setState({ feature: `${props.layer}.${index}` })}
        >
          #{index}{' '}
          <span class="number note">{formatNumber(value, { digits: 2, signed: true })}</span>
        </button>
      ))}
    </p>
  );
}

function Logits(props: { readonly title: string; readonly list: readonly WeightedToken[] }) {
  const reach = props.list.reduce((most, { value }) => Math.max(most, Math.abs(value)), 1e-12);
  return (
    <table class="data">
      <caption>{props.title}</caption>
      <tbody>
        {props.list.map(({ id, text, value }) => (
          <tr key={id}>
            <td>
              <TokenText text={text} />
            </td>
            <td
              class="number"
              style={tint(value < 0 ? 'negative' : 'positive', Math.abs(value) / reach)}
            >
              {formatNumber(value, { signed: true })}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
