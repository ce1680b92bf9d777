import type { Command } from 'commander';
import type { Context } from './context.ts';

/** A sub-command: how it looks on the command line, and what it does. */
export interface CommandSpec {
  /** Adds arguments, options and help; `--json` is added by the runner. */
  readonly define: (command: Command) => Command;
  /** `args` are the positional arguments in order. Resolves to the exit code (0 unless told). */
  readonly action: (
    context: Context,
    // biome-ignore lint/suspicious/noExplicitAny: commander hands over what define() declared.
    input: { args: any[]; options: any },
  ) => Promise<number | undefined>;
  readonly name: string;
  /** Options that name what is written, checked before any work is done: a file whose folder exists, or a folder. */
  readonly writes?: { readonly files?: readonly string[]; readonly folders?: readonly string[] };
  readonly summary: string;
  /** Complete command lines with what they do, shown at the end of `--help`. */
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** Shown after the examples of `--help`, such as a whole configuration. */
  readonly details?: string;
  readonly subcommands?: readonly CommandSpec[];
}

/** Exit codes: everything worked, it did not work, what was asked for is wrong, or Ctrl-C stopped it. */
export const EXIT = { ok: 0, failed: 1, badInput: 2, interrupted: 130 } as const;
