import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { glassbox, refusal } from '../../test/support/cli.ts';

const scratch = await mkdtemp(join(tmpdir(), 'glassbox-toy-'));
after(() => rm(scratch, { recursive: true }));

const toy = (...argv: string[]) => glassbox('toy', ...argv);

test('toy shows a pentagon and draws it', async () => {
  const file = join(scratch, 'pentagon.svg');
  const effort = ['--starts', '6', '--steps', '900'];
  const { code, out } = await toy(...effort, '--out', file, '--json');
  assert.equal(code, 0, out);
  const { best, losses, again, plain, closed } = JSON.parse(out);
  assert.equal(losses.length, 6);
  assert.ok(again >= 1 && closed === null && best.standardError > 0);
  assert.deepEqual([plain.inputs, plain.estimates], [65_536, again]);
  assert.ok(plain.low < plain.high && plain.low < best.loss);
  assert.equal(best.angles.length, 5);
  for (const angle of best.angles) assert.ok(Math.abs(angle - 72) < 1.5);
  const svg = await readFile(file, 'utf8');
  assert.match(svg, /^<svg/);
  assert.equal(svg.match(/<title>/g)?.length, 5);
});

test('toy shows closed forms of two features, and a table of overlaps beyond a plane', async () => {
  const effort = ['--starts', '2', '--steps', '20'];
  const two = await toy('--features', '2', '--hidden', '1', '--probability', '0.5', ...effort);
  assert.match(two.out, /closed forms: dedicated 0\.1042, antipodal 0\.08333/);
  const file = join(scratch, 'overlaps.svg');
  const args = ['--features', '4', '--hidden', '3', '--theme', 'dark', '--out', file];
  const { code, out } = await toy(...args, ...effort);
  assert.equal(code, 0, out);
  assert.equal((await readFile(file, 'utf8')).match(/data-row=/g)?.length, 16);
});

test('impossible toys are refused with exit code 2', async () => {
  for (const [argv, code] of [
    [['--probability', '1.5'], 'bad-toy-model'],
    [['--features', '13'], 'bad-toy-model'],
    [['--hidden', '6'], 'bad-toy-model'],
    [['--probability', 'often'], 'bad-option'],
    [['--steps', '0'], 'bad-option'],
    [['--out', 'pentagon.png'], 'bad-option'],
    [['--theme', 'blue'], 'unknown-theme'],
  ] as const) {
    assert.equal(await refusal('toy', ...argv), code);
  }
});
