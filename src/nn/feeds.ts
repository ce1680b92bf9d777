import { GlassboxError } from '../base/error.ts';
import { formatShape } from '../graph/dim.ts';
import type { TensorData } from '../graph/op.ts';
import type { Program } from '../graph/program.ts';

/** Only what the program asks for: parts of a batch or of the state may be unused. */
export function selectInputs<T = TensorData>(
  program: Program,
  feeds: Readonly<Record<string, T>>,
): Record<string, T> {
  const out: Record<string, T> = {};
  for (const { attrs } of program.inputs) {
    const value = feeds[attrs.name];
    if (value === undefined) {
      throw new GlassboxError(`the batch has no '${attrs.name}'`, {
        code: 'bad-batch',
        remedy: `Return '${attrs.name}' ${formatShape(attrs.shape)} from the data source.`,
        details: { name: attrs.name, given: Object.keys(feeds) },
      });
    }
    out[attrs.name] = value;
  }
  return out;
}
