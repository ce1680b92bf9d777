import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '../../base/safetensors/index.ts';
import { DEFAULT_MODEL, findModel, listModels } from '../../model/catalogue.ts';
import { pullModel } from '../../model/hub.ts';
import {
  contextLength,
  parameterCount,
  readConfig,
  verifyAgainstReference,
} from '../../model/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import { openModel } from '../model.ts';
import { realNumber } from '../parse.ts';
import { table } from '../table.ts';

const list: CommandSpec = {
  name: 'list',
  summary: 'models that can be used without network: built in, and complete in the hub cache',
  examples: [{ line: 'models list --json', does: 'names, sources and folders' }],
  define: (command) => command,
  async action(context) {
    const entries = await listModels();
    const models = await Promise.all(
      entries.map(async (entry) => {
        const config = await readConfig(entry.folder).catch((error: Error) => error);
        if (config instanceof Error) return { ...entry, problem: config.message };
        return { ...entry, architecture: config.architecture, parameters: parameterCount(config) };
      }),
    );
    context.result({ models }, () =>
      models.length === 0
        ? 'no models; pull one with: glassbox models pull owner/name'
        : table(
            ['name', 'source', 'architecture', 'parameters'],
            models.map((m) =>
              'problem' in m
                ? [m.name, m.source, m.problem, '–']
                : [m.name, m.source, m.architecture, m.parameters.toLocaleString('en')],
            ),
          ),
    );
    return undefined;
  },
};

const pull: CommandSpec = {
  name: 'pull',
  summary: 'download a model from the Hugging Face hub into its cache (HF_HOME rules)',
  examples: [
    {
      line: 'models pull EleutherAI/pythia-70m',
      does: 'with progress; continues where it stopped',
    },
  ],
  define: (command) =>
    command
      .argument('<repo-id>', 'owner/name on the hub')
      .option('--revision <name>', 'branch, tag or commit', 'main'),
  async action(context, { args: [id], options }) {
    const pulled = await pullModel(id, {
      revision: options.revision,
      signal: context.signal,
      onProgress: context.progress,
    });
    context.result(
      pulled,
      () => `${pulled.files.length} files, ${pulled.bytes} bytes in ${pulled.folder}`,
    );
    return undefined;
  },
};

const inspect: CommandSpec = {
  name: 'inspect',
  summary: 'configuration, sizes and tensors of a model, without loading its weights',
  examples: [{ line: 'models inspect', does: 'the built-in model' }],
  define: (command) =>
    command.argument('[model]', 'built-in name, folder or hub id', DEFAULT_MODEL),
  async action(context, { args: [name] }) {
    const { folder, source } = await findModel(name);
    const { raw, ...config } = await readConfig(folder);
    const full = { raw, ...config };
    const weights = await openSafetensors(folder);
    const tensors = weights.names.map((tensor) => ({ ...weights.info(tensor), name: tensor }));
    await weights.close();
    const bytes = (await stat(join(folder, 'model.safetensors')).catch(() => null))?.size ?? null;
    const document = {
      name,
      source,
      folder,
      parameters: parameterCount(full),
      context: contextLength(full),
      bytes,
      config,
      tensors,
    };
    context.result(document, () => {
      const rows = Object.entries(config)
        .filter(([, value]) => typeof value !== 'object')
        .map(([key, value]) => [key, String(value)]);
      return [
        `${name} (${source}) ${folder}`,
        `${document.parameters.toLocaleString('en')} parameters in ${tensors.length} tensors, context ${document.context}`,
        table(['setting', 'value'], rows),
      ].join('\n');
    });
    return undefined;
  },
};

const verify: CommandSpec = {
  name: 'verify',
  summary: 'compare activations and logits with a reference file, tensor by tensor',
  examples: [
    {
      line: 'models verify ./my-model --reference reference.safetensors',
      does: 'runs the tokens of the file; exit code 1 when a tensor is beyond the tolerance',
    },
  ],
  define: (command) =>
    command
      .argument('<model>', 'built-in name, folder or hub id')
      .requiredOption(
        '--reference <file>',
        'safetensors with `tokens` and tensors named by address',
      )
      .option('--tolerance <x>', 'largest accepted difference', realNumber('--tolerance', 0), 1e-4),
  async action(context, { args: [name], options }) {
    const model = await openModel(context, { model: name });
    const { tolerance } = options;
    const result = await verifyAgainstReference(model, options.reference, { tolerance });
    context.result(result, () => {
      const rows = result.tensors.map((t) => [
        t.name,
        t.maxAbs.toExponential(2),
        t.maxRel.toExponential(2),
      ]);
      const verdict = result.ok ? 'ok' : 'DIFFERS';
      return `${table(['tensor', 'max abs', 'max rel'], rows)}\n${verdict}: max abs ${result.maxAbs.toExponential(2)}, tolerance ${tolerance}`;
    });
    return result.ok ? EXIT.ok : EXIT.failed;
  },
};

export const models: CommandSpec = {
  name: 'models',
  summary: 'list, download, inspect and verify models',
  examples: [],
  define: (command) => command,
  action: async () => undefined,
  subcommands: [list, pull, inspect, verify],
};
