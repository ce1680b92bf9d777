import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GlassboxError } from '../base/error.ts';
import { findCachedModel, resolveModelFolder } from './hub.ts';
import { hubSettings } from './hub-cache.ts';
import { type LoadModelOptions, loadModel } from './load.ts';
import type { Model } from './model.ts';

/** The model that tools use when none is named. */
export const DEFAULT_MODEL = 'glassbox-atlas';

/** Shipped models lie in `models/` of the package, beside `src/` or `dist/`. */
const BUILT_IN = join(import.meta.dirname, '../../models');

/** A model that can be opened without network. */
export interface ModelEntry {
  /** What to call it on the command line and in links. */
  readonly name: string;
  readonly source: 'built-in' | 'cache' | 'folder';
  readonly folder: string;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Built-in models, then models that are complete in the hub's cache. */
export async function listModels(): Promise<ModelEntry[]> {
  const builtIn = (await foldersIn(BUILT_IN))
    .map((name): ModelEntry => ({ name, source: 'built-in', folder: join(BUILT_IN, name) }))
    .filter(({ folder }) => existsSync(join(folder, 'config.json')));
  const { cacheDir } = await hubSettings();
  const cached: ModelEntry[] = [];
  for (const folder of (await foldersIn(cacheDir)).sort()) {
    if (!folder.startsWith('models--')) continue;
    const name = folder.slice('models--'.length).replace('--', '/');
    const found = await findCachedModel(name, { cacheDir });
    if (found) cached.push({ name, source: 'cache', folder: found.folder });
  }
  return [...builtIn, ...cached];
}

/**
 * Finds a model by built-in name, folder or hub id, without network.
 *
 * @throws GlassboxError `unknown-model`, saying how to get it
 */
export async function findModel(name = DEFAULT_MODEL): Promise<ModelEntry> {
  const known = (await listModels()).find((entry) => entry.name === name);
  if (known) return known;
  const folder = await resolveModelFolder(name);
  if (folder !== undefined) return { name, source: 'folder', folder: resolve(folder) };
  const pull = /^[\w.-]+\/[\w.-]+$/.test(name);
  const names = (await listModels()).map((entry) => entry.name).join(', ') || 'none';
  throw new GlassboxError(`there is no model '${name}' here: no such folder, nor in the cache`, {
    code: 'unknown-model',
    remedy: pull
      ? `Download it with: glassbox models pull ${name}`
      : `Give a folder, a hub id such as owner/name, or one of: ${names}.`,
    details: { name },
  });
}

/** Finds and loads a model by built-in name, folder or hub id; the built-in one unless named. */
export async function openModel(name?: string, options: LoadModelOptions = {}): Promise<Model> {
  const entry = await findModel(name);
  return loadModel(entry.folder, { name: entry.name, ...options });
}
