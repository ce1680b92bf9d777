import { tensorData } from '../graph/index.ts';
import { randomParameters } from '../model/random.ts';
import { forwardProgram } from '../model/run/program.ts';
import { traceForward } from '../model/transformer/forward.ts';
import { adamW, createTrainer, crossEntropy } from '../nn/index.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { seconds } from './clock.ts';
import { matmulFlops } from './flops.ts';
import { prompt } from './forward.ts';
import { paired, type Settings, spread } from './measure.ts';
import type { Sizes } from './sizes.ts';
import type { BenchResult } from './types.ts';

/**
 * One training step: forward, backward and AdamW in one program. The roofline counts three times
 * the matrix products of a forward pass, the usual measure: twice as many again go backwards, and
 * what is computed a second time counts for nothing.
 */
export async function trainStep(
  runtime: Runtime,
  sizes: Sizes,
  settings: Settings,
): Promise<BenchResult> {
  const { config, batch, pos } = sizes.train;
  const trainer = await createTrainer({
    runtime,
    params: randomParameters(config, 0),
    batch: {
      tokens: { shape: [batch, pos], dtype: 'int64' },
      targets: { shape: [batch, pos], dtype: 'int64' },
    },
    optimiser: adamW(),
    loss: (param, { tokens, targets }) =>
      crossEntropy(traceForward(config, { tokens, param }).logits, targets),
  });
  const ids = prompt(batch * pos + 1, config.dVocab);
  const feeds = {
    tokens: tensorData(ids.slice(0, -1), [batch, pos], 'int64'),
    targets: tensorData(ids.slice(1), [batch, pos], 'int64'),
  };
  const step = () => trainer.step([feeds], 1e-3);
  const forward = forwardProgram(config, { edits: [], record: [], logits: 'all' });
  await step();
  const { values, rooflines, ratio } = await paired(settings, {
    name: 'train',
    work: { flops: 3 * matmulFlops(forward, { batch, pos }) },
    run: () => seconds(settings.clock, step),
  });
  await trainer.release();
  return {
    name: 'train',
    ...spread(values),
    unit: 's',
    roofline: spread(rooflines).value,
    ratio,
    bar: 0.45,
    rule: 'ratio >= bar',
    ok: ratio >= 0.45,
    about:
      `one step (forward, backward, AdamW) of ${config.nLayers} layers, d_model ${config.dModel}, ` +
      `vocabulary ${config.dVocab}, ${batch} × ${pos} tokens; roofline: three times the forward ` +
      'matrix products at the matmul rate',
  };
}
