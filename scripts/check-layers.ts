/** Fails when a layer imports a higher one, when imports form a ring, or when a package leaks in. */
import { existsSync } from 'node:fs';
import { findLayerViolations } from './lib/layers.ts';
import { ROOT } from './lib/run.ts';

const folders = ['src', 'web'].filter((folder) => existsSync(`${ROOT}${folder}`));
const violations = await findLayerViolations(ROOT, folders);
for (const { rule, path } of violations) console.error(`${rule}: ${path}`);
if (violations.length > 0) process.exitCode = 1;
