import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';

/** Lowest first. A layer may import itself and the ones before it, never one after it. */
export const LAYERS = [
  'base',
  'graph',
  'runtime',
  'nn',
  'model',
  'microscope',
  'align',
  'redteam',
  'guard',
  'organisms',
  'store',
  'figures',
  'i18n',
  'bench',
  'lab',
  'cli',
] as const;

const TESTS = '\\.test\\.ts$';

/** The meaning of graph files, which the page and the commands must read alike. */
const SHARED = '^src/microscope/graph/format/';

/**
 * The layer rules over the folders of `src/` and `web/`. A type-only import counts like any other: a lower layer
 * must be readable without a higher one. Tests may use any npm package but obey the order as well.
 */
export function layerRules(): IForbiddenRuleType[] {
  const order = LAYERS.slice(0, -1).map((layer, rank) => ({
    name: `${layer}-imports-no-higher-layer`,
    severity: 'error' as const,
    from: { path: `^src/${layer}/` },
    to: { path: `^(src/(${LAYERS.slice(rank + 1).join('|')})|web)/` },
  }));
  return [
    ...order,
    {
      name: 'src-has-only-known-layers',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${LAYERS.join('|')})/` },
      to: {},
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      // The structural hash is the one exception; it must be the same in a browser.
      name: 'base-and-graph-use-no-other-package',
      severity: 'error',
      from: { path: '^src/(base|graph)/', pathNot: [TESTS, '^src/graph/onnx/'] },
      to: { path: 'node_modules/', pathNot: 'node_modules/@noble/hashes/' },
    },
    {
      name: 'onnx-lowering-uses-only-the-wire-writer',
      severity: 'error',
      from: { path: '^src/graph/onnx/', pathNot: TESTS },
      to: { path: 'node_modules/', pathNot: 'node_modules/@bufbuild/protobuf/' },
    },
    {
      name: 'figures-and-words-stand-alone',
      severity: 'error',
      from: { path: '^src/(figures|i18n)/', pathNot: TESTS },
      to: { path: '^src/', pathNot: '^src/(figures/|i18n/|base/error)' },
    },
    {
      name: 'figures-and-words-use-no-builtin',
      severity: 'error',
      from: { path: '^src/(figures|i18n)/', pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'web-takes-only-types-from-the-rest',
      severity: 'error',
      from: { path: '^web/', pathNot: TESTS },
      to: {
        path: '^src/',
        pathNot: `^src/(figures|i18n)/|${SHARED}`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'what-the-page-shares-stands-alone',
      severity: 'error',
      from: { path: SHARED, pathNot: TESTS },
      to: { pathNot: SHARED, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-dev-package-in-the-product',
      severity: 'error',
      from: { path: '^(src|web)/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
  ];
}

/** One broken rule: which, and the import (or the ring of imports) that breaks it. */
export interface LayerViolation {
  readonly rule: string;
  readonly path: string;
}

/** Reads every import below `root` (its `src/` and `web/`) and returns the violations. */
export async function findLayerViolations(
  root: string,
  folders: readonly string[],
): Promise<LayerViolation[]> {
  const result = await cruise([...folders], {
    baseDir: root,
    validate: true,
    ruleSet: { forbidden: layerRules() },
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  } as never);
  const { summary } = result.output as ICruiseResult;
  return summary.violations.map(({ rule, from, to, cycle }) => ({
    rule: rule.name,
    path: [from, ...(cycle?.map(({ name }) => name) ?? [to])].join(' -> '),
  }));
}
