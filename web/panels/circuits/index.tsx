import { Button, Range } from '../../components/controls.tsx';
import { DropFile } from '../../components/open-file.tsx';
import { Panel } from '../../components/panel.tsx';
import { Failure } from '../../components/states.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';
import { ChecksSection } from './checks.tsx';
import './circuits.css';
import { Controls, faultWords, Needs, openFile } from './controls.tsx';
import { Curve, decidedWords } from './curve.tsx';
import {
  count,
  curve,
  draft,
  dragged,
  fileFault,
  fits,
  found,
  obstacleOf,
  opened,
  selection,
  size,
  view,
} from './data.ts';
import { Diagram } from './diagram.tsx';
import { circuitExports } from './exports.ts';
import { Roles } from './roles.tsx';
import { EdgeTable } from './table.tsx';
import { type CircuitView, countAt, positionOf, SLIDER } from './view.ts';
import { estimateText } from './words.ts';

/** The edges between heads and MLPs that do a task, and how well they do it alone. */
export function CircuitsPanel() {
  const words = t().circuits;
  const circuit = view.value;
  const obstacle = obstacleOf(draft.value);
  return (
    <DropFile onFile={(file) => void openFile(file)}>
      <Panel
        id="circuits"
        title={words.title}
        about={words.about}
        resources={opened.value === null ? [found] : []}
        exports={circuitExports()}
        controls={<Controls />}
      >
        {fileFault.value === null ? null : (
          <p class="failure" role="alert">
            {words.badFile(faultWords(fileFault.value))}
          </p>
        )}
        {obstacle === undefined || opened.value !== null ? null : <Needs obstacle={obstacle} />}
        <div class="circuit">
          {circuit === undefined ? null : <Body circuit={circuit} />}
          <Roles />
        </div>
      </Panel>
    </DropFile>
  );
}

function Body({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  return (
    <>
      <Figures circuit={circuit} />
      <Size circuit={circuit} />
      <div class="picture-top">
        <Diagram circuit={circuit} />
        <EdgeTable circuit={circuit} />
      </div>
      {fits.value ? null : (
        <p class="note">
          {words.otherModel(
            formatCount(circuit.layers),
            formatCount(circuit.heads),
            formatCount(circuit.dModel),
          )}
        </p>
      )}
      {opened.value !== null && fits.value && size.data.value === undefined && !size.busy.value ? (
        <p class="note">{words.fileNeedsTask}</p>
      ) : null}
      {size.problem.value === undefined ? null : (
        <Failure problem={size.problem.value} onRetry={size.retry} />
      )}
      <div class="picture-bottom">
        <Curve circuit={circuit} />
        <ChecksSection />
      </div>
    </>
  );
}

/** Always in sight: how much is kept, and how much of the answer it gives back alone. */
function Figures({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const own = selection.value;
  const answer = found.data.value;
  const share = size.data.value?.faithfulness;
  const areas = curve.data.value;
  const area = (which: 'cpr' | 'cmd') => {
    if (areas === undefined) return '–';
    const random = areas.random?.[which];
    const best = formatNumber(areas.curve[which], { digits: 3 });
    return random === undefined
      ? best
      : `${best} (${words.curveRandom} ${formatNumber(random, { digits: 3 })})`;
  };
  return (
    <div class="circuit-figures">
      <dl class="facts">
        <div>
          <dt>{words.inCircuit}</dt>
          <dd class="number">
            {words.inCircuitValue(
              formatCount(own?.circuit.size ?? 0),
              formatCount(circuit.edges.length),
            )}{' '}
            <span class="note">
              {formatProbability(own?.share ?? 0)} {words.scoreShare}
            </span>
          </dd>
        </div>
        <div title={words.faithfulnessHint} aria-busy={size.busy.value}>
          <dt>{words.faithfulness}</dt>
          <dd class="number">{share === undefined ? '–' : estimateText(share, 3)}</dd>
        </div>
        <div title={words.cprHint}>
          <dt>{words.cpr}</dt>
          <dd class="number">{area('cpr')}</dd>
        </div>
        <div title={words.cmdHint}>
          <dt>{words.cmd}</dt>
          <dd class="number">{area('cmd')}</dd>
        </div>
        {answer === undefined || opened.value !== null ? null : (
          <div>
            <dt>{words.metricEnds(words.metrics[answer.metric])}</dt>
            <dd class="number">
              {estimateText(answer.full)}, {estimateText(answer.empty)}{' '}
              <span class="unit">{words.units[answer.unit]}</span>
            </dd>
          </div>
        )}
      </dl>
      <p class="note">{circuit.file === null ? sampleWords() : words.fromFile(circuit.file)}</p>
    </div>
  );
}

/** Which prompts the figures are about. */
function sampleWords(): string {
  const words = t().circuits;
  const answer = found.data.value;
  if (answer === undefined) return '';
  const n = answer.n > 1 ? words.pairs(formatCount(answer.n)) : words.onePair;
  if (answer.sentences === null) return n;
  const text = (which: 'clean' | 'corrupted') =>
    answer.sample[which].groups
      .map((group) => group.text)
      // Special tokens are part of the prompt, not of the sentence.
      .filter((part) => !/^<\|.*\|>$/.test(part))
      .join('');
  const kind = answer.sentences === 'world' ? words.world : words.english;
  return `${kind}, ${n}; ${words.sample(text('clean'), text('corrupted'))}`;
}

/** How many edges are kept, on a scale where every step multiplies. */
function Size({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const all = circuit.edges.length;
  const now = dragged.value ?? count.value ?? circuit.kept.length;
  const decided = dragged.value === null ? decidedWords(circuit) : null;
  return (
    <div class="circuit-size">
      <Range
        label={words.kept}
        hint={words.keptHint}
        value={positionOf(now, all)}
        min={0}
        max={SLIDER}
        step={1}
        format={() =>
          decided ?? words.keptValue(formatCount(now), formatProbability(all > 0 ? now / all : 0))
        }
        onInput={(position) => {
          dragged.value = countAt(position, all);
        }}
        onChange={(position) => {
          dragged.value = null;
          setState({ edges: countAt(position, all) });
        }}
      />
      {state.edges.value === null ? null : (
        <Button kind="quiet" onClick={() => setState({ edges: null })}>
          {words.byMethod}
        </Button>
      )}
    </div>
  );
}
