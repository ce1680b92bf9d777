import { useEffect, useRef } from 'preact/hooks';
import type { HeadLoadingsResponse } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { Failure, ProgressLine } from '../../components/states.tsx';
import { formatCount, formatNumber, t } from '../../i18n.ts';
import { loadings, nodeLabel, opened, qk, splitLink, splitScore } from './data.ts';
import type { GraphNode, GraphView } from './view.ts';

/** A link split over heads; a head's score split over pairs. */
export function Heads({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const edge = splitLink.value;
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    // It opens below the picture: bring it into sight, and the keyboard with it.
    if (edge === null) return;
    box.current?.focus({ preventScroll: true });
  }, [edge]);
  useEffect(() => {
    if (edge !== null) box.current?.scrollIntoView({ block: 'nearest' });
  }, [edge, loadings.data.value, qk.data.value]);
  if (edge === null || opened.value !== null) return null;
  const [source, target] = [edge.source, edge.target].map(
    (key) => view.nodes[view.indexOf.get(key) ?? -1],
  );
  if (source === undefined || target === undefined) return null;
  return (
    <section
      class={`graph-heads${loadings.busy.value ? ' stale' : ''}`}
      aria-busy={loadings.busy.value}
      tabIndex={-1}
      ref={box}
    >
      <h3>
        {words.headsOf(nodeLabel(source), nodeLabel(target))}{' '}
        <span class="number">
          {loadings.data.value === undefined
            ? ''
            : formatNumber(loadings.data.value.edge, { signed: true, digits: 3 })}
        </span>{' '}
        <Button
          kind="quiet"
          icon="close"
          label={t().common.close}
          onClick={() => {
            splitLink.value = null;
            splitScore.value = null;
          }}
        />
      </h3>
      <div class="progress-box">
        <ProgressLine busy={loadings.busy.value} />
      </div>
      {loadings.problem.value === undefined ? null : (
        <Failure problem={loadings.problem.value} onRetry={loadings.retry} />
      )}
      {loadings.data.value === undefined ? null : (
        <Loadings data={loadings.data.value} source={source} target={target} />
      )}
      <Scores view={view} />
    </section>
  );
}

/** Layer by head, each number a button that asks why the head looks there. */
function Loadings(props: {
  readonly data: HeadLoadingsResponse;
  readonly source: GraphNode;
  readonly target: GraphNode;
}) {
  const { data, source, target } = props;
  const words = t().graph;
  const place = splitScore.value;
  const reach = data.layers.reduce(
    (most, { heads, bypass }) => Math.max(most, Math.abs(bypass), ...heads.map(Math.abs)),
    1e-12,
  );
  const cell = (value: number) => ({
    backgroundColor: `color-mix(in srgb, var(--gb-${value < 0 ? 'negative' : 'positive'}) ${Math.round((Math.abs(value) / reach) * 100)}%, var(--gb-paper))`,
  });
  const heads = data.layers[0]?.heads.length ?? 0;
  return (
    <>
      <p class="note">
        {words.headsAbout} · {words.headsClick}
      </p>
      <div class="scroll-x">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">{t().terms.layer}</th>
              {Array.from({ length: heads }, (_, head) => (
                <th key={head} scope="col" class="number">
                  H{head}
                </th>
              ))}
              <th scope="col" class="number">
                {words.bypass}
              </th>
            </tr>
          </thead>
          <tbody>
            {data.layers.map(({ layer, heads: values, bypass }) => (
              <tr key={layer}>
                <th scope="row">L{layer}</th>
                {values.map((value, head) => (
                  <td
                    key={`${layer}.${head}`}
                    class="number"
                    style={cell(value)}
                    data-head={`${layer}.${head}`}
                  >
                    <button
                      type="button"
                      class="cell-button"
                      aria-pressed={place?.layer === layer && place.head === head}
                      title={words.whyHead(`L${layer}H${head}`)}
                      onClick={() => {
                        splitScore.value = {
                          layer,
                          head,
                          query: target.position,
                          key: source.position,
                        };
                      }}
                    >
                      {formatNumber(value, { signed: true })}
                    </button>
                  </td>
                ))}
                <td class="number" style={cell(bypass)}>
                  {formatNumber(bypass, { signed: true })}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Scores({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const place = splitScore.value;
  const data = qk.data.value;
  if (place === null) return null;
  if (data === undefined || qk.problem.value !== undefined) {
    return (
      <div class="progress-box">
        <ProgressLine busy={qk.busy.value} />
        {qk.problem.value === undefined ? null : (
          <Failure problem={qk.problem.value} onRetry={qk.retry} />
        )}
      </div>
    );
  }
  const name = (part: { readonly kind: string; readonly name: string }) => {
    if (part.kind === 'rest') return words.rest;
    const node = part.kind === 'node' ? view.nodes[view.indexOf.get(part.name) ?? -1] : undefined;
    return node === undefined ? part.name : nodeLabel(node);
  };
  return (
    <div aria-busy={qk.busy.value}>
      <h3>{words.whyHead(`L${place.layer}H${place.head}`)}</h3>
      <p class="note">
        {words.qkAbout(formatNumber(data.score, { signed: true }))} ·{' '}
        {words.more(formatCount(data.pairs.length), formatCount(data.total))}
      </p>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">
              {words.query} {view.tokens[place.query]} ({place.query})
            </th>
            <th scope="col">
              {words.key} {view.tokens[place.key]} ({place.key})
            </th>
            <th scope="col" class="number">
              {t().features.effect}
            </th>
          </tr>
        </thead>
        <tbody>
          {data.pairs.map(({ query, key, value }) => (
            <tr key={`${query.kind}${query.name} ${key.kind}${key.name}`}>
              <td>{name(query)}</td>
              <td>{name(key)}</td>
              <td class="number">{formatNumber(value, { signed: true, digits: 3 })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
