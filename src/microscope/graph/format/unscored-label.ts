/**
 * What a feature is called where no label reached the bars. The mark in front is the same on the page, on the command line
 * and in graph files: nothing confirms such a name.
 *
 * @param text tokens in quotes, as a label below the bars has them
 */
export function unscoredName(text: string): string {
  return `? ${text}`;
}

/** {@link unscoredName} of a feature that nobody labelled: the token whose logit it raises most. */
export function raisedName(token: string): string {
  return unscoredName(`→ '${token.replaceAll('\n', '⏎')}'`);
}
