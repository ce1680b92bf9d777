/** Fails on a file over the size limit, text that must not be committed, and holes in the lock file. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { countLines, findForbidden, MEDIAN_LINES, MOST_LINES, median } from './lib/files.ts';
import { type LockFile, unpinnedOptionals } from './lib/lock.ts';
import { ROOT } from './lib/run.ts';

const SOURCE = /^(?:src|web|scripts|bench|test)\/.*\.(?:ts|tsx|css)$/;
const BINARY = /\.(?:safetensors|onnx|png|jpg|gz|npy|bin|woff2)$/;
const GENERATED = /^(?:models|test\/fixtures)\//;

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT });
const paths = listed
  .toString('utf8')
  .split('\0')
  .filter((path) => path !== '' && !BINARY.test(path) && existsSync(`${ROOT}${path}`));

const problems: string[] = [];
const sizes: number[] = [];
for (const path of paths) {
  const text = readFileSync(`${ROOT}${path}`, 'utf8');
  for (const { line, text: found, why } of GENERATED.test(path) ? [] : findForbidden(text)) {
    problems.push(`${path}:${line}: ${why}: ${found}`);
  }
  if (!SOURCE.test(path) || GENERATED.test(path)) continue;
  const lines = countLines(text);
  if (!/\.test\.ts$/.test(path)) sizes.push(lines);
  if (lines > MOST_LINES) problems.push(`${path}: ${lines} lines, the limit is ${MOST_LINES}`);
}

const lock = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as LockFile;
for (const missing of unpinnedOptionals(lock)) {
  problems.push(`package-lock.json: ${missing}: make the lock anew outside the checkout`);
}

const middle = median(sizes);
const longest = Math.max(0, ...sizes);
const goal = middle > MEDIAN_LINES ? ` (goal: at most ${MEDIAN_LINES})` : '';
console.log(`     ${sizes.length} source files, median ${middle} lines${goal}, longest ${longest}`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
