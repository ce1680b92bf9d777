import type { PatchResult } from '../../src/microscope/patching/index.ts';
import { activationPatching } from '../../src/microscope/patching/index.ts';
import { largestDifference } from './compare.ts';
import { promptPair, sharedModel } from './inputs.ts';
import type { Bench } from './types.ts';

/** Patches the peer runs unless all are asked for; each costs it the same. */
const SAMPLE = 48;

/** Every head at every position, patched one at a time, beside TransformerLens. */
export const sweepBench: Bench = {
  about: 'activation patching, heads × positions, GPT-2 small shape, 16 tokens',
  bar: 2,
  peers: ['sweep'],
  async prepare(context) {
    const model = await sharedModel(context);
    const pair = promptPair(model);
    const { nLayers, nHeads } = model.config;
    const pos = pair.clean.length;
    const count = nLayers * nHeads * pos;
    const all = Array.from({ length: count }, (_, i) => {
      // A step that shares no factor with the count visits every patch, and layers, heads and positions evenly.
      const at = (i * 1019) % count;
      return [Math.floor(at / (pos * nHeads)), Math.floor(at / nHeads) % pos, at % nHeads];
    });
    const chosen = context.full || count <= SAMPLE ? all : all.slice(0, SAMPLE);
    let found: PatchResult;
    return {
      settings: { ...pair, sample: chosen, of: count },
      async run() {
        found = await activationPatching(model, { ...pair, site: 'z', byPosition: true });
        return `${count} patches, of which the peer runs ${chosen.length} and is scaled up`;
      },
      async compare(_, saved) {
        const { data } = await saved.readTensor('logitDiff');
        // Effects, not logits: most of a logit difference is the same in every run.
        const own = chosen.map(
          ([layer, position, head]) =>
            found.logitDiff[layer * nHeads + head][position] - found.metric.corrupted,
        );
        const theirs = Array.from(data as Float32Array, (value) => value - found.metric.corrupted);
        return [{ what: 'effects', difference: largestDifference(own, theirs), limit: 1e-3 }];
      },
      release: () => model.release(),
    };
  },
};
