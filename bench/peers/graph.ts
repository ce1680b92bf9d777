import type { Attribution } from '../../src/microscope/graph/index.ts';
import {
  attributePrompt,
  graphScores,
  influence,
  normaliseRows,
} from '../../src/microscope/graph/index.ts';
import { largestDifference, relativeDistance } from './compare.ts';
import { promptPair, sharedModel, sharedTranscoders, type TranscoderShape } from './inputs.ts';
import type { Agreement, Bench } from './types.ts';

/** Edges and figures of a graph agree to this share of the largest. */
const LIMIT = 1e-3;

/** Indices in `theirs` of our keys, −1 where it has none. */
function matched(ours: readonly string[], theirs: readonly string[]): number[] {
  const where = new Map(theirs.map((key, i) => [key, i]));
  return ours.map((key) => where.get(key) ?? -1);
}

/** The attribution graph of one prompt beside circuit-tracer's. */
function attributionBench(maxFeatures: number, shape: TranscoderShape): Bench {
  const settings = { maxLogits: 10, logitShare: 0.95, maxFeatures, batch: 256 };
  return {
    about: `attribution graph, ${shape.kind} transcoders of ${shape.dDict}, at most ${maxFeatures} features, GPT-2 small shape, 16 tokens`,
    bar: 2,
    peers: ['graph'],
    async prepare(context) {
      const model = await sharedModel(context);
      const set = await sharedTranscoders(model, {
        ...(context.tiny ? { ...shape, dDict: 64, above: 1.3 } : shape),
        folder: context.folder,
      });
      const { clean: tokens } = promptPair(model);
      let found: Attribution;
      return {
        settings: { ...settings, tokens, kind: shape.kind },
        async run() {
          // circuit-tracer leaves the first position out whatever it holds.
          found = await attributePrompt(model, set, tokens, { ...settings, ignoredPositions: [0] });
          const active = found.activeFeatures;
          const perToken = active / model.config.nLayers / (tokens.length - 1);
          return `${found.graph.nodes.length} nodes, ${active} active features, ${perToken.toFixed(1)} per token and layer`;
        },
        async compare(_, saved) {
          const read = async (name: string) => (await saved.readTensor(name)).data as Float32Array;
          const { nodes, adjacency } = found.graph;
          const theirFeatures = await read('features');
          const theirLogits = await read('logits');
          const { nLayers } = model.config;
          const pos = tokens.length;
          const theirs: string[] = [];
          for (let i = 0; i < theirFeatures.length; i += 3) {
            theirs.push(`feature ${theirFeatures.slice(i, i + 3).join(' ')}`);
          }
          for (let i = 0; i < nLayers * pos; i++) {
            theirs.push(`error ${Math.floor(i / pos)} ${i % pos} -1`);
          }
          for (const [position, id] of tokens.entries()) theirs.push(`token -1 ${position} ${id}`);
          for (const id of theirLogits) theirs.push(`logit ${nLayers} ${pos - 1} ${id}`);
          const ours = nodes.map(
            ({ kind, layer, position, index }) => `${kind} ${layer} ${position} ${index}`,
          );
          const to = matched(ours, theirs);
          const common = [...to.keys()].filter((i) => to[i] >= 0);
          const missing = ours.length - common.length + (theirs.length - common.length);
          const edges = await read('adjacency');
          const [n, m] = [ours.length, theirs.length];
          const a = new Float32Array(common.length ** 2);
          const b = new Float32Array(common.length ** 2);
          common.forEach((row, r) => {
            common.forEach((column, c) => {
              a[r * common.length + c] = adjacency[row * n + column];
              b[r * common.length + c] = edges[to[row] * m + to[column]];
            });
          });
          const weights = Float64Array.from(nodes, ({ probability }) => probability ?? 0);
          const influences = influence(normaliseRows(adjacency, n), weights);
          const theirInfluence = await read('influence');
          const scores = graphScores(
            nodes.map(({ kind }) => kind),
            adjacency,
            weights,
          );
          const theirScores = await read('scores');
          const sameOrder = to.every((index, i) => index === i);
          const list: Agreement[] = [
            { what: 'nodes on one side only', difference: missing, limit: sameOrder ? 0 : null },
            {
              what: 'edges, largest difference',
              difference: largestDifference(a, b),
              limit: LIMIT,
            },
            { what: 'edges, distance', difference: relativeDistance(a, b), limit: LIMIT },
            {
              what: 'influence',
              difference: largestDifference(
                common.map((i) => influences[i]),
                common.map((i) => theirInfluence[to[i]]),
              ),
              limit: LIMIT,
            },
            {
              what: `replacement ${scores.replacement.toFixed(4)}`,
              difference: Math.abs(scores.replacement - theirScores[0]),
              limit: LIMIT,
            },
            {
              what: `completeness ${scores.completeness.toFixed(4)}`,
              difference: Math.abs(scores.completeness - theirScores[1]),
              limit: LIMIT,
            },
          ];
          return list;
        },
        release: () => model.release(),
      };
    },
  };
}

/** About 41 features fire per token and layer. */
const perLayer: TranscoderShape = { kind: 'per-layer', dDict: 8192, above: 2.58 };

/** All features that fire have rows of their own. */
export const graphBench = attributionBench(7500, perLayer);
/** Only the most influential have, by rankings in between. */
export const rankedGraphBench = attributionBench(2048, perLayer);
/** Every feature writes to all later layers: twelve times the decoders, so fewer features. */
export const crossLayerGraphBench = attributionBench(7500, {
  kind: 'cross-layer',
  dDict: 1024,
  above: 2.05,
});
