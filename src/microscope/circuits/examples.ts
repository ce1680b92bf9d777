import { GlassboxError } from '../../base/error.ts';
import type { TensorData } from '../../graph/op.ts';
import type { Model } from '../../model/model.ts';
import { toBatch } from '../../model/run/batch.ts';
import type { CircuitExample } from './metric.ts';
import { nodesProgram } from './nodes.ts';

/** What a plain run of prompts gives, by output name of `nodesProgram`. */
export type NodeRun = Readonly<Record<string, TensorData>>;

/**
 * Checks that clean and corrupted prompts correspond. With the ablation `zero` nothing is taken from the corrupted
 * prompts, so they may have any length.
 *
 * @throws GlassboxError `no-prompts`, `prompts-differ-in-length`
 */
export function requireExamples(
  examples: readonly CircuitExample[],
  ablation: Ablation = 'corrupted',
): void {
  if (examples.length === 0) {
    throw new GlassboxError('there are no prompts', {
      code: 'no-prompts',
      remedy: 'Give at least one clean and corrupted prompt.',
    });
  }
  examples.forEach(({ clean, corrupted }, i) => {
    if (clean.length === corrupted.length || ablation === 'zero') return;
    throw new GlassboxError(
      `example ${i}: the clean prompt has ${clean.length} tokens, the corrupted one ${corrupted.length}`,
      {
        code: 'prompts-differ-in-length',
        remedy:
          'An edge carries something at every position, so each needs one in the other prompt: use prompts of the same number of tokens, cut edges with --ablation zero (acdc, exact, eval), or patch named places with glassbox patch --align.',
        details: { example: i, clean: clean.length, corrupted: corrupted.length },
      },
    );
  });
}

/**
 * Checks metrics of examples that were run one or more times in a row: what is not a number would else be taken
 * for an edge that does not matter.
 *
 * @throws GlassboxError `not-finite`, naming the example
 */
export function requireFinite(values: readonly number[], examples: number): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  throw new GlassboxError(`the metric of example ${wrong % examples} is not a number`, {
    code: 'not-finite',
    remedy: 'Check the weights: numbers that are not finite spread through the whole model.',
    kind: 'failure',
    details: { example: wrong % examples },
  });
}

/** Last positions of prompts, int64 `[examples]`. */
export function lastPositions(prompts: readonly (readonly number[])[]): TensorData {
  return {
    dtype: 'int64',
    shape: [prompts.length],
    data: BigInt64Array.from(prompts, ({ length }) => BigInt(length - 1)),
  };
}

/** Runs prompts plainly and keeps what every node writes. The arrays are the caller's. */
export async function runNodes(
  model: Model,
  prompts: readonly (readonly number[])[],
): Promise<NodeRun> {
  const { config, runner } = model;
  const kept = runner.program('circuit nodes', 'fed', () => nodesProgram(config));
  const found = await runner.run(kept, {
    tokens: toBatch(config, prompts).tokens,
    last: lastPositions(prompts),
  });
  // The next run of the program writes over its outputs.
  return Object.fromEntries(
    Object.entries(found).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: data.slice() },
    ]),
  );
}

/** What cut edges carry. */
export const ablations = ['corrupted', 'mean', 'zero'] as const;
/** The name of a way to take an edge out. */
export type Ablation = (typeof ablations)[number];

function meanRow(value: TensorData): TensorData {
  const [rows, ...rest] = value.shape;
  const size = rest.reduce((a, b) => a * b, 1);
  const data = new Float32Array(value.data.length);
  const source = value.data as Float32Array;
  const mean = new Float64Array(size);
  for (let i = 0; i < source.length; i++) mean[i % size] += source[i] / rows;
  for (let row = 0; row < rows; row++) data.set(mean, row * size);
  return { dtype: 'float32', shape: value.shape, data };
}

/** A run in which every node writes nothing: only biases of attention outputs are in the stream. */
function zeroRun(model: Model, like: NodeRun): NodeRun {
  const { config, params } = model;
  const stream = new Float64Array(config.dModel);
  const out: Record<string, TensorData> = {};
  const fill = (point: string) => {
    const { shape } = like[`stream.${point}`];
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => stream[i % config.dModel]);
    out[`stream.${point}`] = { dtype: 'float32', shape, data };
  };
  const addBias = (layer: number) => {
    if (!config.biases.attnOut || config.postNorms) return;
    const bias = params[`blocks.${layer}.attn.o.bias`].data as Float32Array;
    bias.forEach((x, i) => {
      stream[i] += x;
    });
  };
  for (let layer = 0; layer < config.nLayers; layer++) {
    fill(`pre.${layer}`);
    if (!config.parallelBlocks) addBias(layer);
    fill(`mid.${layer}`);
    if (config.parallelBlocks) addBias(layer);
  }
  fill('end');
  for (const [name, { shape, data }] of Object.entries(like)) {
    if (name.startsWith('node.')) {
      out[name] = { dtype: 'float32', shape, data: new Float32Array(data.length) };
    }
  }
  return out;
}

/** What nodes write where edges are cut. Throws `prompts-differ-in-length` for means. */
export async function ablationRun(
  model: Model,
  examples: readonly CircuitExample[],
  options: { readonly ablation: Ablation; readonly clean: NodeRun },
): Promise<NodeRun> {
  if (options.ablation === 'zero') return zeroRun(model, options.clean);
  const prompts = examples.map(({ corrupted }) => corrupted);
  if (options.ablation === 'corrupted') return runNodes(model, prompts);
  const lengths = new Set(prompts.map(({ length }) => length));
  if (lengths.size > 1) {
    throw new GlassboxError(
      `prompts of ${[...lengths].join(', ')} tokens have no mean at every position`,
      {
        code: 'prompts-differ-in-length',
        remedy: 'Use prompts of one length, or ablate with corrupted prompts instead.',
      },
    );
  }
  const run = await runNodes(model, prompts);
  return Object.fromEntries(Object.entries(run).map(([name, value]) => [name, meanRow(value)]));
}
