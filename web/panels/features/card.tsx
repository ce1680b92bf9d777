import type { FeatureResponse, LabelView } from '../../../src/lab/api.ts';
import { CodeView } from '../../components/code.tsx';
import { Button, Field } from '../../components/controls.tsx';
import { Failure } from '../../components/states.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { labelText } from '../labels.ts';
import { active, detail, featureId, featureName, ownDetail, shownDetail } from './data.ts';
import './features.css';
import { Examples, OnText, TokenDetails } from './examples.tsx';
import { Densities, Logits, Relations } from './facts.tsx';
import { Imported } from './imported.tsx';
import { Interventions } from './interventions.tsx';
import { scoreLine } from './score.tsx';

/** What the chosen feature is. */
export function FeatureCard() {
  const words = t().features;
  const data = shownDetail.value;
  if (data === undefined) {
    const { problem } = detail;
    return problem.value === undefined ? (
      <p class="note feature-card">{words.choose}</p>
    ) : (
      <div class="feature-card" />
    );
  }
  return (
    <div class="feature-card" aria-busy={detail.busy.value}>
      <Head data={data} />
      <Label data={data} />
      <Imported data={data} />
      {data.on === null ? null : (
        <section>
          <h3>
            {words.here} <span class="note">{words.ownAbout}</span>
          </h3>
          <OnText on={data.on} kind="prompt" />
        </section>
      )}
      <OwnText />
      <Examples data={data} />
      <Densities data={data} />
      <Logits data={data} />
      <Relations data={data} />
      <TokenDetails data={data} />
    </div>
  );
}

/** The chosen feature in short, where another panel has chosen it: label, texts, logits and densities. */
export function FeatureBrief() {
  const words = t().features;
  const data = detail.data.value;
  const { problem } = detail;
  if (problem.value !== undefined)
    return <Failure problem={problem.value} onRetry={detail.retry} />;
  if (data === undefined) return null;
  return (
    <section
      class="features feature-brief"
      aria-label={words.feature}
      aria-busy={detail.busy.value}
    >
      <div class="feature-card">
        <Head data={data} />
        <Label data={data} />
        <Examples data={data} />
      </div>
      <div class="feature-card">
        <Densities data={data} />
        <Logits data={data} />
      </div>
      {/* The features panel, where it is on the page too, has the box of its own. */}
      {state.panel.value === '' ? null : <TokenDetails data={data} />}
    </section>
  );
}

function Head({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { index, dictionary, label, provenance, writes } = data;
  const own = active.data.value?.features.find(
    (one) => one.dictionary === dictionary && one.index === index,
  );
  return (
    <header class="feature-head">
      <h3>{featureName({ ...data, imported: null })}</h3>
      <span class="note" title={`${words.writes} ${writes.join(', ')}`}>
        {label === null ? '' : `${featureId(data)} · `}
        {dictionary} · {words.of(formatCount(data.of))}
      </span>
      <span class="feature-actions">
        {own?.key == null || own.key === state.node.value ? null : (
          <Button
            kind="quiet"
            onClick={() => {
              setState({ node: own.key ?? '' });
              document.querySelector('[data-panel=graph]')?.scrollIntoView({ block: 'start' });
            }}
          >
            {words.inGraph}
          </Button>
        )}
        <Interventions data={data} />
        {provenance.code === null && provenance.command === null ? null : (
          <CodeView provenance={provenance} />
        )}
      </span>
    </header>
  );
}

/** The label with how it was scored, and what else might be said of the feature. */
function Label({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  const { label, others } = data;
  return (
    <section class="feature-label">
      {label === null ? (
        <p class="note">{words.noLabel}</p>
      ) : (
        <p>
          {label.source === 'weak' ? <LabelWords label={label} /> : null}
          <ScoreBar label={label} />
          <span class="note">{scoreLine(label)}</span>
        </p>
      )}
      {others.length === 0 ? null : (
        <details>
          <summary>{words.others(String(others.length))}</summary>
          <ul>
            {others.map((one) => (
              <li key={`${one.source} ${one.text}`}>
                <LabelWords label={one} /> <ScoreBar label={one} />
                <span class="note">{scoreLine(one)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function LabelWords({ label }: { readonly label: LabelView }) {
  return label.concept === null ? (
    <span class="mono" translate={false}>
      {label.text}{' '}
    </span>
  ) : (
    <span>{labelText(label)} </span>
  );
}

/** A score from 0 to 1 as a dot with its interval as a whisker. */
function ScoreBar({ label }: { readonly label: LabelView }) {
  const { score, low, high } = label;
  const x = (value: number) => 3 + 54 * Math.min(1, Math.max(0, value));
  return (
    <svg class="score-bar" width="60" height="10" aria-hidden="true">
      <line x1={x(0)} x2={x(1)} y1="5" y2="5" stroke="var(--gb-hairline)" />
      <line x1={x(low)} x2={x(high)} y1="5" y2="5" stroke="var(--gb-uncertain)" stroke-width="2" />
      <circle cx={x(score)} cy="5" r="3" fill="var(--gb-line)" />
    </svg>
  );
}

function OwnText() {
  const words = t().features;
  const data = ownDetail.data.value;
  const most = data?.on?.activations.reduce((a, b) => Math.max(a, b), 0);
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
      {data?.on == null ? null : <OnText on={data.on} kind="own" />}
      {most === undefined || data?.harvest == null || data.harvest.max === 0 ? null : (
        <p class="note">
          {words.ofMax(
            formatNumber(most, { digits: 3 }),
            formatProbability(most / data.harvest.max),
          )}
        </p>
      )}
    </section>
  );
}
