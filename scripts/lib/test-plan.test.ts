import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findChromium } from './chromium.ts';
import { planTests } from './test-plan.ts';

const FILES = ['src/a.test.ts', 'src/runtime/web.browser.test.ts', 'test/e2e/page.test.ts'];

test('with a Chromium everything runs', () => {
  const plan = planTests(FILES, { chromium: '/usr/bin/chromium', ci: true });
  assert.deepEqual(plan, { run: FILES, leftOut: [], mustFail: false, sharesPage: true });
});

test('without one the browser tests are left out aloud', () => {
  const plan = planTests(FILES, { chromium: undefined, ci: false });
  assert.deepEqual(plan.run, ['src/a.test.ts']);
  assert.match(plan.notice ?? '', /^2 browser test file\(s\) not run/);
  assert.equal(plan.mustFail, false);
  assert.equal(plan.sharesPage, false);
});

test('one browser test builds the page itself', () => {
  const plan = planTests(FILES.slice(0, 2), { chromium: '/usr/bin/chromium', ci: false });
  assert.equal(plan.sharesPage, false);
});

test('in CI that fails, unless there was nothing to leave out', () => {
  const machine = { chromium: undefined, ci: true };
  assert.equal(planTests(FILES, machine).mustFail, true);
  assert.equal(planTests(['src/a.test.ts'], machine).mustFail, false);
});

test('CHROMIUM_PATH wins, then the first executable on PATH', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glassbox-chromium-'));
  try {
    const chromium = join(folder, 'chromium');
    await writeFile(chromium, '');
    assert.notEqual(findChromium({ PATH: folder }), chromium, 'a plain file is no program');
    await chmod(chromium, 0o755);
    assert.equal(findChromium({ PATH: folder }), chromium);
    assert.equal(findChromium({ PATH: folder, CHROMIUM_PATH: '/opt/chrome' }), '/opt/chrome');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
