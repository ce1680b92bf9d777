import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeHub, sha256, startFakeHub } from '../../test/support/fake-hub.ts';
import { Rng } from '../base/rng.ts';
import { encodeSafetensors } from '../base/safetensors/index.ts';
import {
  findCachedModel,
  hubSettings,
  type PullOptions,
  pullModel,
  resolveModelFolder,
} from './hub.ts';

const ID = 'acme/tiny';
const SECRET = 'hf_0123456789';

function weights(seed: number, count = 60_000): Uint8Array {
  const rng = new Rng(seed);
  const data = Float32Array.from({ length: count }, () => rng.normal());
  return encodeSafetensors({ w: { shape: [count], data } });
}

describe('pulling a model', () => {
  let hub: FakeHub;
  let cacheDir: string;
  let children: ChildProcess[] = [];

  beforeEach(async () => {
    hub = await startFakeHub(ID);
    cacheDir = await mkdtemp(join(tmpdir(), 'glassbox-hub-'));
    hub.files.set('config.json', Buffer.from('{"model_type":"gpt2"}'));
    hub.files.set('tokenizer.json', Buffer.from('{"model":{}}'));
    hub.files.set('README.md', Buffer.from('not needed'));
    hub.files.set('pytorch_model.bin', Buffer.from('not needed'));
    hub.files.set('model.safetensors', weights(1));
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
    await hub.close();
    await rm(cacheDir, { recursive: true });
  });

  const pull = (options: PullOptions = {}) =>
    pullModel(ID, {
      env: {},
      retryMs: 1,
      ...options,
      settings: { endpoint: hub.endpoint, cacheDir, token: SECRET, ...options.settings },
    });
  const sentOf = (file: string) => hub.served.filter((entry) => entry.file === file);

  /** Waits until more of the weights is on disk than `bytes`. */
  const untilStored = async (bytes: number): Promise<void> => {
    const blob = sha256(hub.files.get('model.safetensors') as Uint8Array);
    const partial = join(cacheDir, 'models--acme--tiny', 'blobs', `${blob}.glassbox.incomplete`);
    while (((await stat(partial).catch(() => undefined))?.size ?? 0) <= bytes) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  it('makes the standard cache layout, with needed files only', async () => {
    const pulled = await pull();
    const repo = join(cacheDir, 'models--acme--tiny');
    assert.equal(pulled.folder, join(repo, 'snapshots', hub.commit));
    assert.equal(await readFile(join(repo, 'refs', 'main'), 'utf8'), hub.commit);
    const names = ['config.json', 'model.safetensors', 'tokenizer.json'];
    assert.deepEqual((await readdir(pulled.folder)).sort(), names);
    const blob = sha256(hub.files.get('model.safetensors') as Uint8Array);
    assert.equal(
      await readlink(join(pulled.folder, 'model.safetensors')),
      join('..', '..', 'blobs', blob),
    );
    for (const name of names) {
      assert.deepEqual(
        await readFile(join(pulled.folder, name)),
        Buffer.from(hub.files.get(name) as Uint8Array),
      );
    }
    assert.equal((await readdir(join(repo, 'blobs'))).length, 3);
  });

  it('keeps the token from other servers', async () => {
    await pull();
    assert.ok(hub.served.some(({ file }) => file === 'model.safetensors'));
    assert.deepEqual(hub.leaked, []);
  });

  it('reports bytes of all files together', async () => {
    const seen: { done: number; total: number }[] = [];
    const { bytes } = await pull({
      onProgress: ({ done, total, unit, label }) => {
        assert.equal(unit, 'bytes');
        assert.equal(label, ID);
        seen.push({ done, total: total as number });
      },
    });
    assert.deepEqual(seen.at(-1), { done: bytes, total: bytes });
    assert.ok(seen.length > 10);
    for (let i = 1; i < seen.length; i++) assert.ok(seen[i].done >= seen[i - 1].done);
  });

  it('downloads nothing twice', async () => {
    await pull();
    const before = hub.served.length;
    await pull();
    assert.equal(hub.served.length, before);
  });

  it('follows the index to the shards', async () => {
    hub.files.delete('model.safetensors');
    const shards = { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' };
    hub.files.set(
      'model.safetensors.index.json',
      Buffer.from(JSON.stringify({ weight_map: shards })),
    );
    hub.files.set(shards.a, weights(1));
    hub.files.set(shards.b, weights(2));
    hub.files.set('consolidated.safetensors', weights(3));
    const { folder } = await pull();
    assert.deepEqual((await readdir(folder)).sort(), [
      'config.json',
      shards.a,
      shards.b,
      'model.safetensors.index.json',
      'tokenizer.json',
    ]);
    assert.ok(await findCachedModel(ID, { cacheDir }));
    await rm(join(folder, shards.b));
    assert.equal(await findCachedModel(ID, { cacheDir }), undefined);
  });

  it('continues after the connection broke, without the bytes it has', async () => {
    const all = hub.files.get('model.safetensors') as Uint8Array;
    hub.faults.set('model.safetensors', [
      { kind: 'cut', after: 100_000 },
      { kind: 'status', status: 503 },
      { kind: 'cut', after: 50_000 },
    ]);
    let cuts = 0;
    hub.beforeCut = () => untilStored([50_000, 110_000][cuts++]);
    const { folder } = await pull();
    assert.deepEqual(await readFile(join(folder, 'model.safetensors')), Buffer.from(all));
    const parts = sentOf('model.safetensors');
    assert.equal(parts.length, 3);
    assert.equal(parts[0].start, 0);
    assert.ok(parts[1].start > 50_000 && parts[2].start > 110_000);
  });

  it('continues what an earlier run left, also one that was killed', async () => {
    hub.pieceMs = 20;
    const child = pullInChild();
    await untilStored(65_536);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await findCachedModel(ID, { cacheDir }), undefined);
    hub.pieceMs = 0;
    const { folder } = await pull();
    const content = await readFile(join(folder, 'model.safetensors'));
    assert.deepEqual(content, Buffer.from(hub.files.get('model.safetensors') as Uint8Array));
    assert.ok(sentOf('model.safetensors')[1].start > 65_536);
  });

  it('lets two processes share one cache, and downloads once', async () => {
    hub.pieceMs = 5;
    const exits = [pullInChild(), pullInChild(), pullInChild()].map((child) => once(child, 'exit'));
    assert.deepEqual(
      (await Promise.all(exits)).map(([code]) => code),
      [0, 0, 0],
    );
    const parts = sentOf('model.safetensors');
    assert.equal(parts.length, 1);
    const cached = await findCachedModel(ID, { cacheDir });
    const content = await readFile(join(cached?.folder ?? '', 'model.safetensors'));
    assert.deepEqual(content, Buffer.from(hub.files.get('model.safetensors') as Uint8Array));
    const left = await readdir(join(cacheDir, 'models--acme--tiny', 'blobs'));
    assert.equal(left.filter((name) => name.includes('glassbox')).length, 0);
  });

  it('starts over where the server cannot continue a file', async () => {
    hub.faults.set('model.safetensors', [
      { kind: 'cut', after: 100_000 },
      { kind: 'ignore-range' },
      { kind: 'ignore-range' },
    ]);
    hub.beforeCut = () => untilStored(0);
    const { folder } = await pull();
    const content = await readFile(join(folder, 'model.safetensors'));
    assert.deepEqual(content, Buffer.from(hub.files.get('model.safetensors') as Uint8Array));
  });

  it('stops when it is cancelled, keeps the part, and goes on from there', async () => {
    hub.pieceMs = 5;
    const controller = new AbortController();
    const cancelled = pull({
      signal: controller.signal,
      onProgress: ({ done }) => done > 100_000 && controller.abort(),
    });
    await assert.rejects(cancelled, { code: 'cancelled' });
    hub.pieceMs = 0;
    await pull();
    assert.ok(sentOf('model.safetensors')[1].start > 0);
  });

  it('refuses content that is not what was listed', async () => {
    hub.faults.set('model.safetensors', [{ kind: 'corrupt' }]);
    await assert.rejects(pull(), { code: 'hub-file-changed', message: /hash/ });
    hub.listedSizes.set('model.safetensors', 1000);
    await assert.rejects(pull(), { code: 'hub-file-changed', message: /1000 are listed/ });
    assert.equal(await findCachedModel(ID, { cacheDir }), undefined);
    hub.listedSizes.clear();
    await pull();
    assert.ok(await findCachedModel(ID, { cacheDir }));
  });

  it('throws a partial file away that is longer than the whole', async () => {
    const blobs = join(cacheDir, 'models--acme--tiny', 'blobs');
    const bytes = hub.files.get('model.safetensors') as Uint8Array;
    await mkdir(blobs, { recursive: true });
    await writeFile(
      join(blobs, `${sha256(bytes)}.glassbox.incomplete`),
      new Uint8Array(bytes.length + 1),
    );
    await pull();
    assert.equal(sentOf('model.safetensors')[0].start, 0);
  });

  it('keeps the old commit usable while the new one fails', async () => {
    const { folder } = await pull();
    hub.commit = 'd'.repeat(40);
    hub.files.set('model.safetensors', weights(2));
    hub.faults.set('model.safetensors', [{ kind: 'status', status: 403 }]);
    await assert.rejects(pull(), { code: 'gated-repo' });
    assert.equal(await resolveModelFolder(ID, { settings: { cacheDir }, env: {} }), folder);
    const next = await pull();
    assert.notEqual(next.folder, folder);
    // Unchanged files share their content.
    const blobs = await readdir(join(cacheDir, 'models--acme--tiny', 'blobs'));
    assert.equal(blobs.length, 4);
  });

  const refusals: [string, number, string][] = [
    ['a missing repository', 404, 'unknown-repo'],
    ['a gated repository', 401, 'gated-repo'],
    ['a forbidden repository', 403, 'gated-repo'],
    ['a broken server', 500, 'hub-failed'],
  ];
  for (const [what, status, code] of refusals) {
    it(`says one clear thing about ${what}`, async () => {
      hub.status = status;
      await assert.rejects(pull(), (error: Error) => {
        assert.equal(Reflect.get(error, 'code'), code);
        assert.match(error.message, /acme\/tiny/);
        assert.doesNotMatch(`${error.message} ${Reflect.get(error, 'remedy')}`, new RegExp(SECRET));
        return true;
      });
    });
  }

  it('names what cannot be run, before downloading it', async () => {
    hub.files.delete('model.safetensors');
    await assert.rejects(pull(), { code: 'no-weights', message: /pytorch_model\.bin/ });
    assert.deepEqual(hub.served, []);
    await assert.rejects(pull({ revision: 'v9' }), { code: 'unknown-repo' });
    for (const id of ['../etc', 'a/b/c', '', 'a b', 'a/..', 'x--y']) {
      await assert.rejects(pullModel(id, { env: {} }), { code: 'bad-repo-id' });
    }
    await assert.rejects(pull({ revision: '../../x' }), { code: 'bad-repo-id' });
  });

  it('says when nothing answers', async () => {
    const gone = await startFakeHub(ID);
    await gone.close();
    const unreachable = pull({ settings: { endpoint: gone.endpoint } });
    await assert.rejects(unreachable, { code: 'hub-unreachable' });
  });

  it('needs no network for what is cached', async () => {
    const settings = { cacheDir, offline: true };
    await assert.rejects(pull({ settings }), { code: 'hub-offline' });
    const { folder, bytes } = await pull();
    const before = hub.requests.length;
    const again = await pull({ settings });
    assert.equal(again.folder, folder);
    assert.equal(again.bytes, bytes);
    assert.equal(await resolveModelFolder(ID, { settings, env: {} }), folder);
    assert.equal(await resolveModelFolder(folder), folder);
    assert.equal(await resolveModelFolder('acme/other', { settings, env: {} }), undefined);
    assert.equal(hub.requests.length, before);
    // A link whose content was removed is not a model.
    await rm(join(cacheDir, 'models--acme--tiny', 'blobs'), { recursive: true });
    assert.ok((await lstat(join(folder, 'model.safetensors'))).isSymbolicLink());
    assert.equal(await findCachedModel(ID, { cacheDir }), undefined);
    assert.equal((await pull()).folder, folder);
  });

  function pullInChild(): ChildProcess {
    const module = JSON.stringify(new URL('./hub.ts', import.meta.url).href);
    const settings = JSON.stringify({ endpoint: hub.endpoint, cacheDir });
    const code = `const { pullModel } = await import(${module}); await pullModel('${ID}', { env: {}, settings: ${settings} });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: 'inherit',
    });
    children.push(child);
    return child;
  }
});

describe('hub settings', () => {
  it('follow the rules of the Hugging Face tools', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glassbox-home-'));
    await writeFile(join(folder, 'token'), 'hf_stored\n');
    const cache = async (env: Record<string, string>) => (await hubSettings(env)).cacheDir;
    assert.equal(
      await cache({ HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }),
      '/a',
    );
    assert.equal(await cache({ HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }), '/b');
    assert.equal(
      await cache({ HF_HOME: '~/c', XDG_CACHE_HOME: '/d' }),
      join(homedir(), 'c', 'hub'),
    );
    assert.equal(
      await cache({ HF_HUB_CACHE: '', XDG_CACHE_HOME: '/d' }),
      join('/d', 'huggingface', 'hub'),
    );
    const stored = await hubSettings({ HF_HOME: folder });
    assert.equal(stored.token, 'hf_stored');
    assert.equal(stored.endpoint, 'https://huggingface.co');
    const given = {
      HF_HOME: folder,
      HF_TOKEN: 'hf_env',
      HF_ENDPOINT: 'http://x/',
      HF_HUB_OFFLINE: '1',
    };
    const { token, endpoint, offline } = await hubSettings(given);
    assert.deepEqual(
      { token, endpoint, offline },
      { token: 'hf_env', endpoint: 'http://x', offline: true },
    );
    await rm(folder, { recursive: true });
  });
});
