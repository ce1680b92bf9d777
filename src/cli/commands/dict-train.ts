import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GlassboxError } from '../../base/error.ts';
import { checkFolderWritable, writeFileAtomic } from '../../base/files.ts';
import {
  configuredTasks,
  type Dictionary,
  type DictionaryEvent,
  type DictionaryReport,
  type DictionaryTask,
  diskSource,
  type EvaluateDictionaryOptions,
  evaluateDictionary,
  evaluateSet,
  figuresOf,
  modelHash,
  OTHER,
  parseTrainConfig,
  type ReplacementScores,
  replacementScores,
  type SetReport,
  saveDictionary,
  shufflingBuffer,
  storeActivations,
  storedDictionary,
  type TokenSource,
  type TrainConfig,
  type TrainedDictionaries,
  taskAddresses,
  trainDictionaries,
  writeCard,
} from '../../microscope/dictionary/index.ts';
import { asSet, replacedLayer } from '../../microscope/dictionary/set.ts';
import { type Model, openModel } from '../../model/index.ts';
import { nodeRuntime } from '../../runtime/index.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import type { Context } from '../context.ts';
import { checkSameTokens, excludedTokens, openCorpus } from '../corpus.ts';
import { fixed, table } from '../table.ts';

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GlassboxError(`cannot read ${path}`, {
      code: 'no-file',
      remedy: 'Give the path of a configuration in JSON.',
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GlassboxError(`${path} is not JSON: ${(cause as Error).message}`, {
      code: 'bad-train-config',
      remedy: 'Correct the file; strings and names need double quotes.',
      cause,
    });
  }
}

/** Rows of text to measure on, in batches of similar length, so that little is padding. */
export function takeBatches(source: TokenSource, count: number): (readonly number[])[][] {
  const rows: (readonly number[])[] = [];
  let size = 1;
  for (let i = 0; i < count; i++) {
    const batch = source.batch(i);
    if (!batch) break;
    size = Math.max(size, batch.length);
    rows.push(...batch);
  }
  rows.sort((a, b) => a.length - b.length);
  const out: (readonly number[])[][] = [];
  for (let start = 0; start < rows.length; start += size) out.push(rows.slice(start, start + size));
  return out;
}

interface Setup {
  readonly config: TrainConfig;
  readonly model: Model;
  readonly other?: Model;
  readonly tasks: readonly DictionaryTask[];
  readonly excluded: readonly number[];
}

async function openSource(context: Context, setup: Setup) {
  const { config, model, other, tasks, excluded } = setup;
  const wanted = [...new Set(tasks.flatMap(taskAddresses))];
  const own = wanted.filter((address) => !address.startsWith(OTHER));
  const others = wanted
    .filter((address) => address.startsWith(OTHER))
    .map((address) => address.slice(OTHER.length));
  const sources = [
    { model, addresses: own },
    ...(other ? [{ model: other, addresses: others, prefix: OTHER }] : []),
  ].filter(({ addresses }) => addresses.length > 0);
  const tokens = await openCorpus(model, config.corpus);
  const filter = { excluded, maxNormRatio: config.maxNormRatio };
  const { rows, seeds, buffer } = config;
  if (!buffer?.store) {
    const capacity = buffer?.rows;
    return shufflingBuffer({ sources, tokens, filter, rows, seed: seeds[0], capacity });
  }
  await storeActivations(buffer.store, {
    sources,
    tokens,
    filter,
    rows: buffer.storeRows ?? config.steps * rows,
    blockRows: buffer.rows ?? 64 * rows,
    progress: context.progress,
    signal: context.signal,
  });
  if (context.signal.aborted) {
    throw new GlassboxError('stopped while activations were stored', {
      code: 'interrupted',
      remedy: 'Run the command again to go on.',
      kind: 'failure',
    });
  }
  return diskSource(buffer.store, { rows, seed: seeds[0] });
}

/** What activations depend on besides the model, so that no checkpoint is continued on other text. */
async function dataOf({ config, other, excluded }: Setup) {
  const { corpus, maxNormRatio = null, buffer = null, seeds } = config;
  const text = 'text' in corpus ? await readFile(corpus.text) : '';
  return {
    corpus,
    text: createHash('sha256').update(text).digest('hex'),
    other: other ? modelHash(other) : null,
    ...{ excluded, maxNormRatio, buffer, seed: seeds[0] },
  };
}

async function endsInNewline(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    return size === 0 || buffer[0] === 10;
  } finally {
    await handle.close();
  }
}

/** Shows the bar, and appends every event to the run's log. */
async function listeners(context: Context, run: string) {
  await mkdir(run, { recursive: true });
  const path = join(run, 'events.jsonl');
  // A line that a crash cut short must not swallow the first one after it.
  const cut = existsSync(path) && !(await endsInNewline(path).catch(() => true));
  let steps = 0;
  // Appends are chained, so that lines stay in order and whole. A log that cannot be written stops no training.
  let failed = false;
  const append = (text: string) =>
    appendFile(path, text).catch((error: Error) => {
      if (!failed) context.note(`The log cannot be written, training goes on: ${error.message}`);
      failed = true;
    });
  let writing: Promise<void> = cut ? append('\n') : Promise.resolve();
  const log = (event: DictionaryEvent) => {
    const line = `${JSON.stringify({ time: Date.now(), ...event })}\n`;
    writing = writing.then(() => append(line));
  };
  const show = (event: DictionaryEvent) => {
    if (event.type === 'started') steps = event.steps;
    if (event.type === 'step') {
      const label = 'training dictionaries';
      context.progress({ label, done: event.step + 1, total: steps, unit: 'steps' });
    }
  };
  return { all: [log, show], done: () => writing };
}

/** A set, and how well it explains predictions where it stands in for every MLP. */
export interface MeasuredSet extends SetReport {
  readonly graphs?: ReplacementScores;
}

/** Held-out rows without their end, as prompts whose answer is explained. */
export function graphPrompts(
  tokens: readonly (readonly (readonly number[])[])[],
  count: number,
): number[][] {
  const rows = tokens.flat().filter((row) => row.length >= 6);
  // Rows come in order of length; an even stride takes short and long ones alike.
  const stride = Math.max(1, Math.floor(rows.length / count));
  return rows
    .filter((_, i) => i % stride === 0)
    .slice(0, count)
    .map((row) => row.slice(0, -2));
}

/** Prompts that a set's replacement score is measured on. */
const GRAPHS = 24;

export async function measureSet(
  context: Context,
  { model, excluded }: Pick<Setup, 'model' | 'excluded'>,
  parts: readonly Dictionary[],
  tokens: (readonly number[])[][],
): Promise<MeasuredSet> {
  const { progress, signal } = context;
  const filter = { excluded };
  const report = await evaluateSet(model, parts, { tokens, filter, progress, signal });
  if (parts.some((part, layer) => replacedLayer(part) !== layer)) return report;
  if (parts.length !== model.config.nLayers) return report;
  const set = asSet(parts);
  const graphs = await replacementScores(model, set, graphPrompts(tokens, GRAPHS), {
    progress,
    signal,
  });
  return { ...report, graphs };
}

async function measure(
  context: Context,
  setup: Setup,
  trained: Pick<TrainedDictionaries, 'dictionaries'>,
) {
  const { config, model, excluded } = setup;
  const heldOut = config.heldOut && (await openCorpus(model, config.heldOut));
  const tokens = heldOut && takeBatches(heldOut, config.heldOutBatches ?? 16);
  const reports: Record<string, DictionaryReport[]> = {};
  const sets: Record<string, MeasuredSet> = {};
  if (!tokens) return { reports, sets, name: null };
  const options = (name: string): EvaluateDictionaryOptions => ({
    tokens,
    filter: { excluded },
    progress: (event) => context.progress({ ...event, label: `evaluating ${name}` }),
    signal: context.signal,
    other: setup.other,
  });
  for (const [name, parts] of Object.entries(trained.dictionaries)) {
    const [base] = name.split('@');
    // A layer of a cross-layer set reconstructs nothing alone.
    if (parts.length === 1) {
      reports[base] = [
        ...(reports[base] ?? []),
        await evaluateDictionary(model, parts[0], options(name)),
      ];
    } else sets[name] = await measureSet(context, setup, parts, tokens);
  }
  for (const [name, members] of Object.entries(config.sets ?? {})) {
    const parts = members.map((member) => trained.dictionaries[member][0]);
    sets[name] = await measureSet(context, setup, parts, tokens);
  }
  return { reports, sets, name: heldOut.name };
}

/** A small configuration that runs as it stands. */
export const EXAMPLE = `{
  "model": "glassbox-atlas",
  "corpus": { "world": { "seed": 1 } },
  "heldOut": { "world": { "seed": 2, "split": "held-out" } },
  "out": "my-dictionaries",
  "rows": 512,
  "steps": 100,
  "dictionaries": [
    {
      "name": "transcoder-{l}",
      "kind": "transcoder",
      "layers": [0, 1, 2, 3],
      "reads": "blocks.{l}.mlp.hook_in",
      "writes": "blocks.{l}.hook_mlp_out",
      "width": 512,
      "rule": { "kind": "topk", "k": 16 }
    }
  ]
}`;

/** The same dictionaries with weights rounded as they are saved: cards tell of the files. */
async function asStored<T extends Pick<TrainedDictionaries, 'dictionaries'>>(
  trained: T,
  floats: TrainConfig['floats'],
): Promise<T> {
  const rounded = Object.entries(trained.dictionaries).map(
    async ([name, parts]) =>
      [name, await Promise.all(parts.map((part) => storedDictionary(part, { floats })))] as const,
  );
  return { ...trained, dictionaries: Object.fromEntries(await Promise.all(rounded)) };
}

export const trainCommand: CommandSpec = {
  name: 'train',
  summary: 'train dictionaries on activations streamed from a model; resumes what was interrupted',
  examples: [
    {
      line: 'dict train dictionaries.json',
      does: 'trains what the file says; Ctrl-C keeps a checkpoint, the same command goes on',
    },
  ],
  details: `A whole configuration, for dictionaries.json (\`{l}\` becomes each of the layers):
${EXAMPLE.replaceAll(/^/gm, '  ')}

Every field: docs/recipes/0005-dictionaries.md`,
  define: (command) => command.argument('<config>', 'configuration, JSON'),
  async action(context, { args: [path] }) {
    const config = parseTrainConfig(await readJson(path), path);
    const run = config.run ?? join(config.out, 'run');
    for (const folder of [config.out, run]) await checkFolderWritable(folder);
    const load = { onProgress: context.progress };
    const model = await openModel(config.model, load);
    const other = config.other ? await openModel(config.other, load) : undefined;
    if (other) checkSameTokens(model, other);
    const tasks = configuredTasks(config, { model, other });
    const excluded = excludedTokens(model, config.exclude);
    const setup: Setup = { config, model, other, tasks, excluded };
    const source = await openSource(context, setup);
    const listening = await listeners(context, run);
    const { rows, steps, normalise, deadAfter, prune, warmup, decay } = config;
    const trained = await trainDictionaries({
      tasks,
      source,
      runtime: nodeRuntime({ threads: config.threads }),
      rows,
      steps,
      model: { name: model.name, hash: modelHash(model) },
      data: await dataOf(setup),
      normalise,
      deadAfter,
      prune,
      warmup,
      decay,
      checkpoints: { folder: join(run, 'checkpoints'), every: config.checkpointEvery },
      signal: context.signal,
      listeners: listening.all,
    });
    await listening.done();
    if (trained.interrupted) {
      context.result(
        { step: trained.step, steps, interrupted: true },
        () => `Stopped after ${trained.step} of ${steps} steps; run the command again to go on.`,
      );
      return EXIT.interrupted;
    }
    const stored = await asStored(trained, config.floats);
    const kept = Object.entries(stored.dictionaries)
      .filter(([name]) => !name.includes('@'))
      .flatMap(([name, parts]) =>
        parts.map((dictionary, part) => ({
          name,
          dictionary,
          folder: join(config.out, parts.length === 1 ? name : `${name}-${part}`),
        })),
      );
    // Before they are measured: what cannot be measured, or is stopped there, is trained all the same.
    for (const { folder, dictionary } of kept) {
      await saveDictionary(folder, dictionary, { floats: config.floats });
    }
    const saved = kept.map(({ folder }) => folder);
    const { reports, sets, name: measuredOn } = await measure(context, setup, stored);
    const trainedOn = (await openCorpus(model, config.corpus)).name;
    for (const { name, dictionary, folder } of kept) {
      const own = reports[name];
      if (!own || !measuredOn) continue;
      const trainedFeatures = tasks.find((task) => task.name === name)?.dDict;
      const about = { name, dictionary, reports: own, trainedOn, measuredOn, steps, rows };
      await writeCard(folder, { ...about, trainedFeatures });
    }
    const figures = Object.fromEntries(
      Object.entries(reports).map(([name, [own]]) => [name, figuresOf(own)]),
    );
    const setFigures = Object.fromEntries(
      Object.entries(sets).map(([name, { splice, dictionaries, graphs }]) => [
        name,
        { splice, l0: dictionaries.map(({ l0 }) => l0), graphs },
      ]),
    );
    if (Object.keys(setFigures).length > 0) {
      const json = { measuredOn, sets: setFigures };
      await writeFileAtomic(join(config.out, 'sets.json'), `${JSON.stringify(json, null, 2)}\n`);
    }
    context.result({ saved, figures, sets: setFigures }, () => {
      const lines = Object.entries(figures).map(([name, one]) => [
        name,
        fixed(one.l0, 1),
        fixed(one.explainedVariance),
        fixed(one.ceRecovered),
        fixed(one.dead),
      ]);
      const together = Object.entries(sets).map(([name, { splice, graphs }]) => {
        const score = graphs ? `, replacement score ${fixed(graphs.replacement.mean)}` : '';
        return `${name}, all in place: CE recovered ${fixed(splice.ceRecovered)}${score}`;
      });
      const head = ['dictionary', 'L0', 'explained variance', 'CE recovered', 'dead'];
      return [table(head, lines), ...together, `Saved: ${saved.join(', ')}`].join('\n');
    });
    return undefined;
  },
};
