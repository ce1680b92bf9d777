import { GlassboxError } from '../base/error.ts';

/** float32 carries seven significant digits; more only makes answers longer. */
const DIGITS = 7;

/**
 * The JSON text of an answer as UTF-8, with numbers rounded to what float32 holds.
 *
 * @throws GlassboxError `not-finite` when a number is NaN or infinite, which JSON cannot say
 */
export function answerJson(answer: object): Uint8Array {
  const text = JSON.stringify(answer, (key, value: unknown) => {
    if (typeof value !== 'number' || Number.isInteger(value)) return value;
    if (Number.isFinite(value)) return Number(value.toPrecision(DIGITS));
    throw new GlassboxError(`the answer holds ${value} at '${key}'`, {
      code: 'not-finite',
      remedy: 'Use smaller strengths or values in the edits, or check the weights of the model.',
    });
  });
  return new TextEncoder().encode(text);
}
