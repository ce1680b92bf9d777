import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Environment variables, as `process.env` has them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Where the hub is, where its cache is, and who asks. */
export interface HubSettings {
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly token: string | undefined;
  /** Never use the network. */
  readonly offline: boolean;
}

/**
 * Settings by the rules all Hugging Face tools share: `HF_ENDPOINT`; `HF_HUB_CACHE`, else
 * `HUGGINGFACE_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub`, else
 * `~/.cache/huggingface/hub`; `HF_TOKEN`, else the file `HF_TOKEN_PATH` or `HF_HOME/token`;
 * `HF_HUB_OFFLINE`.
 */
export async function hubSettings(
  env: Env = process.env,
  given: Partial<HubSettings> = {},
): Promise<HubSettings> {
  const home = hubHome(env);
  const cache = set(env.HF_HUB_CACHE) ?? set(env.HUGGINGFACE_HUB_CACHE) ?? join(home, 'hub');
  const endpoint = given.endpoint ?? set(env.HF_ENDPOINT) ?? 'https://huggingface.co';
  return {
    endpoint: endpoint.replace(/\/+$/, ''),
    cacheDir: given.cacheDir ?? expandHome(cache),
    token: given.token ?? set(env.HF_TOKEN) ?? (await storedToken(env, home)),
    offline: given.offline ?? /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
  };
}

function hubHome(env: Env): string {
  const caches = expandHome(set(env.XDG_CACHE_HOME) ?? join(homedir(), '.cache'));
  return expandHome(set(env.HF_HOME) ?? join(caches, 'huggingface'));
}

async function storedToken(env: Env, home: string): Promise<string | undefined> {
  const path = expandHome(set(env.HF_TOKEN_PATH) ?? join(home, 'token'));
  const text = await readFile(path, 'utf8').catch(() => '');
  return set(text.trim());
}

/** An empty variable means the same as none. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** True for `name` or `owner/name` as the hub allows them. */
export function isRepoId(text: string): boolean {
  if (text.length > 96 || text.includes('--') || text.includes('..')) return false;
  return /^[\w][\w.-]*(\/[\w][\w.-]*)?$/.test(text) && !/\.git$/.test(text);
}

/** Folder of one model in the cache: `models--owner--name`. */
export function repoFolder(cacheDir: string, id: string): string {
  return join(cacheDir, ['models', ...id.split('/')].join('--'));
}

/** A model that is complete in the cache. */
export interface CachedModel {
  /** `…/snapshots/{commit}`: config, weights and tokenizer lie here. */
  readonly folder: string;
  readonly commit: string;
}

/**
 * Finds a model in the cache without any network: its configuration and every weight file must be
 * there.
 *
 * @param revision branch, tag or commit hash
 */
export async function findCachedModel(
  id: string,
  options: { readonly cacheDir: string; readonly revision?: string },
): Promise<CachedModel | undefined> {
  const { cacheDir, revision = 'main' } = options;
  if (!isRepoId(id) || !isRevision(revision)) return undefined;
  const repo = repoFolder(cacheDir, id);
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  const commit = isCommit ? revision : await readText(join(repo, 'refs', revision));
  if (commit === undefined || !/^[\w-]+$/.test(commit)) return undefined;
  const folder = join(repo, 'snapshots', commit);
  if (!(await isFile(join(folder, 'config.json')))) return undefined;
  return (await hasWeights(folder)) ? { folder, commit } : undefined;
}

/** A branch or tag becomes a path below `refs`, so it must not climb. */
export function isRevision(revision: string): boolean {
  return /^[\w][\w./-]*$/.test(revision) && !revision.split('/').includes('..');
}

async function hasWeights(folder: string): Promise<boolean> {
  if (await isFile(join(folder, 'model.safetensors'))) return true;
  const index = await readText(join(folder, 'model.safetensors.index.json'));
  if (index === undefined) return false;
  for (const shard of shardsOf(index)) {
    if (!(await isFile(join(folder, shard)))) return false;
  }
  return true;
}

/** File names in the text of an index; the reader of the weights checks the index itself. */
export function shardsOf(index: string): string[] {
  try {
    const { weight_map: map } = JSON.parse(index) as { weight_map: Record<string, string> };
    return [...new Set(Object.values(map))].filter((name) => typeof name === 'string');
  } catch {
    return [];
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** Follows links: the pointer of a blob that was removed is no file. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
