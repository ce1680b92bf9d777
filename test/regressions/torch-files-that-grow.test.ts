import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BlobWriter, Uint8ArrayReader, ZipWriter } from '@zip.js/zip.js';
import { readNpz } from '../../src/microscope/dictionary/formats/npz.ts';
import { readTorchFile } from '../../src/microscope/dictionary/formats/torch.ts';

// A few hundred bytes could ask for gigabytes: lists that name each other twice, views that repeat one number, archives of
// zeros. Reading them took all memory or never ended.
const folder = await mkdtemp(join(tmpdir(), 'glassbox-torch-'));
after(() => rm(folder, { recursive: true }));

/** Bytes of a pickle: text as it is, or numbers. */
type Part = string | readonly number[];
type Parts = readonly Part[];

const bytes = (...parts: Parts) =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)),
  );
const text = (value: string): Parts => ['X', [value.length, 0, 0, 0], value];
const int = (value: number): Parts => {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return ['J', [...out]];
};
const long = (value: bigint): Parts => {
  const out = Buffer.alloc(8);
  out.writeBigInt64LE(value);
  return ['\x8a', [8, ...out]];
};
const PROTO: Parts = [[0x80, 2]];
const OPEN: Parts = [...PROTO, '}', '(', ...text('W')];
const CLOSE: Parts = ['u', '.'];
const storage = (length = long(4n)): Parts => [
  ...['(', ...text('storage'), 'ctorch\nFloatStorage\n', ...text('0'), ...text('cpu')],
  ...[...length, 't', 'Q'],
];
const REBUILD = 'ctorch._utils\n_rebuild_tensor_v2\n';
const tensor = (
  options: { shape?: Parts; strides?: Parts; offset?: Parts; of?: Parts } = {},
): Parts => {
  const { shape = int(4), strides = int(1), offset = int(0), of = storage() } = options;
  return [
    REBUILD,
    '(',
    ...of,
    ...offset,
    '(',
    ...shape,
    't',
    '(',
    ...strides,
    't',
    [0x89],
    '}',
    't',
    'R',
  ];
};

type Entries = Readonly<Record<string, Uint8Array>>;

async function zip(entries: Entries, level = 0): Promise<Buffer> {
  const writer = new ZipWriter(new BlobWriter(), { level, useWebWorkers: false });
  for (const [name, data] of Object.entries(entries)) {
    await writer.add(name, new Uint8ArrayReader(data));
  }
  return Buffer.from(await (await writer.close()).arrayBuffer());
}

let count = 0;
async function file(content: Uint8Array, ending = 'pt'): Promise<string> {
  const path = join(folder, `${count++}.${ending}`);
  await writeFile(path, content);
  return path;
}

const data = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
const archive = async (pickle: Parts) =>
  file(await zip({ 'x/data.pkl': bytes(...pickle), 'x/data/0': data }));
const refused = async (pickle: Parts, message: RegExp, code = 'bad-torch-file') =>
  assert.rejects(readTorchFile(await archive(pickle)), { name: 'GlassboxError', code, message });

test('the plain file that all others are made from is read', async () => {
  const value = (await readTorchFile(await archive([...OPEN, ...tensor(), ...CLOSE]))) as Map<
    string,
    { data: Float32Array }
  >;
  assert.deepEqual([...value.get('W')!.data], [1, 2, 3, 4]);
});

test('lists that hold each other twice stay as small as they are written', async () => {
  const doubled = Array.from({ length: 60 }, (_, i) => [
    ...[']', '(', 'h', [i], 'h', [i], 'e', 'q', [i + 1]],
  ]).flat();
  const path = await archive([...PROTO, ']', 'q', [0], ...doubled, '.']);
  const top = (await readTorchFile(path)) as unknown[];
  assert.equal(top[0], top[1]);
  const names = [...PROTO, ']', 'q', [0], ...doubled, ...text('x'), [0x93], '.'];
  await refused(names, /a name is no text/, 'bad-pickle');
  const key = [...PROTO, ']', 'q', [0], ...doubled, 'q', [99], '0'];
  const id = ['(', ...text('storage'), 'ctorch\nFloatStorage\n', 'h', [99], ...text('cpu')];
  await refused([...key, ...id, ...int(4), 't', 'Q', '.'], /no storage/);
});

test('a list in itself, and one nested without end, are refused', async () => {
  await refused([...PROTO, ']', 'q', [0], 'h', [0], 'a', '.'], /in themselves/);
  const deep = [...PROTO, ...new Array(5000).fill(']'), ...new Array(4999).fill('a'), '.'];
  await refused(deep, /more than 100 deep/);
});

test('tensors cannot have far more numbers than are stored, nor be views of nothing', async () => {
  const one = (options: Parameters<typeof tensor>[0], message: RegExp) =>
    refused([...OPEN, ...tensor(options), ...CLOSE], message);
  await one({ shape: long(2n ** 31n), strides: int(0) }, /far more numbers/);
  await one(
    { shape: [...long(2n ** 52n), ...long(2n ** 52n)], strides: [...int(0), ...int(0)] },
    /far more/,
  );
  await one({ shape: int(5) }, /reaches past its storage/);
  await one({ offset: int(3) }, /reaches past/);
  await one({ strides: int(2) }, /reaches past/);
  await one({ strides: int(-1) }, /no view/);
  await one({ shape: int(-4) }, /no view/);
  await one({ shape: text('44') }, /no view/);
  await one({ strides: [...int(1), ...int(1)] }, /no view/);
  await one({ of: text('storage') }, /no view/);
  await one({ offset: [']'] }, /no view/);
  await one({ of: storage(long(2n ** 40n)) }, /has 16 bytes, expected/);
  await one({ of: storage(long(-1n)) }, /no storage/);
  await one({ of: storage(text('4')) }, /no storage/);
  const many = Array.from({ length: 65 }, () => int(1)).flat();
  await one({ shape: many, strides: many }, /no view/);
  const views = Array.from({ length: 40 }, (_, i) => [
    ...text(`v${i}`),
    ...tensor({ shape: int(2 ** 16), strides: int(0) }),
  ]).flat();
  await refused([...PROTO, '}', '(', ...views, ...CLOSE], /far more numbers/);
  const negated = [
    ...[
      ...OPEN,
      REBUILD,
      '(',
      ...storage(),
      ...int(0),
      '(',
      ...int(4),
      't',
      '(',
      ...int(1),
      't',
      [0x89],
      '}',
    ],
    ...['}', '(', ...text('neg'), [0x88], 'u', 't', 'R', ...CLOSE],
  ];
  await refused(negated, /negated/);
  await refused([...PROTO, 'h', [7], '.'], /memo 7 was never written/, 'bad-pickle');
});

test('names of code are refused wherever they stand', async () => {
  for (const code of [
    ['cos\nsystem\n(', ...text('true'), 'tR'],
    ['cbuiltins\neval\n'],
    [...text('builtins'), ...text('exec'), [0x93]],
    ['ctorch\nload\n'],
    ['ctorch.storage\n_load_from_bytes\n'],
    ['ctorch._utils\n_rebuild_from_type_v2\n'],
    ['cfunctools\npartial\n'],
    ['ctorch\n__dict__\n'],
    ['ctorch\nconstructor\n'],
  ]) {
    await refused([...OPEN, ...code, ...CLOSE], /refers to/, 'unsafe-pickle');
  }
  for (const code of [['i', 'os\nsystem\n'], ['o'], ['P', '0\n'], [[0x82], [1]], ['2']]) {
    await refused([...OPEN, '(', ...code, ...CLOSE], /operation/, 'unsafe-pickle');
  }
});

/** An archive with other bytes wherever some stand: names and sizes stand in two places. */
function replaced(archive: Buffer, from: Buffer, to: Buffer): Buffer {
  const out = Buffer.from(archive);
  for (let at = out.indexOf(from); at >= 0; at = out.indexOf(from)) to.copy(out, at);
  return out;
}

test('archives that unpack to much more than they are, or say a name twice, are refused', async () => {
  const size = 24 * 2 ** 20;
  const pickle = bytes(...OPEN, ...tensor({ of: storage(long(BigInt(size / 4))) }), ...CLOSE);
  const bomb = await zip({ 'x/data.pkl': pickle, 'x/data/0': new Uint8Array(size) }, 1);
  assert.ok(bomb.length < 500_000);
  const message = /unpacks to more than 20 times/;
  await assert.rejects(readTorchFile(await file(bomb)), { code: 'bad-torch-file', message });
  const array = replaced(bomb, Buffer.from('x/data/0'), Buffer.from('some.npy'));
  await assert.rejects(readNpz(await file(array, 'npz')), { code: 'bad-dictionary', message });
  // Where headers say four numbers, unpacking must stop there.
  const lies = replaced(bomb, int32(size), int32(16));
  await assert.rejects(readTorchFile(await file(lies)), { code: 'bad-torch-file' });
  const plain = bytes(...OPEN, ...tensor(), ...CLOSE);
  const pair = await zip({ 'x/data.pkl': plain, 'x/data/0': data, 'x/data/1': data });
  const twice = replaced(pair, Buffer.from('x/data/1'), Buffer.from('x/data/0'));
  await assert.rejects(readTorchFile(await file(twice)), { message: /two entries "x\/data\/0"/ });
});

function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

test('names that lead out of an archive write nothing', async () => {
  const before = await readdir(folder);
  const plain = bytes(...OPEN, ...tensor(), ...CLOSE);
  const path = await file(await zip({ '../../x/data.pkl': plain, '../../x/data/0': data }));
  await readTorchFile(path).catch((error) => assert.equal(error.code, 'bad-torch-file'));
  assert.equal((await readdir(folder)).length, before.length + 1);
});

test('what is no torch file is not read whole', async () => {
  const path = await file(bytes(...PROTO, 'K', [1], '.'));
  await assert.rejects(readTorchFile(path), { message: /is no torch file/ });
});
