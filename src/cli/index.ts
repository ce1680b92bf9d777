/** The command line as a function: for a program that embeds it, and for tests. */
export { EXIT } from './command.ts';
export type { Streams } from './context.ts';
export { run } from './run.ts';
