import { type Palette, palettes } from '../../../src/figures/palette.ts';
import { scatter } from '../../../src/figures/scatter.ts';
import type { CircuitEvalResponse } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { RunSection } from '../../components/run-section.tsx';
import { formatCount, formatNumber, locale, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { checks, curve, size } from './data.ts';
import { NodeButton } from './table.tsx';

type Checks = NonNullable<CircuitEvalResponse['checks']>;

const LISTED = 10;
const two = (value: number | null) => formatNumber(value, { digits: 2 });

/** What the circuit and the model give without the same nodes: on the line where the circuit is complete. */
export function completenessFigure(
  { completeness }: Checks,
  drawing: { readonly palette: Palette; readonly heading: 'shown' | 'hidden' },
) {
  const words = t().circuits;
  return scatter(
    completeness.sets.map(({ removed, circuit, model }) => ({
      name: `− ${removed.join(', ')}`,
      x: model,
      y: circuit,
    })),
    {
      ...drawing,
      title: words.checks,
      lang: locale.value,
      xTitle: words.completenessX,
      yTitle: words.completenessY,
      note: words.completenessNote,
    },
  );
}

/** Completeness and minimality, by button: they take some runs for every node. */
export function ChecksSection() {
  const words = t().circuits;
  const on = state.circuitChecks.value === 'yes';
  const found = checks.data.value?.checks ?? undefined;
  const possible = size.data.value !== undefined || curve.data.value !== undefined;
  return (
    <RunSection
      class="circuit-checks"
      title={words.checks}
      about={words.checksAbout}
      resource={checks}
      start={
        on ? undefined : (
          <Button
            icon="play"
            disabled={!possible}
            onClick={() => setState({ circuitChecks: 'yes' })}
          >
            {words.checksRun}
          </Button>
        )
      }
      close={{ label: words.checksClose, onClick: () => setState({ circuitChecks: 'no' }) }}
    >
      {found === undefined ? null : <Outcome found={found} />}
    </RunSection>
  );
}

function Outcome({ found }: { readonly found: Checks }) {
  const words = t().circuits;
  const { completeness, minimality } = found;
  const { mean, worst } = completeness;
  const reach = minimality.reduce((most, { score }) => Math.max(most, score), 1e-9);
  return (
    <>
      <p class="note">
        {words.incompleteness(
          two(mean.value),
          two(mean.low),
          two(mean.high),
          two(worst),
          formatCount(mean.n),
        )}
      </p>
      <div class="circuit-checks-body">
        <div class="scroll-x">
          {completenessFigure(found, { palette: palettes.page, heading: 'hidden' })}
        </div>
        <div>
          <h4>
            {words.minimality} <span class="note">{words.minimalityAbout}</span>
          </h4>
          <ol class="circuit-worth">
            {minimality.slice(0, LISTED).map(({ node, score, effect, without }) => (
              <li key={node}>
                <NodeButton name={node} />
                <span class="circuit-worth-bar" aria-hidden="true">
                  <span style={{ width: `${(score / reach) * 100}%` }} />
                </span>
                <span class="number">{formatNumber(score, { digits: 3 })}</span>
                <span class="note" title={without.length === 0 ? '' : `− ${without.join(', ')}`}>
                  {words.minimalityAlone(
                    formatNumber(effect.value, { digits: 3, signed: true }) +
                      (effect.low === null ? '' : ` [${two(effect.low)}, ${two(effect.high)}]`),
                  )}
                </span>
              </li>
            ))}
          </ol>
        </div>
      </div>
    </>
  );
}
