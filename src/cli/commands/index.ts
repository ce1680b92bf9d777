import type { CommandSpec } from '../command.ts';

/** All sub-commands, in the order of `glassbox --help`. */
export const commands: readonly CommandSpec[] = [];
