import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  type Dictionary,
  type DictionarySet,
  dictionaryHash,
  importedNames,
  loadDictionary,
  openHarvest,
  otherWeights,
  readImported,
} from '../../microscope/dictionary/index.ts';
import { featureLabels } from '../../microscope/dictionary/labels/index.ts';
import { loadDictionarySet } from '../../microscope/dictionary/set.ts';
import { raisedName, unscoredName } from '../../microscope/graph/format/unscored-label.ts';
import {
  type Attribution,
  attributePrompt,
  type GraphValidity,
  graphScores,
  graphValidity,
  importedNameText,
  influence,
  normaliseRows,
  toGraphFile,
  withBeginning,
} from '../../microscope/graph/index.ts';
import { oneOf, resolveToken } from '../../microscope/prompt.ts';
import type { Model } from '../../model/index.ts';
import type { CommandSpec } from '../command.ts';
import { dictionaryFolder, ownDictionaries } from '../dictionaries.ts';
import { openModel, promptTokens, tokenText, withModel } from '../model.ts';
import { shareOf, wholeNumber } from '../parse.ts';
import { fixed, quoteToken, table } from '../table.ts';
import { packageVersion } from '../version.ts';
import { writeFrontEnd } from './front-end.ts';
import { openGraph } from './graph-file.ts';

const modes = ['open', 'frozen', 'direct'] as const;

const MIB = 2 ** 20;

/** How many features of a graph the text lists. */
const LISTED = 12;

/** What a node of a feature is called; null where it has no name. */
type NodeNames = (layer: number, feature: number) => string | null;

/**
 * The features that matter most to the explained tokens, through all paths. Activations would be another order:
 * features have scales of their own, and what fires most strongly need not lead to the answer.
 */
function strongestOf({ graph }: Attribution, names: NodeNames, validity: GraphValidity | null) {
  const { nodes, adjacency } = graph;
  const weights = nodes.map(({ probability }) => probability ?? 0);
  const influences = influence(normaliseRows(adjacency, nodes.length), weights);
  return nodes
    .map((node, i) => ({ i, node, influence: influences[i] }))
    .filter(({ node }) => node.kind === 'feature')
    .sort((a, b) => b.influence - a.influence)
    .slice(0, LISTED)
    .map(({ i, node: { layer, index, position, activation }, influence: share }) => {
      const ablated = validity?.points.find(({ node }) => node === i);
      return {
        layer,
        feature: index,
        position,
        token: graph.tokens[position].text,
        activation: activation!,
        influence: share,
        label: names(layer, index),
        ...(ablated && { predicted: ablated.predicted, measured: ablated.measured }),
      };
    });
}

/** Their table; where they were ablated, with how the first target's logit should have changed and how it did. */
function summary(features: ReturnType<typeof strongestOf>): string {
  const ablated = features.some(({ measured }) => measured !== undefined);
  const head = ['layer', 'feature', 'position', 'token', 'activation', 'influence'];
  return table(
    [...head, ...(ablated ? ['predicted', 'measured'] : []), 'label'],
    features.map((one) => [
      one.layer,
      one.feature,
      one.position,
      quoteToken(one.token),
      fixed(one.activation),
      fixed(one.influence),
      ...(ablated
        ? [one.predicted, one.measured].map((x) => (x === undefined ? '' : fixed(x)))
        : []),
      one.label ?? '',
    ]),
  );
}

/** The ablations with the features they took out, which an index into the whole graph does not tell. */
const namedPoints = ({ graph }: Attribution, { points }: GraphValidity) =>
  points.map(({ node, predicted, measured }) => {
    const { layer, index: feature, position } = graph.nodes[node];
    return { layer, feature, position, predicted, measured };
  });

/** What the features of a dictionary raise most; null without a harvest that was made of it. */
async function raisedBy(model: Model, place: string, dictionary: Dictionary) {
  const folder = join(place, 'harvest');
  if (!existsSync(folder)) return () => null;
  const store = await openHarvest(folder);
  const own = store.info.dictionary === dictionaryHash(dictionary);
  const list = own ? store.list() : [];
  await store.close();
  return (feature: number) => {
    const top = list[feature]?.top[0];
    return top === undefined ? null : raisedName(tokenText(model, top));
  };
}

/**
 * The transcoders of a folder with the names of their features: the label, else what another project calls it,
 * with that project's name because nothing of it was scored here, else what it fires on or raises, marked.
 */
async function namedSet(
  model: Model,
  folder: string,
): Promise<{ readonly set: DictionarySet; readonly names: NodeNames }> {
  const places = new Map<Dictionary, string>();
  const set = await loadDictionarySet(model, folder, {
    async load(place) {
      const dictionary = await loadDictionary(place);
      places.set(dictionary, place);
      return dictionary;
    },
  });
  const labels = await featureLabels(folder, { dictionaries: set.dictionaries });
  const imported = await Promise.all(
    set.dictionaries.map(async (one) => importedNames(await readImported(places.get(one)!))),
  );
  const raised = await Promise.all(
    set.dictionaries.map((one) => raisedBy(model, places.get(one)!, one)),
  );
  const names: NodeNames = (layer, index) => {
    const label = labels(layer, index);
    if (label && label.source !== 'weak') return label.label;
    const other = imported[layer](index);
    if (other) return importedNameText(other);
    return label ? unscoredName(label.label) : raised[layer](index);
  };
  return { set, names };
}

const bothGiven = () =>
  new GlassboxError('--open takes a graph from a file, and there is a prompt too', {
    code: 'bad-command-line',
    remedy: 'Leave the prompt out, or --open.',
  });

export const trace: CommandSpec = {
  name: 'trace',
  writes: { files: ['out'], folders: ['frontEnd'] },
  summary: 'attribution graph of a prediction: from prompt to answer, through features',
  examples: [
    {
      line: 'trace "The river of the state containing Daekwell is" -o graph.json',
      does: 'the graph in the public format',
    },
    {
      line: 'trace "The river of the state containing Daekwell is" --dictionaries cross-layer',
      does: 'by features that read one layer and write to all later ones',
    },
    {
      line: 'trace --open graph.pt --out graph.json',
      does: 'what circuit-tracer saved: scores and strongest features, and as JSON',
    },
    {
      line: 'trace "When Simon and Ruth were at the castle, Ruth gave a wheel to" --target Simon --distractor Ruth --validity',
      does: 'why one name and not the other; then ablates features and compares with the prediction',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('[prompt]', 'the prompt; none with --open')
      .option(
        '--open <file>',
        'look at a graph file: JSON of the public format, or circuit-tracer’s .pt',
      )
      .option(
        '--tokenizer <folder>',
        'with --open: the tokenizer of a .pt file, for the texts of tokens',
      )
      .option(
        '-d, --dictionaries <folder>',
        "one transcoder per layer, or the name of a set of the model's; its own when left out",
      )
      .option('-o, --out <file>', 'write the pruned graph as JSON (circuit-tracer, Neuronpedia)')
      .option(
        '--front-end <folder>',
        'write a folder for the front ends of circuit-tracer and Anthropic, with its features',
      )
      .option('--target <token>', 'token to explain; the likeliest ones when left out')
      .option('--distractor <token>', 'explain the difference to this token')
      .option('--max-logits <n>', 'likeliest tokens to explain', wholeNumber('--max-logits', 1), 10)
      .option('--logit-share <x>', 'probability they must carry', shareOf('--logit-share'), 0.95)
      .option(
        '--max-features <n>',
        'features with a row of their own',
        wholeNumber('--max-features', 1),
        7500,
      )
      .option(
        '--memory <mib>',
        'stop rather than hold a graph of more MiB than this; its scores take about twice as much besides',
        wholeNumber('--memory', 1),
        4096,
      )
      .option('--node-share <x>', 'influence that kept nodes carry', shareOf('--node-share'), 0.8)
      .option('--edge-share <x>', 'influence that kept edges carry', shareOf('--edge-share'), 0.98)
      .option('--validity', 'ablate the most influential features and compare with the graph')
      .option('--mode <mode>', `what answers to ablations: ${modes.join(', ')}`, 'open'),
  async action(context, { args: [prompt], options }) {
    if (options.open !== undefined) {
      if (prompt !== undefined) throw bothGiven();
      return openGraph(context, options);
    }
    if (prompt === undefined) {
      throw new GlassboxError('there is neither a prompt nor a graph file', {
        code: 'bad-command-line',
        remedy: 'Give a prompt in quotes, or a file with --open.',
      });
    }
    const started = performance.now();
    const mode = oneOf('mode', options.mode, modes);
    const model = await openModel(context, options);
    const folder =
      options.dictionaries === undefined
        ? await ownDictionaries(options.model)
        : await dictionaryFolder(options.dictionaries, options);
    const { set, names } = await namedSet(model, folder);
    set.dictionaries.forEach((dictionary, layer) => {
      const remark = otherWeights(model, dictionary);
      if (remark) context.note(`layer ${layer}: ${remark}`);
    });
    const ids = withBeginning(model, promptTokens(model, prompt).ids);
    const token = (text?: string) => (text === undefined ? undefined : resolveToken(model, text));
    if (options.distractor !== undefined && options.target === undefined) {
      throw new GlassboxError('--distractor is given without --target', {
        code: 'bad-command-line',
        remedy: 'Name the token that it is compared with.',
      });
    }
    const [target, distractor] = [token(options.target), token(options.distractor)];
    const found = await attributePrompt(model, set, ids, {
      maxLogits: options.maxLogits,
      logitShare: options.logitShare,
      maxFeatures: options.maxFeatures,
      maxBytes: options.memory * MIB,
      ...(target !== undefined && distractor === undefined && { tokens: [target] }),
      ...(target !== undefined &&
        distractor !== undefined && { difference: { target, distractor } }),
      progress: context.progress,
      signal: context.signal,
    });
    const { nodes, adjacency } = found.graph;
    const scores = graphScores(
      nodes.map(({ kind }) => kind),
      adjacency,
      nodes.map(({ probability }) => probability ?? 0),
    );
    const { file, shown, total } = toGraphFile(found.graph, {
      slug:
        prompt
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .slice(0, 40) || 'graph',
      scan: model.name,
      nodeShare: options.nodeShare,
      edgeShare: options.edgeShare,
      generator: { name: 'glassbox', version: packageVersion() },
      labels: ({ kind, layer, index }) => (kind === 'feature' ? names(layer, index) : null),
    });
    if (options.out) await writeFileAtomic(options.out, `${JSON.stringify(file)}\n`);
    const site =
      options.frontEnd === undefined
        ? null
        : await writeFrontEnd(context, options.frontEnd, {
            file,
            model,
            source: folder,
            dictionaries: set.dictionaries,
          });
    const validity = options.validity
      ? await graphValidity(model, set, found, {
          mode,
          progress: context.progress,
          signal: context.signal,
        })
      : null;
    const features = strongestOf(found, names, validity);
    // Counted in KiB. Scores and pruning hold more than the graph itself for a while.
    const peakResident = process.resourceUsage().maxRSS * 1024;
    const document = {
      features,
      targets: found.targets.map(({ id, label, probability }) => ({
        id,
        text: label,
        probability,
      })),
      activeFeatures: found.activeFeatures,
      shown,
      total,
      scores,
      validity: validity && { ...validity, points: namedPoints(found, validity) },
      peakBytes: found.peakBytes,
      peakResident,
      seconds: (performance.now() - started) / 1000,
      file: options.out ?? null,
      frontEnd: site && { folder: options.frontEnd, ...site },
      ...(options.out ? {} : { graph: file }),
    };
    context.result(document, () => {
      const lines = [
        summary(features),
        `explained: ${found.targets.map(({ label, probability }) => `${quoteToken(label)} ${fixed(probability, 2)}`).join(', ')}`,
        `${found.activeFeatures} features fire; showing ${shown.nodes} of ${total.nodes} nodes and ${shown.links} of ${total.links} edges, because pruning keeps ${options.nodeShare} of the influence on nodes and ${options.edgeShare} on edges`,
        `replacement ${fixed(scores.replacement)}, completeness ${fixed(scores.completeness)} (1: nothing runs through errors)`,
        `the graph held ${fixed(found.peakBytes / MIB, 1)} MiB, ${options.memory} are allowed (--memory); the whole process took up to ${fixed(peakResident / MIB, 0)} MiB`,
      ];
      if (validity) {
        lines.push(
          `validity (${validity.mode}): correlation ${fixed(validity.correlation)} [${fixed(validity.low)}, ${fixed(validity.high)}] between predicted and measured effect, n = ${validity.n} ablations`,
        );
      }
      if (options.out) lines.push(`wrote ${options.out}`);
      if (site) {
        const none = site.without > 0 ? `; ${site.without} have no harvest` : '';
        lines.push(`wrote ${options.frontEnd} with ${site.features} features${none}`);
      }
      return lines.join('\n');
    });
    return undefined;
  },
};
