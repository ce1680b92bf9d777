import { useSignal } from '@preact/signals';
import { type Palette, palettes } from '../../../src/figures/palette.ts';
import { scatter } from '../../../src/figures/scatter.ts';
import type { GraphInterventionResponse, GraphValidityResponse } from '../../../src/lab/api.ts';
import { CodeView } from '../../components/code.tsx';
import { Button, NumberField, Segments, Select } from '../../components/controls.tsx';
import { RunSection } from '../../components/run-section.tsx';
import { Failure, ProgressLine } from '../../components/states.tsx';
import { tokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, locale, t } from '../../i18n.ts';
import { GRAPH_MODES } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import { causalPick, changed, chosen, groups, nodeLabel, validity } from './data.ts';
import type { GraphView } from './view.ts';

/** What can be changed: the chosen feature, and every supernode. */
function candidates(view: GraphView) {
  const index = chosen.value;
  const node = index === undefined ? undefined : view.nodes[index];
  const single =
    node?.kind === 'feature' ? [{ id: '', name: nodeLabel(node), nodes: [node.key] }] : [];
  const supers = groups.value.groups.flatMap(({ id, supernode, label, members }) => {
    const keys = members
      .map((i) => view.nodes[i])
      .filter(({ kind }) => kind === 'feature')
      .map(({ key }) => key);
    return supernode === null || keys.length === 0 ? [] : [{ id, name: label ?? '', nodes: keys }];
  });
  return [...single, ...supers];
}

/** The prediction of the graph beside the measurement, and how well the two agree in general. */
export function Causal({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const all = candidates(view);
  const factor = useSignal(0);
  const one = all.find(({ id }) => id === causalPick.value) ?? all.at(0);
  const change = state.change.value;
  const apply = (value: number) => {
    if (one !== undefined) setState({ change: { nodes: one.nodes, factor: value } });
  };
  return (
    <section class="graph-causal">
      <h3>
        {words.causal} <span class="note">{words.causalAbout}</span>
        {changed.data.value === undefined ? null : (
          <CodeView provenance={changed.data.value.provenance} />
        )}
      </h3>
      <Segments
        label={words.mode}
        value={state.graphMode.value}
        options={GRAPH_MODES.map((value) => ({
          value,
          label: words.modes[value],
          hint: words.modeHints[value],
        }))}
        onChange={(graphMode) => setState({ graphMode })}
      />
      {one === undefined ? (
        <p class="note">{words.causalEmpty}</p>
      ) : (
        <div class="causal-controls">
          <Select
            label={words.kinds.feature}
            value={one.id}
            options={all.map(({ id, name, nodes }) => ({
              value: id,
              label: nodes.length > 1 ? `${name} (${formatCount(nodes.length)})` : name,
            }))}
            onChange={(value) => {
              causalPick.value = value;
            }}
          />
          <Button onClick={() => apply(0)}>{words.ablate}</Button>
          <Button onClick={() => apply(2)}>{words.double}</Button>
          <NumberField
            label={words.factor}
            value={factor.value}
            range={[-100, 100]}
            onChange={(value) => {
              factor.value = value;
            }}
          />
          <Button onClick={() => apply(factor.value)}>{words.apply}</Button>
        </div>
      )}
      {change === null ? null : (
        <div aria-busy={changed.busy.value}>
          <div class="progress-box">
            <ProgressLine
              busy={changed.busy.value}
              advance={changed.advance.value}
              onCancel={changed.cancel}
            />
          </div>
          <p class="note">{changeWords(view, change)}</p>
          {changed.problem.value === undefined ? null : (
            <Failure problem={changed.problem.value} onRetry={changed.retry} />
          )}
          {changed.data.value === undefined ? null : <Outcome data={changed.data.value} />}
        </div>
      )}
      <Validity />
    </section>
  );
}

function changeWords(
  view: GraphView,
  { nodes, factor }: { readonly nodes: readonly string[]; readonly factor: number },
): string {
  const names = nodes.map((key) => {
    const node = view.nodes[view.indexOf.get(key) ?? -1];
    return node === undefined ? key : nodeLabel(node);
  });
  const shown = names.length > 3 ? [...names.slice(0, 3), '…'] : names;
  return t().graph.changeOf(
    shown.join(', '),
    formatNumber(factor, { digits: Number.isInteger(factor) ? 0 : 2 }),
  );
}

/** Two bars per explained logit. */
function Outcome({ data }: { readonly data: GraphInterventionResponse }) {
  const words = t().graph;
  const reach = data.targets.reduce(
    (most, { predicted, measured }) => Math.max(most, Math.abs(predicted), Math.abs(measured)),
    1e-9,
  );
  const bar = (value: number) => (
    <span class="signed-bar" aria-hidden="true">
      <span
        class={value < 0 ? 'negative' : 'positive'}
        style={{
          width: `${(Math.abs(value) / reach) * 50}%`,
          marginLeft: value < 0 ? `${50 - (Math.abs(value) / reach) * 50}%` : '50%',
        }}
      />
    </span>
  );
  return (
    <table class="data outcome">
      <caption>{words.logits}</caption>
      <thead>
        <tr>
          <th scope="col">{t().graph.logitRow}</th>
          <th scope="col" colSpan={2}>
            {words.predicted}
          </th>
          <th scope="col" colSpan={2}>
            {words.measured}
          </th>
        </tr>
      </thead>
      <tbody>
        {data.targets.map(({ key, label, predicted, measured }) => (
          <tr key={key}>
            <td class="token-text">{tokenText(label)}</td>
            <td>{bar(predicted)}</td>
            <td class="number">{formatNumber(predicted, { signed: true, digits: 3 })}</td>
            <td>{bar(measured)}</td>
            <td class="number">{formatNumber(measured, { signed: true, digits: 3 })}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Predicted and measured effects of the graph's most influential features. */
export function validityFigure(
  data: GraphValidityResponse,
  drawing: { readonly palette: Palette; readonly heading: 'shown' | 'hidden' },
) {
  const words = t().graph;
  const two = (value: number | null) => formatNumber(value, { digits: 2 });
  const n = formatCount(data.n);
  return scatter(
    data.points.map(({ key, label, predicted, measured }) => ({
      name: label ?? key,
      x: predicted,
      y: measured,
    })),
    {
      ...drawing,
      title: words.validity,
      lang: locale.value,
      xTitle: words.predictedAxis,
      yTitle: words.measuredAxis,
      note:
        data.correlation === null
          ? words.validityNoR(n)
          : words.validityNote(two(data.correlation), two(data.low), two(data.high), n),
    },
  );
}

function Validity() {
  const words = t().graph;
  const data = validity.data.value;
  return (
    <RunSection
      class="validity"
      title={words.validity}
      about={words.validityAbout}
      resource={validity}
      start={
        state.validity.value === 'no' ? (
          <Button icon="play" onClick={() => setState({ validity: 'yes' })}>
            {words.validityRun}
          </Button>
        ) : undefined
      }
    >
      {data === undefined ? null : (
        <div class="scroll-x">
          {validityFigure(data, { palette: palettes.page, heading: 'hidden' })}
        </div>
      )}
    </RunSection>
  );
}
