import { GlassboxError } from '../../base/error.ts';
import { openSafetensors } from '../../base/safetensors/index.ts';
import { parseEditSpecs, resolveEdits } from '../../microscope/edit-spec.ts';
import type { LinearHead } from '../../model/export-onnx.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, withModel } from '../model.ts';
import { jsonArgument } from '../parse.ts';

/** Heads out of a safetensors file: `NAME.weight` `[width, outputs]`, `NAME.bias`, address in metadata. */
async function readHeads(file: string): Promise<LinearHead[]> {
  const source = await openSafetensors(file);
  try {
    const names = source.names.filter((name) => name.endsWith('.weight'));
    return await Promise.all(
      names.map(async (weightName) => {
        const name = weightName.slice(0, -'.weight'.length);
        const at = source.metadata[`${name}.at`];
        if (at === undefined) {
          throw new GlassboxError(`${file}: the metadata has no '${name}.at'`, {
            code: 'bad-heads',
            remedy: `Store the address that '${name}' reads as metadata '${name}.at'.`,
          });
        }
        const read = async (tensor: string) => {
          const { shape, data } = await source.readTensor(tensor);
          return { dtype: 'float32' as const, shape, data: data as Float32Array };
        };
        const bias = source.has(`${name}.bias`) ? await read(`${name}.bias`) : undefined;
        return { name, at, weight: await read(weightName), bias };
      }),
    );
  } finally {
    await source.close();
  }
}

export const exportCommand: CommandSpec = {
  name: 'export',
  summary: 'write the model as ONNX, with interventions and linear heads inside',
  examples: [
    { line: 'export model.onnx', does: 'inputs: tokens [batch, pos]; outputs: logits' },
    {
      line: `export steered.onnx --edits '[{"at": "blocks.2.hook_resid_post", "op": "project", "direction": {"token": "yes"}}]'`,
      does: 'the edited model for any ONNX runtime',
    },
    {
      line: 'export probed.onnx --heads probes.safetensors --record "blocks.*.hook_resid_post"',
      does: 'with probes and activations as outputs',
    },
  ],
  define: (command) =>
    withModel(command)
      .argument('<file>', 'file to write; large weights go beside it as FILE.data')
      .option('-e, --edits <json>', 'interventions as JSON, or @file')
      .option('--heads <file>', 'safetensors with NAME.weight, NAME.bias, and metadata NAME.at')
      .option('--record <address...>', 'activations to give as outputs'),
  async action(context, { args: [file], options }) {
    const model = await openModel(context, options);
    const specs = options.edits ? parseEditSpecs(await jsonArgument('--edits', options.edits)) : [];
    const relative = specs.find(({ op }) => ['add', 'freeze', 'patch', 'feature'].includes(op));
    if (relative) {
      throw new GlassboxError(`the edit '${relative.op}' depends on one prompt's activations`, {
        code: 'bad-export',
        remedy:
          'Build in zero, scale, set or project; or use exportOnnx of the library with a vector.',
      });
    }
    const heads = options.heads ? await readHeads(options.heads) : [];
    // The edits left need no prompt to be resolved; any one token will do.
    const edits = await resolveEdits(model, [0], specs);
    const written = await model.exportOnnx(file, { edits, heads, record: options.record ?? [] });
    context.result(written, () => {
      const { path, bytes, inputs, outputs } = written;
      return `wrote ${path} (${bytes} bytes of weights)\ninputs: ${inputs.join(', ')}\noutputs: ${outputs.join(', ')}`;
    });
    return undefined;
  },
};
