/** Graphs for tests. */
import { Rng } from '../../src/base/rng.ts';
import { inputSums, sparseInfluence, sparseScores } from '../../web/panels/graph/prune.ts';
import { completeView, type GraphNode, type GraphView } from '../../web/panels/graph/view.ts';

export const LAYERS = 3;
export const TOKENS = ['a', 'b', 'c'];

/** A random graph of features, errors, tokens and logits, with links from lower to higher layers only. */
export function randomView(seed: number): GraphView {
  const rng = new Rng(seed);
  const bare: Omit<GraphNode, 'influence' | 'inputs' | 'errorShare'>[] = [];
  const none = {
    label: null,
    activation: null,
    probability: null,
    density: null,
    presence: null,
    cumulative: null,
  };
  for (let position = 0; position < TOKENS.length; position++) {
    bare.push({
      ...none,
      key: `E_${40 + position}_${position}`,
      kind: 'token',
      layer: -1,
      position,
      index: 40 + position,
    });
    for (let layer = 0; layer < LAYERS; layer++) {
      bare.push({
        ...none,
        key: `err_${layer}_${position}`,
        kind: 'error',
        layer,
        position,
        index: -1,
      });
      for (let f = 0; f < 3; f++) {
        // Numbers past the layers: a file cannot tell `0_2_1`, a feature, from `0_2_1`, an error.
        const index = 10 + f;
        const key = `${layer}_${index}_${position}`;
        const activation = rng.next();
        bare.push({ ...none, key, kind: 'feature', layer, position, index, activation });
      }
    }
  }
  [0.6, 0.3].forEach((probability, i) => {
    const key = `${LAYERS + 1}_${7 + i}_2`;
    bare.push({
      ...none,
      key,
      kind: 'logit',
      layer: LAYERS,
      position: 2,
      index: 7 + i,
      probability,
    });
  });
  bare.sort((a, b) => a.layer - b.layer);
  const links = { source: [] as number[], target: [] as number[], weight: [] as number[] };
  bare.forEach((target, t) => {
    if (target.kind === 'token' || target.kind === 'error') return;
    bare.forEach((source, s) => {
      if (source.kind === 'logit' || source.layer >= target.layer) return;
      if (source.position > target.position || rng.next() < 0.4) return;
      links.source.push(s);
      links.target.push(t);
      links.weight.push(rng.normal());
    });
  });
  const influences = sparseInfluence({ nodes: bare, links });
  const inputs = inputSums({ nodes: bare, links });
  return completeView({
    file: null,
    prompt: 'a b c',
    tokens: TOKENS,
    layers: LAYERS,
    nodes: bare.map((node, i) => {
      return { ...node, influence: influences[i], inputs: inputs[i], errorShare: 0 };
    }),
    links,
    scores: sparseScores({ nodes: bare, links }, influences),
    total: { nodes: bare.length, links: links.weight.length },
    hidden: [],
    largestHidden: [],
  });
}
