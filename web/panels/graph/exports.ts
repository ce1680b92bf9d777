import type { VNode } from 'preact';
import { attributionGraph } from '../../../src/figures/attribution-graph.ts';
import type { Palette } from '../../../src/figures/palette.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import type { Exports } from '../../components/actions.ts';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { validityFigure } from './causal.tsx';
import {
  changed,
  groups,
  linkDrawn,
  nodeLabel,
  nodeTitle,
  nodeWeights,
  plain,
  renamed,
  traced,
  validity,
  view,
} from './data.ts';
import { writeGraphFile } from './file.ts';
import { currentPlaces, subgraphFigure } from './subgraph-figure.ts';
import { hiddenWords } from './words.ts';

/** Links drawn in a file: the strongest; an SVG of ten thousand opens in no editor. */
const DRAWN = 1500;

function figure(palette: Palette): VNode {
  const graph = view.value!;
  const words = t().graph;
  const weights = nodeWeights.value;
  const { nodes, links } = graph;
  const most = nodes.reduce((a, { influence }) => Math.max(a, influence), 1e-12);
  const marked = new Set(groups.value.groups.flatMap(({ members }) => members));
  const drawn = links.weight
    .map((weight, i) => ({
      source: links.source[i],
      target: links.target[i],
      share: weight / Math.max(nodes[links.target[i]].inputs, 1e-10),
    }))
    .filter(({ share }) => linkDrawn(share))
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .slice(0, DRAWN);
  const common = { palette, lang: locale.value };
  const main = attributionGraph(
    {
      tokens: graph.tokens,
      layers: graph.layers,
      nodes: nodes.map((node, i) => ({
        kind: node.kind,
        layer: node.layer,
        position: node.position,
        label: nodeTitle(node),
        strength: node.kind === 'logit' ? 1 : Math.sqrt(node.influence / most),
        weight: weights?.[i],
        marked: marked.has(i),
      })),
      links: drawn,
    },
    {
      ...common,
      title: words.title,
      width: 1000,
      height: 520,
      tokenRow: words.tokenRow,
      logitRow: words.logitRow,
      note: hiddenWords(graph),
      named: [...marked],
    },
  );
  const own = { ...common, heading: 'shown', width: 1000 } as const;
  const sub = subgraphFigure(graph, own);
  const valid =
    validity.data.value === undefined ? undefined : validityFigure(validity.data.value, own);
  return stackFigures(
    [main, sub, valid].filter((one) => one !== undefined),
    { ...common, title: graph.prompt },
  );
}

/** The graph with the reader's annotations, as the public file. */
export function graphFile() {
  // The difference of two logits is the reader's, and no node of the graph.
  const graph = plain.value!;
  return writeGraphFile(
    graph,
    {
      pins: state.pins.value,
      supernodes: state.supernodes.value,
      labels: renamed.value,
      places: state.subgraphAt.value.length > 0 ? currentPlaces(view.value!) : new Map(),
      chosen: graph.indexOf.has(state.node.value) ? state.node.value : '',
    },
    {
      model: traced.data.value?.provenance.model ?? '',
      version: traced.data.value?.provenance.glassboxVersion ?? '',
      nodeShare: state.nodeShare.value / 100,
      edgeShare: state.edgeShare.value / 100,
      tokens: traced.data.value?.tokens.map(({ text }) => text),
      outputs: new Map(traced.data.value?.targets.map(({ key, label }) => [key, label])),
    },
  );
}

/** What the panel gives away; undefined while there is nothing. */
export function graphExports(): Exports | undefined {
  const graph = view.value;
  if (graph === undefined) return undefined;
  return {
    svg: figure,
    table: () => ({
      columns: [
        'source',
        'source label',
        'source token',
        'target',
        'target label',
        'target token',
        'weight (logits or pre-activation)',
        'share of the target’s input',
      ],
      rows: graph.links.weight.map((weight, i) => {
        const [source, target] = [graph.links.source[i], graph.links.target[i]].map(
          (at) => graph.nodes[at],
        );
        return [
          source.key,
          nodeLabel(source),
          graph.tokens[source.position],
          target.key,
          nodeLabel(target),
          graph.tokens[target.position],
          weight,
          weight / Math.max(target.inputs, 1e-10),
        ];
      }),
    }),
    json: () => ({
      prompt: graph.prompt,
      tokens: graph.tokens,
      scores: graph.scores,
      shown: graph.shown,
      total: graph.total,
      hidden: graph.hidden,
      targets: traced.data.value?.targets ?? null,
      nodes: graph.nodes,
      links: graph.links,
      pins: state.pins.value,
      supernodes: state.supernodes.value,
      change: changed.data.value?.targets ?? null,
      validity: validity.data.value ?? null,
      provenance: graph.file === null ? (traced.data.value?.provenance ?? null) : null,
    }),
  };
}
