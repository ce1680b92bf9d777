import { Command, CommanderError } from 'commander';
import { GlassboxError, isGlassboxError } from '../base/error.ts';
import { checkFileWritable, checkFolderWritable } from '../base/files.ts';
import { type CommandSpec, EXIT } from './command.ts';
import { commands } from './commands/index.ts';
import { type Context, createContext, type Streams } from './context.ts';
import { packageVersion } from './version.ts';

/** Runs one command line and returns its exit code. Never throws. */
export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const json = argv.includes('--json');
  const controller = new AbortController();
  const context = createContext({ json, streams, signal: controller.signal });
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    context.note('Stopping after the current step; press Ctrl-C again to stop at once.');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    let code: number = EXIT.ok;
    const program = createCommand(streams, json);
    for (const spec of commands) attach(program, spec, context, (result) => (code = result));
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    context.finish();
    return report(controller.signal.aborted ? stopped(error) : error, json, streams);
  } finally {
    process.off('SIGINT', interrupt);
    context.finish();
  }
}

function createCommand(streams: Streams, json: boolean): Command {
  return new Command('glassbox')
    .description(
      'Look inside a language model: what each layer says, which features and circuits lead to the answer.',
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      // With --json the error goes to stdout as a document, made in report().
      writeErr: (text) => (json ? undefined : streams.stderr.write(text)),
    })
    .helpCommand(true)
    .showHelpAfterError('(add --help for the options and examples)');
}

function attach(
  parent: Command,
  spec: CommandSpec,
  context: Context,
  done: (code: number) => void,
): void {
  const command = spec.define(parent.command(spec.name).description(spec.summary));
  if (spec.examples.length > 0) {
    const lines = spec.examples.map(({ line, does }) => `  $ glassbox ${line}\n      ${does}`);
    command.addHelpText('after', `\nExamples:\n${lines.join('\n')}\n`);
  }
  if (spec.details) command.addHelpText('after', `\n${spec.details}\n`);
  for (const subcommand of spec.subcommands ?? []) attach(command, subcommand, context, done);
  if (spec.subcommands) return;
  command.option('--json', 'print one JSON document on stdout, progress on stderr');
  command.action(async (...params: unknown[]) => {
    const args = params.slice(0, -2);
    const options = params.at(-2) as Readonly<Record<string, unknown>>;
    await checkPlaces(spec, options);
    done((await spec.action(context, { args, options })) ?? EXIT.ok);
  });
}

/** Throws `write-failed` when what a command is to write could not be written. */
async function checkPlaces(
  { writes = {} }: CommandSpec,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const places = (names: readonly string[] = []) =>
    names.flatMap((name) => (typeof options[name] === 'string' ? [options[name]] : []));
  for (const path of places(writes.files)) await checkFileWritable(path);
  for (const path of places(writes.folders)) await checkFolderWritable(path);
}

/** What was thrown because of Ctrl-C, as the error it is. */
function stopped(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'AbortError') return error;
  return new GlassboxError('stopped', {
    code: 'interrupted',
    remedy: 'Run the command again.',
    kind: 'failure',
    cause: error,
  });
}

const IN_QUOTES = 'Put text with spaces in quotes.';

function report(error: unknown, json: boolean, streams: Streams): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    const unquoted = error.code === 'commander.excessArguments';
    if (unquoted && !json) streams.stderr.write(`  ${IN_QUOTES}\n`);
    if (json) {
      const message = error.message.replace(/^error: /, '');
      const remedy = unquoted
        ? IN_QUOTES
        : 'Run the command with --help to see its arguments and options.';
      writeError(streams, { code: 'bad-command-line', message, remedy });
    }
    return EXIT.badInput;
  }
  const known = isGlassboxError(error) ? error : unexpected(error);
  if (json) writeError(streams, known);
  else streams.stderr.write(`error: ${known.message}\n  ${known.remedy}\n`);
  if (!isGlassboxError(error) || process.env.GLASSBOX_DEBUG) {
    streams.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  }
  if (known.code === 'interrupted') return EXIT.interrupted;
  return known.kind === 'input' ? EXIT.badInput : EXIT.failed;
}

function unexpected(error: unknown): GlassboxError {
  const reason = error instanceof Error ? error.message : String(error);
  return new GlassboxError(`internal: ${reason}`, {
    code: 'internal',
    remedy: 'This is a bug of Glassbox; please report it with the command line and this trace.',
    kind: 'failure',
    cause: error,
  });
}

function writeError(
  streams: Streams,
  { code, message, remedy }: { code: string; message: string; remedy: string },
): void {
  streams.stdout.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
}
