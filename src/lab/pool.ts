import { totalmem } from 'node:os';
import { GlassboxError } from '../base/error.ts';
import { DEFAULT_MODEL, findModel, listModels, type ModelEntry } from '../model/catalogue.ts';
import type { ModelsResponse } from './api.ts';
import { type AskOptions, ModelHost } from './host.ts';
import type { ModelFacts } from './messages.ts';

export interface PoolOptions {
  /** The model of requests that name none: built-in name, folder or hub id. */
  readonly model?: string;
  /** How many bytes of weights may be loaded together; a quarter of the memory unless told. */
  readonly memory?: number;
  /** Folders of dictionaries to look for each model's in, beside its own. */
  readonly dictionaries?: readonly string[];
}

/** A loaded model. */
export interface Opened {
  readonly entry: ModelEntry;
  readonly host: ModelHost;
  readonly facts: ModelFacts;
}

/** Models by folder: loaded when first asked for, put away when others need the memory. */
export class ModelPool {
  readonly default: string;
  readonly #memory: number;
  readonly #dictionaries: readonly string[];
  readonly #hosts = new Map<string, { readonly entry: ModelEntry; readonly host: ModelHost }>();
  #clock = 0;
  #closed = false;

  constructor(options: PoolOptions = {}) {
    this.default = options.model ?? DEFAULT_MODEL;
    this.#dictionaries = options.dictionaries ?? [];
    this.#memory = options.memory ?? totalmem() / 4;
  }

  /** Every model that can be named without typing a folder, and those that are open. */
  async list(): Promise<ModelsResponse> {
    const known = await listModels();
    const open = [...this.#hosts.values()].map(({ entry }) => entry);
    const standard = await findModel(this.default).catch(() => undefined);
    const all = [...known, ...open, ...(standard ? [standard] : [])];
    const byFolder = new Map(all.map((entry) => [entry.folder, entry]));
    const models = [...byFolder.values()].map(({ name, source, folder }) => ({
      name,
      source,
      loaded: this.#hosts.has(folder),
    }));
    return { models, default: this.default };
  }

  /**
   * The model of a name, loaded.
   *
   * @throws GlassboxError `unknown-model`, what loading throws, `cancelled` or `lab-closed`
   */
  async open(name: string | undefined, options: AskOptions = {}): Promise<Opened> {
    const entry = await findModel(name ?? this.default);
    if (this.#closed) {
      throw new GlassboxError('the lab is closing', {
        code: 'lab-closed',
        remedy: 'Start it again.',
        kind: 'failure',
      });
    }
    let kept = this.#hosts.get(entry.folder);
    if (!kept || kept.host.ended) {
      const { folder, name: called } = entry;
      const dictionaries = this.#dictionaries;
      kept = { entry, host: new ModelHost({ folder, name: called, dictionaries }) };
      this.#hosts.set(entry.folder, kept);
    }
    const { host } = kept;
    host.lastUsed = ++this.#clock;
    try {
      const facts = await host.load(options);
      await this.#makeRoom(host);
      return { ...kept, facts };
    } catch (error) {
      if (host.ended && this.#hosts.get(entry.folder) === kept) this.#hosts.delete(entry.folder);
      throw error;
    }
  }

  /** Closes idle models, the longest unused first, until the rest fits. */
  async #makeRoom(wanted: ModelHost): Promise<void> {
    const sizes = new Map<string, number>();
    for (const [folder, { host }] of this.#hosts) {
      if (host.ended) continue;
      // A model that is still loading is not counted yet: it makes room itself when it is there.
      const pending = new Promise<null>((resolve) => setImmediate(resolve, null));
      const facts = await Promise.race([host.ready.catch(() => null), pending]);
      if (facts) sizes.set(folder, facts.bytes);
    }
    let total = [...sizes.values()].reduce((a, b) => a + b, 0);
    const idle = [...this.#hosts]
      .filter(([folder, { host }]) => host !== wanted && !host.busy && sizes.has(folder))
      .sort(([, a], [, b]) => a.host.lastUsed - b.host.lastUsed);
    for (const [folder, { host }] of idle) {
      if (total <= this.#memory) return;
      this.#hosts.delete(folder);
      total -= sizes.get(folder)!;
      await host.close();
    }
  }

  /** Ends every thread; nothing can be opened afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    const hosts = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(hosts.map(({ host }) => host.close()));
  }
}
