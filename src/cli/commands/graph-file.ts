import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  type GraphFile,
  graphScores,
  influence,
  normaliseRows,
  parseGraphFile,
  type ReadGraph,
  readGraph,
  readTorchGraph,
  toGraphFile,
  withUniqueIds,
} from '../../microscope/graph/index.ts';
import { loadTokenizer } from '../../model/index.ts';
import type { Context } from '../context.ts';
import { fixed, table } from '../table.ts';
import { packageVersion } from '../version.ts';

interface OpenFlags {
  readonly open: string;
  readonly out?: string;
  readonly tokenizer?: string;
  readonly nodeShare: number;
  readonly edgeShare: number;
}

/** How many nodes the text lists. */
const LISTED = 12;

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new GlassboxError(`cannot read ${path}: ${cause.message}`, {
      code: 'no-file',
      remedy: 'Give the path of an existing graph file.',
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GlassboxError(`${path}: is not JSON: ${(cause as Error).message}`, {
      code: 'bad-graph-file',
      remedy: 'Give a graph as circuit-tracer, Neuronpedia or glassbox trace write it.',
      cause,
    });
  }
}

/** A graph of either kind as a file of the public format, with what was done to it on the way. */
async function fileOf(flags: OpenFlags): Promise<{ file: GraphFile; remarks: string[] }> {
  const path = flags.open;
  if (extname(path) !== '.pt') {
    return { file: withUniqueIds(parseGraphFile(await readJson(path), path)), remarks: [] };
  }
  const tokenizer = flags.tokenizer === undefined ? null : await loadTokenizer(flags.tokenizer);
  const tokenText = (id: number) => tokenizer?.tokenStrings([id])[0]?.text ?? `#${id}`;
  const { graph, scan, model, tokenizer: named } = await readTorchGraph(path, { tokenText });
  const { nodeShare, edgeShare } = flags;
  const { file, shown, total } = toGraphFile(graph, {
    slug: basename(path, '.pt'),
    scan: scan ?? model ?? 'unknown',
    nodeShare,
    edgeShare,
    generator: { name: 'glassbox', version: packageVersion() },
  });
  const remarks = [
    `pruning keeps ${nodeShare} of the influence on nodes and ${edgeShare} on edges: ${shown.nodes} of ${total.nodes} nodes, ${shown.links} of ${total.links} edges`,
  ];
  if (tokenizer === null) {
    remarks.push(
      `the file has no texts of tokens; give --tokenizer${named ? ` (it names ${named})` : ''}`,
    );
  }
  return { file, remarks };
}

/** The links as a dense matrix, rows are targets. */
function denseOf({ nodes, links }: ReadGraph) {
  const n = nodes.length;
  const adjacency = new Float32Array(n * n);
  links.weight.forEach((weight, i) => {
    adjacency[links.target[i] * n + links.source[i]] += weight;
  });
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const kinds = nodes.map(({ kind }) => kind);
  return {
    scores: graphScores(kinds, adjacency, weights),
    influences: influence(normaliseRows(adjacency, n), weights),
  };
}

/** What is not as it is in the file, in words. */
function remarksOn(read: ReadGraph): string[] {
  const { unknown, unknownLinks, attention, unsure, lost } = read;
  return [
    ...unknown.map(
      ({ type, nodes }) => `${nodes} nodes of the unknown type "${type}" are left out`,
    ),
    unknownLinks > 0 && `${unknownLinks} links went with them`,
    attention > 0 &&
      `${attention} nodes of attention dictionaries are taken as features and errors`,
    unsure > 0 &&
      `${unsure} links start at an id that a feature and an error share; the feature is taken`,
    lost > 0 && `${lost} ids among pins and supernodes are no nodes`,
  ].filter((text) => text !== false);
}

function summary(read: ReadGraph, influences: Float64Array, tokens: readonly string[]): string {
  const listed = read.nodes
    .map((node, i) => ({ node, influence: influences[i] }))
    .filter(({ node }) => node.kind === 'feature' || node.kind === 'error')
    .sort((a, b) => b.influence - a.influence)
    .slice(0, LISTED);
  return table(
    ['node', 'kind', 'layer', 'feature', 'token', 'activation', 'influence', 'label'],
    listed.map(({ node, influence: share }) => [
      node.id,
      node.kind,
      node.layer,
      node.kind === 'feature' ? node.index : '',
      `${tokens[node.position] ?? ''} (${node.position})`.replaceAll('\n', '⏎'),
      node.activation === null ? '' : fixed(node.activation),
      fixed(share, 4),
      node.label ?? '',
    ]),
  );
}

/** `trace --open`: checks a graph file, says what is in it, and writes it in the public format when asked. */
export async function openGraph(context: Context, flags: OpenFlags): Promise<undefined> {
  const { file, remarks } = await fileOf(flags);
  const read = readGraph(file);
  const notes = [...remarks, ...remarksOn(read)];
  const { scores, influences } = denseOf(read);
  if (flags.out) await writeFileAtomic(flags.out, `${JSON.stringify(file)}\n`);
  const { prompt, prompt_tokens: tokens, scan } = file.metadata;
  const name = (index: number) => read.nodes[index].id;
  const kinds = { feature: 0, error: 0, token: 0, logit: 0 };
  for (const { kind } of read.nodes) kinds[kind]++;
  const outputs = read.nodes.filter(({ kind }) => kind === 'logit');
  const document = {
    prompt,
    tokens,
    scan,
    layers: read.layers,
    nodes: kinds,
    links: read.links.weight.length,
    scores,
    outputs: outputs.map(({ id, label, probability }) => ({ id, label, probability })),
    pins: read.pins.map(name),
    supernodes: read.supernodes.map(({ label, nodes }) => ({ label, nodes: nodes.map(name) })),
    clicked: read.clicked === null ? null : name(read.clicked),
    notes,
    file: flags.out ?? null,
  };
  context.result(document, () => {
    const groups = document.supernodes.map(({ label, nodes }) => `${label} (${nodes.join(', ')})`);
    const lines = [
      summary(read, influences, tokens),
      `prompt: ${prompt.replaceAll('\n', '⏎')}`,
      `explained: ${outputs.map(({ label, id }) => label ?? id).join(', ')}`,
      `${kinds.feature} features, ${kinds.error} errors, ${kinds.token} tokens, ${kinds.logit} outputs, ${document.links} links over ${read.layers} layers (${scan})`,
      `replacement ${fixed(scores.replacement)}, completeness ${fixed(scores.completeness)} of the nodes and links in the file`,
      ...(document.pins.length > 0 ? [`pinned: ${document.pins.join(', ')}`] : []),
      ...(groups.length > 0 ? [`supernodes: ${groups.join('; ')}`] : []),
      ...notes,
    ];
    if (flags.out) lines.push(`wrote ${flags.out}`);
    return lines.join('\n');
  });
  return undefined;
}
