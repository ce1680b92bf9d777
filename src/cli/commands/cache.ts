import { GlassboxError } from '../../base/error.ts';
import { writeSafetensors } from '../../base/safetensors/index.ts';
import { formatShape } from '../../graph/dim.ts';
import type { TypedData } from '../../graph/op.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, promptTokens, withModel } from '../model.ts';
import { table } from '../table.ts';

export const cache: CommandSpec = {
  name: 'cache',
  writes: { files: ['out'] },
  summary: 'write activations of a prompt to a safetensors file, one tensor per address',
  examples: [
    { line: 'cache "37 + 48 =" --out cache.safetensors', does: 'every address' },
    {
      line: 'cache "37 + 48 =" --at "blocks.*.attn.hook_pattern" --at logits --out attention.safetensors',
      does: 'some addresses; * matches within a name between dots, ** across dots',
    },
    { line: 'cache "37 + 48 =" --list', does: 'the addresses of the model with their shapes' },
  ],
  define: (command) =>
    withModel(command)
      .argument('<prompt>', 'the prompt')
      .option('--at <address...>', 'addresses or globs; all when left out')
      .option('-o, --out <file>', 'file to write')
      .option('--list', 'list addresses, shapes and meanings instead'),
  async action(context, { args: [prompt], options }) {
    const model = await openModel(context, options);
    if (options.list) {
      const list = model.addresses;
      context.result({ addresses: list }, () =>
        table(
          ['address', 'shape', 'meaning'],
          list.map(({ address, shape, meaning }) => [address, formatShape(shape), meaning]),
        ),
      );
      return undefined;
    }
    if (options.out === undefined) {
      throw new GlassboxError('no file to write to', {
        code: 'bad-option',
        remedy: 'Add --out FILE.safetensors, or --list to see the addresses.',
      });
    }
    const { ids, tokens } = promptTokens(model, prompt);
    const { cache: values } = await model.runWithCache(ids, options.at ?? '**');
    const stored: Record<string, { shape: readonly number[]; data: TypedData }> = {
      tokens: { shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
    };
    for (const [address, { shape, data }] of Object.entries(values)) {
      stored[address] = { shape, data };
    }
    await writeSafetensors(options.out, stored, { metadata: { prompt, model: model.name } });
    const tensors = Object.entries(stored).map(([address, { shape }]) => ({ address, shape }));
    context.result({ file: options.out, tokens, tensors }, () => {
      const rows = tensors.map(({ address, shape }) => [address, formatShape(shape)]);
      return `${table(['address', 'shape'], rows)}\nwrote ${tensors.length} tensors to ${options.out}`;
    });
    return undefined;
  },
};
