import { circuitMetrics, type PathEffect, pathPatching } from '../../microscope/circuits/index.ts';
import { showEstimate } from '../../microscope/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import { circuitExamples, withExamples } from '../circuit-examples.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const size = ({ change }: PathEffect) => Math.abs(change.value);

export const path: CommandSpec = {
  name: 'path',
  summary: 'path patching: what reaches some inputs from each head or MLP, and how much it matters',
  examples: [
    {
      line: 'circuit path --ioi 16 --corruption abc',
      does: 'every head straight to the logits, on sentences of the built-in model',
    },
    {
      line: 'circuit path --ioi 16 --to "a3.h0<v>" "a3.h3<v>" --from input m0 m1 a2.h4',
      does: 'from four nodes into the values of two heads, the two together',
    },
    {
      line: 'circuit path --clean "When Mary and John were at the park, John gave a ball to" --corrupted "When Mary and John were at the park, Mary gave a ball to" --target Mary --distractor John --through-mlps --json',
      does: 'one pair of prompts; paths may run through MLPs',
    },
  ],
  define: (command) =>
    withExamples(withModel(command))
      .option(
        '--from <node...>',
        'senders, each by itself: a3.h0, m2, input; all heads unless told',
      )
      .option('--to <input...>', 'receivers, all together: a3.h0<q>, m3, logits', ['logits'])
      .option(
        '--through-mlps',
        'paths may run through MLPs on the way; only direct ones unless told',
      )
      .option('--free-norms', 'norms are computed again instead of held at the clean run')
      .option('--metric <name>', `one of ${circuitMetrics.join(', ')}`, 'logit-diff')
      .option('--top <n>', 'senders to print', wholeNumber('--top', 0), 20),
  async action(context, { options }) {
    const metric = oneOf('metric', options.metric, circuitMetrics);
    const model = await openModel(context, options);
    const examples = await circuitExamples(model, options);
    const found = await pathPatching(model, examples, {
      senders: options.from,
      receivers: options.to,
      throughMlps: options.throughMlps ?? false,
      freezeNorms: !options.freeNorms,
      metric,
      progress: context.progress,
      signal: context.signal,
    });
    const n = examples.length;
    context.result({ model: model.name, n, metric, ...found }, () => {
      const ranked = [...found.effects].sort((a, b) => size(b) - size(a)).slice(0, options.top);
      const rows = ranked.map(({ sender, change, effect, patched }) => [
        sender,
        showEstimate(effect, 3),
        showEstimate(change, 3),
        fixed(mean(patched)),
      ]);
      const into = found.receivers.join(', ');
      return [
        table(['from', 'share of clean', 'change', 'patched'], rows),
        `showing ${rows.length} of ${found.effects.length} senders, into ${into}; n = ${n}`,
        `${metric}: clean ${fixed(mean(found.clean))}; a share of −1 means that the paths carry all of it`,
      ].join('\n');
    });
    return undefined;
  },
};
