import { useEffect } from 'preact/hooks';
import { saveText } from '../../components/actions.ts';
import { Range, Select } from '../../components/controls.tsx';
import { DropFile, FileButtons, OpenFile } from '../../components/open-file.tsx';
import { Panel } from '../../components/panel.tsx';
import { tokenText } from '../../components/token.tsx';
import { formatNumber, t } from '../../i18n.ts';
import { addCommands, type Command } from '../../keys.ts';
import { LINK_SIGNS } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import { traceable, useSight } from '../dictionaries.ts';
import { FeatureBrief } from '../features/card.tsx';
import { togglePin } from './annotate.ts';
import { Causal } from './causal.tsx';
import { chosen, fileFault, opened, plain, traced, view } from './data.ts';
import { graphExports, graphFile } from './exports.ts';
import { type FileFault, readGraphFile } from './file.ts';
import './graph.css';
import { Heads } from './heads.tsx';
import { MainView } from './main-view.tsx';
import { Scores } from './scores.tsx';
import { LabelSearch, useFoundKeys } from './search.tsx';
import { Side } from './side.tsx';
import { Subgraph } from './subgraph.tsx';
import type { GraphView } from './view.ts';

/** The key that pins, also when the focus is elsewhere than in the picture. */
const PIN: Command = {
  id: 'pin',
  key: 'p',
  label: () => t().graph.pinKey,
  run: () => {
    if (state.node.peek() !== '') togglePin(state.node.peek());
  },
};

/** Region 5: what passes what on to which, from the prompt to the answer. */
export function GraphPanel() {
  const words = t().graph;
  const sight = useSight();
  useEffect(() => addCommands([PIN]), []);
  useFoundKeys();
  const graph = view.value;
  if (traceable.value === undefined) return null;
  if (traceable.value === false && opened.value === null) {
    return (
      <p class="note no-dictionaries">
        {words.none} <code>glassbox dict train</code> ·{' '}
        <OpenFile label={words.open} onFile={(file) => void openFile(file)} />
      </p>
    );
  }
  return (
    <DropFile areaRef={sight} onFile={(file) => void openFile(file)}>
      <Panel
        id="graph"
        title={words.title}
        about={words.about}
        resources={opened.value === null ? [traced] : []}
        exports={graphExports()}
        empty={state.prompt.value === '' && opened.value === null ? words.empty : undefined}
        controls={<Controls />}
      >
        {fileFault.value === null ? null : (
          <p class="failure" role="alert">
            {words.badFile(faultWords(fileFault.value))}
          </p>
        )}
        {graph === undefined ? null : <Body graph={graph} />}
      </Panel>
    </DropFile>
  );
}

function Controls() {
  const words = t().graph;
  return (
    <>
      <Range
        label={words.nodeShare}
        hint={words.nodeShareHint}
        value={state.nodeShare.value}
        min={10}
        max={100}
        step={1}
        format={(value) => `${value} %`}
        onChange={(nodeShare) => setState({ nodeShare })}
      />
      <Range
        label={words.edgeShare}
        hint={words.edgeShareHint}
        value={state.edgeShare.value}
        min={10}
        max={100}
        step={1}
        format={(value) => `${value} %`}
        onChange={(edgeShare) => setState({ edgeShare })}
      />
      <Select
        label={words.sign}
        value={state.linkSign.value}
        options={LINK_SIGNS.map((value) => ({ value, label: words.signs[value] }))}
        onChange={(linkSign) => setState({ linkSign })}
      />
      <Frequent />
      <LabelSearch />
      <FileButtons
        words={words}
        onFile={(file) => void openFile(file)}
        onSave={view.value === undefined ? undefined : saveFile}
        onClose={opened.value === null ? undefined : closeFile}
      />
    </>
  );
}

/** Features that fire nearly everywhere say little about one prompt: limits that take them out, counted. */
function Frequent() {
  const words = t().graph;
  // A file has no densities, nor has a model whose features were not harvested.
  const known = plain.value?.nodes.some(({ density }) => density !== null) === true;
  const limit = state.densityLimit.value;
  return (
    <>
      {known || limit < 100 ? (
        <Range
          label={words.density}
          hint={words.densityHint}
          value={limit}
          min={1}
          max={100}
          step={1}
          format={(value) =>
            value === 100 ? words.densityAny : words.densityMost(formatNumber(value, { digits: 0 }))
          }
          onChange={(densityLimit) => setState({ densityLimit })}
        />
      ) : null}
      <label class="field" title={words.everywhereHint}>
        <input
          type="checkbox"
          checked={state.everywhere.value === 'hidden'}
          onChange={(event) =>
            setState({ everywhere: event.currentTarget.checked ? 'hidden' : 'shown' })
          }
        />
        {words.everywhere}
      </label>
    </>
  );
}

/** Shows a graph file, with the pins and supernodes it carries. */
async function openFile(file: File): Promise<void> {
  const read = readGraphFile(await file.text(), file.name, tokenText);
  if ('fault' in read) {
    fileFault.value = read.fault;
    return;
  }
  const { pins, supernodes, chosen, places } = read.annotations;
  fileFault.value = null;
  opened.value = read.view;
  setState({
    pins,
    supernodes,
    node: chosen,
    nodeLabels: [],
    nodeShare: 100,
    edgeShare: 100,
    densityLimit: 100,
    everywhere: 'shown',
    logitPair: [],
    expanded: [],
    subgraphAt: [...places].map(([id, { x, y }]) => [id, x, y] as const),
    change: null,
  });
}

function closeFile(): void {
  opened.value = null;
}

function saveFile(): void {
  const file = graphFile();
  saveText(`${file.metadata.slug}.json`, 'application/json', JSON.stringify(file));
}

function faultWords(fault: FileFault): string {
  const words = t().graph.fileFaults;
  return fault.kind === 'json' ? words.json : words[fault.kind](fault.what);
}

function Body({ graph }: { readonly graph: GraphView }) {
  const words = t().graph;
  const node = chosen.value === undefined ? undefined : graph.nodes[chosen.value];
  // A file's features are of dictionaries that may not be here.
  const feature =
    graph.file === null &&
    node?.kind === 'feature' &&
    state.feature.value === `${node.layer}.${node.index}`;
  return (
    <div class="graph">
      <Scores graph={graph} />
      <div class="picture-top">
        <div class="graph-main">
          <MainView view={graph} />
        </div>
        <Side view={graph} />
      </div>
      {feature ? <FeatureBrief /> : null}
      <Heads view={graph} />
      <div class="picture-bottom">
        <Subgraph view={graph} />
        {graph.file === null ? <Causal view={graph} /> : <p class="note">{words.ofFile}</p>}
      </div>
    </div>
  );
}
