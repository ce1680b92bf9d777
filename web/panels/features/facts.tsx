import type { ComponentChildren } from 'preact';
import { histogram } from '../../../src/figures/histogram.ts';
import { palettes } from '../../../src/figures/palette.ts';
import type { FeatureResponse, RelatedView, WeightedToken } from '../../../src/lab/api.ts';
import { tint } from '../../components/shade.ts';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, locale, t } from '../../i18n.ts';
import { setState } from '../../state/url.ts';
import { markedLabel } from '../labels.ts';
import { featureId, featureKey } from './data.ts';

function Figure(props: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <figure class="feature-figure">
      <figcaption class="note">{props.title}</figcaption>
      <div class="scroll-x">{props.children}</div>
    </figure>
  );
}

/** How strongly and how often it fires, the latter among all features of its dictionary. */
export function Densities({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { harvest } = data;
  const common = {
    palette: palettes.page,
    heading: 'hidden' as const,
    lang: locale.value,
    width: 204,
  };
  const logits = (
    <Figure title={words.logitsTitle}>
      {histogram(data.logits, {
        ...common,
        title: words.logitsTitle,
        valueTitle: words.logitsAxis,
        signed: true,
        log: true,
      })}
    </Figure>
  );
  if (harvest === null) return <div class="feature-figures">{logits}</div>;
  return (
    <div class="feature-figures">
      {harvest.histogram === null ? null : (
        <Figure title={words.histogram}>
          {histogram(harvest.histogram, {
            ...common,
            title: words.histogram,
            valueTitle: words.histogramAxis,
          })}
        </Figure>
      )}
      <Figure title={words.densityTitle(formatProbability(harvest.density))}>
        {histogram(harvest.densities, {
          ...common,
          title: words.densityTitle(formatProbability(harvest.density)),
          valueTitle: words.densityAxis(formatCount(harvest.silent)),
          ...(harvest.density > 0 && { mark: Math.log10(harvest.density) }),
        })}
      </Figure>
      {logits}
    </div>
  );
}

/** The logits it raises and lowers most. */
export function Logits({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  if (data.top.length === 0) return null;
  return (
    <section>
      <h3>
        {words.top} / {words.bottom} <span class="note">{words.logitsAbout}</span>
      </h3>
      <div class="feature-logits">
        <LogitTable title={words.top} list={data.top} />
        <LogitTable title={words.bottom} list={data.bottom} />
      </div>
    </section>
  );
}

function LogitTable(props: { readonly title: string; readonly list: readonly WeightedToken[] }) {
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

interface Listed extends RelatedView {
  readonly dictionary: string;
  readonly layer: number | null;
}

/** Features that write alike, fire together, or are its likes in other dictionaries. */
export function Relations({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { dictionary, layer } = data;
  const own = (list: readonly RelatedView[]): Listed[] =>
    list.map((one) => ({ ...one, dictionary, layer }));
  return (
    <div class="feature-relations">
      <Related title={words.neighbours} about={words.neighboursAbout} list={own(data.neighbours)} />
      {data.correlated === null ? null : (
        <Related
          title={words.correlated}
          about={words.correlatedAbout}
          list={own(data.correlated)}
        />
      )}
      {data.twins === null || data.twins.length === 0 ? null : (
        <Related title={words.twins} about={words.twinsAbout} list={data.twins} />
      )}
    </div>
  );
}

/** Features with how alike they are; a click shows one. */
function Related(props: {
  readonly title: string;
  readonly about: string;
  readonly list: readonly Listed[];
}) {
  const words = t().features;
  return (
    <section>
      <h3 title={props.about}>{props.title}</h3>
      <p class="note">{props.about}</p>
      <ol class="related">
        {props.list.map((one) => (
          <li key={featureKey(one)}>
            <span
              class="number"
              style={tint(one.value < 0 ? 'negative' : 'positive', 0.6 * Math.abs(one.value))}
            >
              {formatNumber(one.value, { digits: 2, signed: true })}
            </span>{' '}
            <button
              type="button"
              title={one.label === null ? undefined : markedLabel(one.label)}
              onClick={() => setState({ feature: featureKey(one) })}
            >
              {featureId(one)}{' '}
              <span class="note">
                {one.label === null ? words.noLabel : markedLabel(one.label)}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
