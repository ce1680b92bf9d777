import { palettes } from '../../../src/figures/palette.ts';
import type { InterventionsResponse, TargetView } from '../../../src/lab/api.ts';
import { formatNumber, formatProbability, t } from '../../i18n.ts';
import { lock } from '../../state/focus.ts';
import { Continuations } from './continuation.tsx';
import { answersFigure, klFigure, metricWords } from './figures.ts';

/** Before and after: the numbers that matter, the answers, and where in the prompt it shows. */
export function Results({ data }: { readonly data: InterventionsResponse }) {
  const words = t().interventions;
  const drawing = { palette: palettes.page, heading: 'hidden' } as const;
  const { answer } = data.after;
  return (
    <>
      <dl class="figures-of-merit">
        {answer === null || data.before.answer === null ? null : (
          <Metrics before={data.before.answer} after={answer} names={metricWords(data)} />
        )}
        <div>
          <dt>{words.klLast}</dt>
          <dd class="number big">{formatNumber(data.kl.at(-1), { digits: 3 })}</dd>
        </div>
      </dl>
      <div class="beside">
        <section>
          <h3>{words.answers}</h3>
          <div class="scroll-x">{answersFigure(data, drawing)}</div>
        </section>
        <div>
          <Continuations />
          <section>
            <h3>{words.kl}</h3>
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the token strip is the way by keyboard. */}
            {/* biome-ignore lint/a11y/noStaticElementInteractions: as above. */}
            <div
              class="scroll-x kl"
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the keyboard.
              tabIndex={0}
              onClick={(event) => {
                const bar = (event.target as Element).closest<SVGElement>('[data-position]');
                if (bar !== null) lock({ position: Number(bar.dataset.position) });
              }}
            >
              {klFigure(data, drawing)}
            </div>
          </section>
        </div>
      </div>
    </>
  );
}

function Metrics(props: {
  readonly before: TargetView;
  readonly after: TargetView;
  readonly names: string;
}) {
  const { before, after } = props;
  const words = t().interventions;
  return (
    <>
      <Change
        title={after.unit === 'logits' ? words.metricLogits : words.metricNats}
        detail={props.names}
        before={formatNumber(before.metric, { signed: true })}
        after={formatNumber(after.metric, { signed: true })}
        change={formatNumber(after.metric - before.metric, { signed: true })}
      />
      <Change
        title={words.targetProb}
        before={formatProbability(before.targetProb)}
        after={formatProbability(after.targetProb)}
        change={formatNumber(after.targetProb - before.targetProb, { signed: true, digits: 3 })}
      />
    </>
  );
}

function Change(props: {
  readonly title: string;
  readonly detail?: string;
  readonly before: string;
  readonly after: string;
  readonly change: string;
}) {
  return (
    <div>
      <dt>
        {props.title}
        {props.detail === undefined ? null : <span class="mono"> {props.detail}</span>}
      </dt>
      <dd>
        <span class="number big">{props.before}</span>
        <span class="arrow"> → </span>
        <span class="number big">{props.after}</span>{' '}
        <span class="note number">
          {t().interventions.change} {props.change}
        </span>
      </dd>
    </div>
  );
}
