import { GlassboxError } from '../base/error.ts';
import type { TensorData } from '../graph/op.ts';
import type { Program } from '../graph/program.ts';
import type { Feeds, Runtime } from '../runtime/runtime.ts';
import { selectInputs } from './feeds.ts';

/** Names of float tensors with a NaN or an infinity in them. */
export function nonFiniteNames(tensors: Feeds): string[] {
  return Object.entries(tensors)
    .filter(([, { dtype, data }]) => dtype === 'float32' && !allFinite(data as Float32Array))
    .map(([name]) => name);
}

function allFinite(data: Float32Array): boolean {
  // x · 0 is 0 for finite x and NaN otherwise, so one sum tells without a branch per element.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * 0;
  return sum === 0;
}

/**
 * Looks for the culprit of a step that gave NaN or infinity: a value that is already bad (parameter
 * or batch), else the parameters whose gradient is. Runs the gradients once more, which is
 * affordable because it happens once.
 */
export async function nonFiniteError(context: {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly feeds: readonly Feeds[];
  readonly result: { readonly loss: number; readonly gradNorm: number };
  readonly step: number;
}): Promise<GlassboxError> {
  const { runtime, program, result, step } = context;
  const feeds = context.feeds.map((feed) => selectInputs(program, feed));
  const badInputs = [...new Set(feeds.flatMap(nonFiniteNames))];
  const executable = await runtime.compile(program);
  const badGradients = new Set<string>();
  try {
    for (const feed of feeds) {
      const gradients: Record<string, TensorData> = await executable.run(feed);
      for (const name of nonFiniteNames(gradients)) badGradients.add(name);
    }
  } finally {
    await executable.release();
  }
  const what = Number.isFinite(result.loss)
    ? `the gradient norm is ${result.gradNorm}`
    : `the loss is ${result.loss}`;
  return new GlassboxError(`step ${step}: ${what}; ${describe(badInputs, [...badGradients])}`, {
    code: 'not-finite',
    remedy:
      'The state before this step is kept. Lower the learning rate, clip gradients, or check the data of this step.',
    kind: 'failure',
    details: {
      step,
      parameter: badInputs[0] ?? [...badGradients][0] ?? null,
      inputs: badInputs,
      gradients: [...badGradients],
    },
  });
}

function describe(inputs: readonly string[], gradients: readonly string[]): string {
  const rest = (names: readonly string[]) =>
    names.length > 1 ? ` and ${names.length - 1} more` : '';
  if (inputs.length > 0) return `the value of '${inputs[0]}'${rest(inputs)} is not finite`;
  if (gradients.length > 0) {
    return `the gradient of '${gradients[0]}'${rest(gradients)} is not finite`;
  }
  return 'every gradient is finite, but their squares overflow';
}
