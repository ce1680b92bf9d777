import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { ProgressListener } from '../base/progress.ts';
import {
  type CachedModel,
  type Env,
  findCachedModel,
  type HubSettings,
  hubSettings,
  isRepoId,
  isRevision,
  repoFolder,
  shardsOf,
} from './hub-cache.ts';
import {
  commitOf,
  filesOf,
  type HubFile,
  type HubTarget,
  hubError,
  hubFetch,
} from './hub-client.ts';
import { downloadToCache } from './hub-download.ts';

export { type CachedModel, findCachedModel, type HubSettings, hubSettings } from './hub-cache.ts';

/** Small files worth having, where a repository has them. */
const SIDE_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
];
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** How a model is fetched; everything has a default. */
export interface PullOptions {
  /** Branch, tag or commit hash; `main` if not given. */
  readonly revision?: string;
  /** Instead of what the environment says. */
  readonly settings?: Partial<HubSettings>;
  readonly env?: Env;
  readonly signal?: AbortSignal;
  /** Bytes of all files together. */
  readonly onProgress?: ProgressListener;
  /** First wait between attempts, in milliseconds. */
  readonly retryMs?: number;
}

/** A model that is complete in the cache, and what it is made of. */
export interface PulledModel extends CachedModel {
  readonly id: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Bytes of all files. */
  readonly bytes: number;
}

/**
 * Downloads what is needed to run a model from the Hugging Face hub into the standard cache:
 * configuration, tokenizer, chat template and safetensors weights. What is there already is not
 * downloaded again, partial files are continued, several processes may do this at once.
 *
 * @throws GlassboxError `bad-repo-id`, `unknown-repo`, `gated-repo`, `no-weights`,
 *   `hub-unreachable`, `hub-failed`, `hub-file-changed`, `write-failed` or `cancelled`
 */
export async function pullModel(id: string, options: PullOptions = {}): Promise<PulledModel> {
  const revision = options.revision ?? 'main';
  if (!isRepoId(id) || !isRevision(revision)) {
    const what = isRepoId(id) ? `revision "${revision}"` : `"${id}"`;
    throw new GlassboxError(`${what} cannot be a name on the hub`, {
      code: 'bad-repo-id',
      remedy: 'Give owner/name as on the page of the model, e.g. EleutherAI/pythia-70m.',
      details: { id, revision },
    });
  }
  const settings = await hubSettings(options.env, options.settings);
  const target = { id, settings };
  if (settings.offline) return pullOffline(target, revision);
  try {
    return await pull(target, { ...options, revision });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException)?.code;
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS' || code === 'EDQUOT') {
      throw new GlassboxError(`cannot write to ${settings.cacheDir}: ${(cause as Error).message}`, {
        code: 'write-failed',
        remedy: 'Free some space, or set HF_HUB_CACHE to a folder that can be written.',
        kind: 'failure',
        details: { cacheDir: settings.cacheDir },
        cause,
      });
    }
    throw hubError(cause, target, options.signal);
  }
}

async function pull(
  target: HubTarget,
  options: PullOptions & { readonly revision: string },
): Promise<PulledModel> {
  const { id, settings } = target;
  const { revision, signal } = options;
  const fetch = hubFetch(settings, signal);
  const commit = await commitOf(target, { revision, fetch });
  const listed = new Map(
    (await filesOf(target, { commit, fetch })).map((file) => [file.path, file] as const),
  );
  const known = [...SIDE_FILES, WEIGHTS].flatMap((path) => listed.get(path) ?? []);
  const index = listed.has(WEIGHTS) ? undefined : listed.get(INDEX);
  if (!listed.has('config.json') || !(listed.has(WEIGHTS) || index))
    throw notAModel(target, listed);
  const files = index ? [...known, index] : known;
  // Shards are known only once the index is here, so the small files go first.
  const report = progressOf(files, id, options.onProgress);
  const get = (file: HubFile) =>
    downloadToCache(target, file, {
      commit,
      signal,
      retryMs: options.retryMs,
      onBytes: (done) => report(file, done),
    });
  if (index) {
    const names = shardsOf(await readFile(await get(index), 'utf8'));
    const shards = names.flatMap((name) => listed.get(name) ?? []);
    if (names.length === 0 || shards.length < names.length) throw notAModel(target, listed);
    files.push(...shards);
  }
  for (const file of files) await get(file);
  const repo = repoFolder(settings.cacheDir, id);
  if (revision !== commit) await writeRef(join(repo, 'refs', revision), commit);
  return {
    id,
    commit,
    folder: join(repo, 'snapshots', commit),
    files: files.map(({ path, size }) => ({ path, size })),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Written last: a reference always leads to a complete model. */
async function writeRef(path: string, commit: string): Promise<void> {
  const old = await readFile(path, 'utf8').catch(() => undefined);
  if (old === commit) return;
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, commit);
}

function progressOf(
  files: readonly HubFile[],
  label: string,
  onProgress: ProgressListener | undefined,
): (file: HubFile, done: number) => void {
  const done = new Map<string, number>();
  return (file, bytes) => {
    done.set(file.path, bytes);
    // `files` grows when the shards become known.
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const all = [...done.values()].reduce((sum, each) => sum + each, 0);
    onProgress?.({ label, done: all, total, unit: 'bytes' });
  };
}

function notAModel(target: HubTarget, listed: ReadonlyMap<string, HubFile>): GlassboxError {
  const { id, settings } = target;
  const missing = listed.has('config.json')
    ? `${WEIGHTS} or ${INDEX} with all its parts`
    : 'config.json';
  const pickled = [...listed.keys()].find((path) => /\.(bin|pth|pt|ckpt|gguf)$/.test(path));
  const instead = pickled ? `; it has ${pickled}, which is not read` : '';
  return new GlassboxError(`${id} has no ${missing}${instead}`, {
    code: 'no-weights',
    remedy: 'Choose a repository with weights in safetensors format.',
    details: { id, endpoint: settings.endpoint, files: [...listed.keys()].slice(0, 50) },
  });
}

async function pullOffline(target: HubTarget, revision: string): Promise<PulledModel> {
  const { id, settings } = target;
  const cached = await findCachedModel(id, { cacheDir: settings.cacheDir, revision });
  if (!cached) {
    throw new GlassboxError(`${id} is not complete in the cache, and HF_HUB_OFFLINE is set`, {
      code: 'hub-offline',
      remedy: 'Unset HF_HUB_OFFLINE, or copy the model into the cache.',
      kind: 'failure',
      details: { id, cacheDir: settings.cacheDir },
    });
  }
  const files: { path: string; size: number }[] = [];
  for (const path of (await readdir(cached.folder)).sort()) {
    files.push({ path, size: (await stat(join(cached.folder, path))).size });
  }
  return { ...cached, id, files, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * The folder of a model named by folder or hub id, without network: a folder that exists is taken
 * as it is, otherwise the cache is looked up. Undefined when the model must be pulled first.
 */
export async function resolveModelFolder(
  name: string,
  options: Pick<PullOptions, 'revision' | 'settings' | 'env'> = {},
): Promise<string | undefined> {
  const found = await stat(name).catch(() => undefined);
  if (found?.isDirectory()) return name;
  const { cacheDir } = await hubSettings(options.env, options.settings);
  const cached = await findCachedModel(name, { cacheDir, revision: options.revision });
  return cached?.folder;
}
