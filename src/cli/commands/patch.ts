import { GlassboxError } from '../../base/error.ts';
import {
  activationPatching,
  attributionPatching,
  type NamedPositions,
  patchSites,
} from '../../microscope/patching.ts';
import { oneOf, resolveToken } from '../../microscope/prompt.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, withModel } from '../model.ts';
import { fixed, quoteToken, table } from '../table.ts';

/** Reads `S2=10:9` pairs. A name that is a number would look like a position. */
function alignment(pairs: readonly string[] | undefined): NamedPositions | undefined {
  if (!pairs) return undefined;
  const bad = (message: string) =>
    new GlassboxError(message, {
      code: 'bad-option',
      remedy: 'Give for instance: --align S2=10:9 END=-1:-1',
    });
  const places = new Map<string, readonly [number, number]>();
  for (const pair of pairs) {
    const [, name, clean, corrupted] = /^([^=\d][^=]*)=(-?\d+):(-?\d+)$/.exec(pair) ?? [];
    if (name === undefined) throw bad(`--align '${pair}' is not of the form name=clean:corrupted`);
    if (places.has(name)) throw bad(`--align names '${name}' twice`);
    places.set(name, [Number(clean), Number(corrupted)]);
  }
  return Object.fromEntries(places);
}

export const patch: CommandSpec = {
  name: 'patch',
  summary: 'activation patching sweep between a clean and a corrupted prompt',
  examples: [
    {
      line: 'patch --clean "When Mary and John went out, John gave the book to" --corrupted "When Mary and John went out, Mary gave the book to" --target Mary --distractor John',
      does: 'residual stream, layer by position; 1 restores the clean answer, 0 does nothing',
    },
    {
      line: 'patch --clean "When Mary and John were at the park, John gave a ball to" --corrupted "When Mary and John were at the park, Mary gave a ball to" --target Mary --distractor John --site z --json',
      does: 'every head',
    },
  ],
  define: (command) =>
    withModel(command)
      .requiredOption('--clean <prompt>', 'prompt with the answer')
      .requiredOption('--corrupted <prompt>', 'prompt of the same number of tokens without it')
      .requiredOption('--target <token>', 'right answer to the clean prompt, as text or #id')
      .requiredOption('--distractor <token>', 'token it is compared with')
      .option('--site <site>', `one of ${patchSites.join(', ')} (z: heads)`, 'resid_pre')
      .option(
        '--direction <way>',
        'denoise: clean into corrupted; noise: corrupted into clean',
        'denoise',
      )
      .option('--by-position', 'heads only: every head at every position')
      .option('--all-positions', 'all positions at once, also for the stream and for layers')
      .option(
        '--align <name=clean:corrupted...>',
        'places that correspond, for prompts of different length; negative from the end',
      )
      .option('--estimate', 'first-order estimate of all places from one backward pass'),
  async action(context, { options }) {
    const site = oneOf('site', options.site, patchSites);
    const direction = oneOf('direction', options.direction, ['denoise', 'noise'] as const);
    const model = await openModel(context, options);
    const clean = promptTokens(model, options.clean);
    const sweep = options.estimate ? attributionPatching : activationPatching;
    if (options.allPositions && options.byPosition) {
      throw new GlassboxError('--by-position and --all-positions exclude each other', {
        code: 'bad-option',
        remedy: 'Give one of the two.',
      });
    }
    const byPosition = options.allPositions ? false : options.byPosition;
    const result = await sweep(model, {
      clean: clean.ids,
      corrupted: promptTokens(model, options.corrupted).ids,
      target: resolveToken(model, options.target),
      distractor: resolveToken(model, options.distractor),
      site,
      direction,
      byPosition,
      positions: alignment(options.align),
      progress: context.progress,
      signal: context.signal,
    });
    context.result({ ...result, tokens: clean.tokens }, () => {
      const { rows, columns } = result.axes;
      const head = columns.labels.map((label) =>
        columns.name === 'position' && /^\d+$/.test(label)
          ? quoteToken(clean.tokens[Number(label)].text)
          : label,
      );
      const lines = rows.labels.map((label, i) => [
        label,
        ...result.effect[i].map((x) => fixed(x, 2)),
      ]);
      const { metric } = result;
      return [
        table([`${rows.name} \\ ${columns.name}`, ...head], lines),
        `logit difference: clean ${fixed(metric.clean)}, corrupted ${fixed(metric.corrupted)}; effect 1 = clean, 0 = corrupted`,
      ].join('\n');
    });
    return undefined;
  },
};
