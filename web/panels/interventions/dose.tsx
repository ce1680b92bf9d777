import { palettes } from '../../../src/figures/palette.ts';
import type { DoseResponse } from '../../../src/lab/api.ts';
import { CodeView } from '../../components/code.tsx';
import { Button, NumberField, Select } from '../../components/controls.tsx';
import { formatCount, formatNumber, t } from '../../i18n.ts';
import type { SweepSettings } from '../../state/edits.ts';
import { setState, state } from '../../state/url.ts';
import { followed } from '../followed.ts';
import { dose, sweep } from './data.ts';
import { SWEEP_RANGE, strengthKind } from './edits.ts';
import { doseFigure } from './figures.ts';
import { summarise } from './words.ts';

/** A sweep over all of an edit's range, with a baseline. */
function startingAt(edit: number): SweepSettings {
  const kind = strengthKind(state.edits.peek()[edit].op) ?? 'length';
  const { from, to } = SWEEP_RANGE[kind];
  return { edit, from, to, steps: 9, baselines: 8 };
}

/** The answer as one edit grows, beside random pushes of the same size. */
export function DoseSection() {
  const words = t().interventions;
  const edits = state.edits.value;
  const choices = edits.flatMap((edit, index) =>
    edit.off === true || strengthKind(edit.op) === null ? [] : [{ edit, index }],
  );
  const settings = state.sweep.value;
  const data = dose.data.value;
  const change = (part: Partial<SweepSettings>) =>
    settings === null ? undefined : setState({ sweep: { ...settings, ...part } });
  if (edits.length === 0) return null;
  return (
    <section class="dose" aria-busy={dose.busy.value}>
      <h3>
        {words.dose} <span class="note">{words.doseAbout}</span>
        {data === undefined ? null : <CodeView provenance={data.provenance} />}
      </h3>
      {choices.length === 0 ? (
        <p class="note">{words.doseNoEdit}</p>
      ) : followed.value === undefined ? (
        <p class="note">{words.doseNoTarget}</p>
      ) : settings === null ? (
        <Button icon="play" onClick={() => setState({ sweep: startingAt(choices[0].index) })}>
          {words.doseRun}
        </Button>
      ) : (
        <div class="dose-controls">
          <Select
            label={words.doseEdit}
            value={String(settings.edit)}
            options={choices.map(({ edit, index }) => ({
              value: String(index),
              label: `${index + 1} · ${summarise(edit)}`,
            }))}
            onChange={(value) => setState({ sweep: startingAt(Number(value)) })}
          />
          <NumberField
            label={words.doseFrom}
            value={settings.from}
            onChange={(from) => change({ from })}
          />
          <NumberField label={words.doseTo} value={settings.to} onChange={(to) => change({ to })} />
          <NumberField
            label={words.doseSteps}
            value={settings.steps}
            whole
            range={[2, 101]}
            onChange={(steps) => change({ steps })}
          />
          <NumberField
            label={words.doseBaselines}
            value={settings.baselines}
            whole
            range={[0, 64]}
            onChange={(baselines) => change({ baselines })}
          />
          <Button kind="quiet" onClick={() => setState({ sweep: null })}>
            {words.doseClose}
          </Button>
        </div>
      )}
      {sweep.value === undefined || data === undefined ? null : <DoseResult data={data} />}
    </section>
  );
}

function DoseResult({ data }: { readonly data: DoseResponse }) {
  const words = t().interventions;
  const n = data.points.find(({ baseline }) => baseline !== null)?.baseline?.n;
  const unit = data.unit === 'logits' ? words.metricLogits : words.metricNats;
  return (
    <>
      <div class="scroll-x">
        {doseFigure(data, { palette: palettes.page, heading: 'hidden', width: 560 })}
      </div>
      <p class="note">{words.unedited(`${formatNumber(data.clean, { signed: true })} ${unit}`)}</p>
      <p class="note">
        {n === undefined ? words.noBaseline(noBaselineWords(data)) : words.doseBand(formatCount(n))}
      </p>
      {sweep.value?.kind === 'length' ? <p class="note">{words.strengthAbout}</p> : null}
    </>
  );
}

/** Why there is no baseline, in the page's language. */
function noBaselineWords(data: DoseResponse): string {
  const words = t().interventions;
  return (sweep.value?.settings.baselines ?? 0) < 2
    ? words.noBaselineAsked
    : data.noBaseline === null
      ? ''
      : words.noBaselineVectors;
}
