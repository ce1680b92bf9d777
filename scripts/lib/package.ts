import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.ts';

interface ExportTarget {
  readonly types: string;
  readonly default: string;
}

interface PackageJson {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, ExportTarget | string>>;
}

/** Our package.json as far as the scripts read it. */
export function readPackage(): PackageJson {
  return JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as PackageJson;
}

/** Names of the published sub-paths, e.g. `graph` for `glassbox/graph`. */
export function subPaths(): string[] {
  return Object.keys(readPackage().exports)
    .map((key) => key.slice('./'.length))
    .filter((name) => name !== 'package.json');
}

/** Every file the package promises (exports, types, bin) that is not in the folder `packageRoot`. */
export function missingTargets(packageRoot: string): string[] {
  const { bin, exports } = readPackage();
  const promised = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : [target.types, target.default],
  );
  return [...promised, ...Object.values(bin)].filter(
    (path) => !existsSync(join(packageRoot, path)),
  );
}
