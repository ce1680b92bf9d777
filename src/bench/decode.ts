import { median } from './clock.ts';
import { prompt, type Subject, weightBytes } from './forward.ts';
import { bound, type Settings, spread } from './measure.ts';
import type { BenchResult } from './types.ts';

/** Tokens of the prompt that the generated ones follow. */
const PROMPT = 16;

/**
 * Greedy tokens one by one over a key-value cache, through the public interface, sampling included.
 * A run is long, so it pauses every few tokens for a roofline of its own.
 */
export async function decode(subject: Subject, settings: Settings): Promise<BenchResult> {
  const { model, sizes } = subject;
  const tokens = prompt(Math.min(PROMPT, sizes.short), model.config.dVocab);
  // One row of the position table is read per token, of everything else all of it.
  const positions = model.params['pos_embed.weight'].data.byteLength;
  const work = { bytes: weightBytes(model.params) - positions };
  const values: number[] = [];
  const bounds: number[] = [];
  const generate = (maxTokens: number) =>
    model.stream(tokens, { maxTokens, stopTokens: [], weights: 'frozen' });
  const run = async () => {
    let count = 0;
    let before = bound(work, await settings.rooflines.sample());
    let start = 0;
    // The first token comes out of the prompt's own run; the clock starts when it is there.
    for await (const _ of generate(sizes.decode + 1)) {
      if (count > 0 && count % sizes.decodeSample === 0) {
        const elapsed = settings.clock() - start;
        const after = bound(work, await settings.rooflines.sample());
        values.push(elapsed / sizes.decodeSample);
        bounds.push((before + after) / 2);
        before = after;
        settings.signal?.throwIfAborted();
      }
      if (count % sizes.decodeSample === 0) start = settings.clock();
      count++;
      const progress = { label: 'decode256', done: count, total: sizes.decode + 1 };
      settings.progress({ ...progress, unit: 'tokens' });
    }
  };
  // Compiles both programs.
  for await (const _ of generate(2)) settings.signal?.throwIfAborted();
  const samples = sizes.decode / sizes.decodeSample;
  for (let done = 0; done < settings.repeats; done += samples) await run();
  const ratio = median(values.map((value, i) => bounds[i] / value));
  return {
    name: 'decode256',
    ...spread(values),
    unit: 's/token',
    roofline: median(bounds),
    ratio,
    bar: 0.4,
    rule: 'ratio >= bar',
    ok: ratio >= 0.4,
    about:
      `per token, ${sizes.decode} greedy tokens with a key-value cache, batch 1, weights frozen; ` +
      'roofline: reading the weights once per token',
  };
}
