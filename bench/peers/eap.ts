import {
  type AttributionMethod,
  type EdgeAttribution,
  edgeAttribution,
} from '../../src/microscope/circuits/index.ts';
import { largestDifference } from './compare.ts';
import { promptPair, sharedModel } from './inputs.ts';
import type { Bench } from './types.ts';

const PROMPTS = 4;

/** Scores of all edges beside EAP-IG's own code. */
function edgeBench(peer: string, method: AttributionMethod, steps?: number): Bench {
  return {
    about: `${method}${steps ? `, ${steps} steps,` : ''} over all edges, GPT-2 small shape, ${PROMPTS} prompts of 16 tokens`,
    bar: 1.5,
    peers: [peer],
    async prepare(context) {
      const model = await sharedModel(context);
      const pair = promptPair(model);
      const examples = Array.from({ length: PROMPTS }, (_, k) => ({
        ...pair,
        clean: pair.clean.map((token) => token + k),
        corrupted: pair.corrupted.map((token) => token - k),
      }));
      let found: EdgeAttribution;
      return {
        settings: { ...pair, examples, ...(steps && { steps }) },
        async run() {
          found = await edgeAttribution(model, examples, { method, ...(steps && { steps }) });
          return `${found.graph.edges.length} edges`;
        },
        async compare(_, saved) {
          const { shape, data } = await saved.readTensor('scores');
          const [senders, receivers] = shape;
          // Theirs says what corrupting an edge does, ours what keeping it clean does.
          const theirs = Float64Array.from(found.scores, (_, i) => {
            const [receiver, sender] = [Math.floor(i / senders), i % senders];
            return -Number(data[sender * receivers + receiver]);
          });
          const difference = largestDifference(found.scores, theirs);
          return [{ what: 'scores of all edges', difference, limit: 1e-3 }];
        },
        release: () => model.release(),
      };
    },
  };
}

export const eapBench = edgeBench('eap', 'eap');
export const eapIgBench = edgeBench('eap-ig', 'eap-ig-inputs', 5);
