#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './run.ts';

/** True when this file is what Node was asked to run, also through the bin link of an install. */
function isEntryPoint(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

if (isEntryPoint()) {
  // A reader that closes the pipe early (head, less) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(
      `error: cannot write the output: ${error.message}\n  Free some disk space.\n`,
    );
    process.exit(1);
  });
  process.exitCode = await run(process.argv.slice(2), process);
}
