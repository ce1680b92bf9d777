/**
 * Writes `docs/api/<sub-path>.api.md`, the public signatures of each sub-path, so that a changed
 * one shows in review. With `--check` nothing is written and a difference is a failure. An export
 * without a doc comment is a failure always.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  type ExtractorMessage,
  type IExtractorConfigPrepareOptions,
} from '@microsoft/api-extractor';
import { subPaths } from './lib/package.ts';
import { ROOT, runNode, tool } from './lib/run.ts';

const TYPES = `${ROOT}.cache/types`;
/** An export without a doc comment, as a report writes it. */
const UNDOCUMENTED = /^\/\/ @.*\(undocumented\)\nexport (.*?)[:;({=]/gm;
const check = process.argv.includes('--check');

/** Settings for one sub-path. The bundled TypeScript 5 reads what TypeScript 7 emitted. */
function prepare(name: string): ExtractorConfig {
  const silent = { logLevel: 'none', addToApiReportFile: false } as const;
  const options: IExtractorConfigPrepareOptions = {
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: `${TYPES}/${name}/index.d.ts`,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2023',
            lib: ['es2023', 'esnext', 'dom', 'dom.iterable'],
            module: 'nodenext',
            moduleResolution: 'nodenext',
            allowImportingTsExtensions: true,
            noEmit: true,
            strict: true,
            skipLibCheck: true,
            types: ['node'],
          },
          files: [`${TYPES}/${name}/index.d.ts`],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: reportName(name),
        reportFolder: `${ROOT}docs/api`,
        reportTempFolder: `${ROOT}.cache/api`,
        includeForgottenExports: false,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: silent },
        tsdocMessageReporting: { default: silent },
      },
    } as IExtractorConfigPrepareOptions['configObject'],
    configObjectFullPath: undefined,
    packageJsonFullPath: `${ROOT}package.json`,
  };
  return ExtractorConfig.prepare(options);
}

/** File name of a sub-path's report: `runtime/web` becomes `runtime-web`. */
function reportName(name: string): string {
  return name.replaceAll('/', '-');
}

function report(message: ExtractorMessage): void {
  message.handled = true;
  if (message.logLevel === 'error') console.error(message.formatMessageWithLocation(ROOT));
}

await rm(TYPES, { recursive: true, force: true });
const emitted = await runNode([tool('typescript/bin/tsc'), '-p', 'tsconfig.types.json']);
if (emitted.code !== 0) console.error(emitted.output);
await mkdir(`${ROOT}docs/api`, { recursive: true });

const names = subPaths().filter((name) => {
  const isThere = existsSync(`${TYPES}/${name}/index.d.ts`);
  if (!isThere) {
    console.error(`package.json exports ./${name}, but src/${name}/index.ts is not there`);
    process.exitCode = 1;
  }
  return isThere;
});

// One compiler program over all entries: parsing the types nine times is most of the work.
const configs = names.map(prepare);
const compilerState = CompilerState.create(configs[0], {
  additionalEntryPoints: configs.map((config) => config.mainEntryPointFilePath),
});

for (const [index, name] of names.entries()) {
  const result = Extractor.invoke(configs[index], {
    compilerState,
    localBuild: !check,
    messageCallback: report,
  });
  if (result.errorCount > 0) process.exitCode = 1;
  const text = readFileSync(`${ROOT}.cache/api/${reportName(name)}.api.md`, 'utf8');
  console.log(`     ${name}: ${text.match(/^export /gm)?.length ?? 0} exports`);
  for (const [, bare] of text.matchAll(UNDOCUMENTED)) {
    console.error(`${name}: no doc comment on: ${bare}`);
    process.exitCode = 1;
  }
  if (result.apiReportChanged) {
    console.error(
      `docs/api/${reportName(name)}.api.md ${check ? 'is out of date: npm run api-report' : 'updated'}`,
    );
    if (check) process.exitCode = 1;
  }
}
