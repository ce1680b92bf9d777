import { Button, NumberField, Segments, Select } from '../../components/controls.tsx';
import { FileButtons } from '../../components/open-file.tsx';
import { formatCount, t } from '../../i18n.ts';
import { exampleList, openExample } from '../../shell/examples.ts';
import {
  ABLATIONS,
  CIRCUIT_METHODS,
  CIRCUIT_METRICS,
  type CircuitSettings,
  CORRUPTIONS,
} from '../../state/circuits.ts';
import { modelInfo } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import {
  draft,
  fileFault,
  found,
  type Obstacle,
  obstacleOf,
  opened,
  start,
  usesGradients,
  view,
} from './data.ts';
import { saveCircuit } from './exports.ts';
import { type CircuitFault, readCircuitFile } from './file.ts';

const change = (part: Partial<CircuitSettings>) => {
  draft.value = { ...draft.peek(), ...part };
};

/** The choice of prompts, method and metric, and the button that starts the search. */
export function Controls() {
  const words = t().circuits;
  const settings = draft.value;
  const { from, method, metric, ablation } = settings;
  const obstacle = obstacleOf(settings);
  const same = JSON.stringify(state.circuit.value) === JSON.stringify(settings);
  return (
    <>
      <Segments
        label={words.from}
        value={from}
        options={(['pair', 'ioi'] as const).map((value) => ({
          value,
          label: words.froms[value],
          hint: words.fromHints[value],
        }))}
        onChange={(value) => change({ from: value })}
      />
      {from === 'ioi' ? (
        <>
          <NumberField
            whole
            label={words.count}
            value={settings.count}
            range={[1, 512]}
            onChange={(count) => change({ count })}
          />
          <Select
            label={words.corruption}
            value={settings.corruption}
            options={CORRUPTIONS.map((value) => ({ value, label: words.corruptions[value] }))}
            onChange={(corruption) => change({ corruption })}
          />
        </>
      ) : null}
      <Select
        label={words.method}
        hint={words.methodHints[method]}
        value={method}
        options={CIRCUIT_METHODS.map((value) => ({ value, label: words.methods[value] }))}
        onChange={(value) => change({ method: value })}
      />
      {method.startsWith('eap-ig') ? (
        <NumberField
          whole
          label={words.steps}
          value={settings.steps}
          range={[1, 200]}
          onChange={(steps) => change({ steps })}
        />
      ) : null}
      {method === 'acdc' ? (
        <NumberField
          label={words.threshold}
          value={settings.threshold}
          range={[0, Number.POSITIVE_INFINITY]}
          onChange={(threshold) => change({ threshold })}
        />
      ) : null}
      <Select
        label={words.metric}
        value={metric}
        options={CIRCUIT_METRICS.map((value) => ({ value, label: words.metrics[value] }))}
        onChange={(value) => change({ metric: value })}
      />
      {usesGradients(settings) && ablation === 'corrupted' ? null : (
        <Select
          label={words.ablation}
          value={ablation}
          options={ABLATIONS.map((value) => ({ value, label: words.ablations[value] }))}
          onChange={(value) => change({ ablation: value })}
        />
      )}
      <span class="circuit-start">
        <Button
          kind="primary"
          icon="play"
          disabled={obstacle !== undefined || found.busy.value}
          onClick={() => {
            if (same && opened.peek() === null) found.retry();
            else start();
          }}
        >
          {same && view.value !== undefined ? words.again : words.find}
        </Button>
        <Cost settings={settings} />
      </span>
      <FileButtons
        words={words}
        onFile={(file) => void openFile(file)}
        onSave={view.value === undefined ? undefined : saveCircuit}
        onClose={opened.value === null ? undefined : closeFile}
      />
    </>
  );
}

/** What exact methods cost: runs for every edge and prompt. */
function Cost({ settings }: { readonly settings: CircuitSettings }) {
  const info = modelInfo.data.value;
  if (info === undefined || !['exact', 'acdc'].includes(settings.method)) return null;
  const { layers, heads } = info;
  // Senders before each receiver: every head's three inputs and the MLP of every layer, and the logits.
  const edges = Array.from({ length: layers }, (_, l) => 1 + l * (heads + 1)).reduce(
    (sum, senders) => sum + senders * 3 * heads + senders + heads,
    1 + layers * (heads + 1),
  );
  const pairs = settings.from === 'ioi' ? settings.count : 1;
  return <span class="note">{t().circuits.costRuns(formatCount(edges * pairs))}</span>;
}

function closeFile(): void {
  opened.value = null;
}

/** Shows a circuit file. */
export async function openFile(file: File): Promise<void> {
  const read = readCircuitFile(await file.text(), file.name);
  if ('fault' in read) {
    fileFault.value = read.fault;
    return;
  }
  fileFault.value = null;
  opened.value = read;
}

export function faultWords(fault: CircuitFault): string {
  const words = t().circuits.fileFaults;
  return fault.kind === 'json' ? words.json : words[fault.kind](fault.what);
}

/** What is missing for a search, with buttons that lead on. */
export function Needs({ obstacle }: { readonly obstacle: Obstacle }) {
  const words = t().circuits;
  const text =
    obstacle.kind === 'length'
      ? words.obstacles.length(formatCount(obstacle.a), formatCount(obstacle.b))
      : words.obstacles[obstacle.kind];
  const paired = exampleList.value.find(
    ({ promptB, target }) => promptB !== null && target !== null,
  );
  const { kind } = obstacle;
  const noPair = kind === 'pair' || kind === 'length' || kind === 'prompt';
  return (
    <div class="circuit-needs" role="status">
      <p>
        <strong>{text}</strong>
      </p>
      <p class="note">{words.intro}</p>
      <p class="circuit-ways">
        <span class="note">{words.ways}</span>
        {noPair && paired !== undefined ? (
          <Button onClick={() => openExample(paired)}>{words.wayExample}</Button>
        ) : null}
        {noPair || kind === 'mean' ? (
          <Button onClick={() => change({ from: 'ioi' })}>{words.wayIoi}</Button>
        ) : null}
        {kind === 'pair' || kind === 'length' ? (
          <Button onClick={() => change({ ablation: 'zero', method: 'exact' })}>
            {words.wayZero}
          </Button>
        ) : null}
        {kind === 'distractor' ? (
          <Button onClick={() => change({ metric: 'log-prob' })}>{words.wayLogProb}</Button>
        ) : null}
        {kind === 'gradient' ? (
          <>
            <Button onClick={() => change({ ablation: 'corrupted' })}>{words.wayCorrupted}</Button>
            <Button onClick={() => change({ method: 'exact' })}>{words.methods.exact}</Button>
          </>
        ) : null}
      </p>
    </div>
  );
}
