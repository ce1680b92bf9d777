/** Which test files run on this machine, and what to say about those that do not. */
export interface TestPlan {
  readonly run: readonly string[];
  readonly leftOut: readonly string[];
  /** One line for people; absent when everything runs. */
  readonly notice?: string;
  /** True when leaving tests out must fail the whole run. */
  readonly mustFail: boolean;
  /** True for several browser tests, most of which would build the page: it is then built once for all. */
  readonly sharesPage: boolean;
}

/** Names the folder of the page that the files of a run share. */
export const SHARED_PAGE = 'GLASSBOX_TEST_PAGE';

/** Tests that drive a browser lie in `test/e2e/` or end in `.browser.test.ts`. */
function isBrowserTest(path: string): boolean {
  return path.startsWith('test/e2e/') || path.endsWith('.browser.test.ts');
}

/**
 * Browser tests need a Chromium. Without one they are left out with a line that says so; in CI that
 * is a failure, because there nobody reads the line.
 */
export function planTests(
  files: readonly string[],
  machine: { readonly chromium: string | undefined; readonly ci: boolean },
): TestPlan {
  const leftOut = machine.chromium === undefined ? files.filter(isBrowserTest) : [];
  const run = files.filter((path) => !leftOut.includes(path));
  const sharesPage = run.filter(isBrowserTest).length > 1;
  if (leftOut.length === 0) return { run, leftOut, mustFail: false, sharesPage };
  const notice = `${leftOut.length} browser test file(s) not run: no Chromium found (install one or set CHROMIUM_PATH)`;
  return { run, leftOut, notice, mustFail: machine.ci, sharesPage };
}
