import { GlassboxError } from '../../base/error.ts';

/**
 * The error of numbers that are not finite where an answer is read: an answer made of them looks like one
 * (the first token of the vocabulary, an empty text), so none is given.
 *
 * @param what is not a number, as the reader would name it
 * @param options.edited interventions were active, which can leave the float32 range too
 */
export function notFinite(
  what: string,
  { edited = false }: { readonly edited?: boolean } = {},
): GlassboxError {
  return new GlassboxError(`${what} are not numbers: NaN or infinity`, {
    code: 'not-finite',
    remedy: edited
      ? 'Use smaller strengths or values in the edits; if it stays, check the weights of the model.'
      : 'Check the weights of the model: numbers that are not finite spread through all of it.',
    kind: edited ? 'input' : 'failure',
    details: { what },
  });
}
