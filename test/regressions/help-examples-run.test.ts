import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CommandSpec } from '../../src/cli/command.ts';
import { attribute } from '../../src/cli/commands/attribute.ts';
import { circuit } from '../../src/cli/commands/circuit.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { patch } from '../../src/cli/commands/patch.ts';
import { glassbox } from '../support/cli.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-examples-'));
after(() => rm(scratch, { recursive: true }));

const all = (specs: readonly CommandSpec[]): CommandSpec[] =>
  specs.flatMap((spec) => [spec, ...all(spec.subcommands ?? [])]);

const words = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);

/** The same line over fewer sentences and with fewer random runs: whether it runs does not depend on how many. */
function quick(line: string): string {
  const less = line.startsWith('attribute ') ? ' --samples 24 --seeds 2 --steps 4' : '';
  return line.replace(/--ioi \d+/, '--ioi 2') + less;
}

// Examples had "..." for a prompt: copied as they stand, they ended in an error.
test('no example of any command stands for something else', () => {
  for (const { name, examples } of all(commands)) {
    for (const { line } of examples) assert.ok(!line.includes('...'), `${name}: ${line}`);
  }
});

test('the examples of the causal tools run, one after the other', async () => {
  process.chdir(scratch);
  for (const { examples } of all([circuit, attribute, patch])) {
    for (const { line } of examples) {
      const { code, out, err } = await glassbox(...words(quick(line)));
      assert.equal(code, 0, `${line}\n${out}${err}`);
    }
  }
});
