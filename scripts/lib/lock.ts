interface LockPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A package-lock.json as far as it is read here. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockPackage>>;
}

/**
 * Optional packages (a tool's binaries for other platforms) that a lock file names but does not pin.
 * npm drops them when it updates a lock beside an installed tree or when the registry lacks one;
 * afterwards `npm ci` fails on this or on another platform.
 */
export function unpinnedOptionals(lock: LockFile): string[] {
  const { packages } = lock;
  const isPinned = (from: string, name: string) =>
    [`${from}/node_modules/${name}`, `node_modules/${name}`].some(
      (path) => packages[path]?.version !== undefined,
    );
  return Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isPinned(from, name))
      .map((name) => `${from || '(root)'} needs ${name}`),
  );
}
