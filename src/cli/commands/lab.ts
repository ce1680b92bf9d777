import { stat } from 'node:fs/promises';
import { GlassboxError } from '../../base/error.ts';
import { DEFAULT_PORT, startLab } from '../../lab/index.ts';
import { DEFAULT_MODEL, findModel } from '../../model/index.ts';
import type { CommandSpec } from '../command.ts';
import { dictionaryFolder } from '../dictionaries.ts';
import { withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';

/** Resolves when the lab is asked to stop: by Ctrl-C, or by SIGTERM as service managers send it. */
async function untilStopped(signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  process.once('SIGTERM', stop);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  await stopped;
  process.off('SIGTERM', stop);
}

async function checkFolder(folder: string): Promise<void> {
  if ((await stat(folder)).isDirectory()) return;
  throw new GlassboxError(`--dictionaries ${folder} is a file`, {
    code: 'no-dictionary',
    remedy: 'Give the folder of a dictionary, or one that holds such folders.',
    details: { folder },
  });
}

export const lab: CommandSpec = {
  name: 'lab',
  summary: 'serve the web page that looks inside models, on this machine only',
  examples: [
    { line: 'lab', does: `prints the address, http://127.0.0.1:${DEFAULT_PORT}/ when it is free` },
    { line: 'lab --model ./my-model --port 8080', does: 'another model first, on a fixed port' },
    {
      line: 'lab --dictionaries my/dictionaries --runs my/runs',
      does: 'your own dictionaries beside the shipped ones, and trainings while they go on',
    },
    {
      line: 'lab --dictionaries cross-layer',
      does: "graphs by the model's cross-layer transcoders instead of those per layer",
    },
    { line: 'lab --json', does: 'prints {url, port, pid}, then serves until it is stopped' },
    {
      line: 'lab --host 0.0.0.0',
      does: 'lets other machines in; GLASSBOX_LAB_TOKEN must hold a long random text',
    },
  ],
  define: (command) =>
    withModel(command)
      .option(
        '-p, --port <n>',
        `port that must be free; without it the first free one from ${DEFAULT_PORT} on`,
        wholeNumber('--port', 0, 65_535),
      )
      .option('--host <address>', 'address to listen on; others than loopback need a token')
      .option('--token <text>', 'what visitors must know; better in GLASSBOX_LAB_TOKEN')
      .option(
        '--dictionaries <folder...>',
        "dictionaries to look at beside the model's own; a set among them is what graphs are made of",
      )
      .option('--runs <folder...>', 'trainings of dictionaries to follow; ./runs unless told')
      .option('--origin <origin...>', 'further exact origins, such as that of a reverse proxy'),
  async action(context, { options }) {
    const { model, port, host, origin: origins, dictionaries, runs } = options;
    const token = options.token ?? process.env.GLASSBOX_LAB_TOKEN;
    // A wrong name is told at once; without the built-in model the lab still serves any other.
    if (model !== DEFAULT_MODEL) await findModel(model);
    const folders = await Promise.all(
      (dictionaries ?? []).map((text: string) => dictionaryFolder(text, { model })),
    );
    for (const folder of folders) await checkFolder(folder);
    const running = await startLab({
      ...{ model, port, host, token, origins, runs },
      dictionaries: folders,
    });
    try {
      const { url } = running;
      context.result({ url, port: running.port, pid: process.pid }, () => `Glassbox lab: ${url}`);
      void running.warmed.then((error) => {
        if (error) context.note(`The model ${model} cannot be used yet: ${error.message}`);
      });
      await untilStopped(context.signal);
    } finally {
      await running.close();
    }
    return undefined;
  },
};
