import { GlassboxError } from '../error.ts';
import { duplicateKey } from '../json.ts';
import { DTYPE_BYTES, isStoredDtype, type StoredDtype, UNSUPPORTED_DTYPES } from './dtypes.ts';

/** The header is text that is parsed at once, so its size is bounded, as in the format's own reader. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bytes before the header: its length as a little-endian unsigned 64-bit integer. */
export const PREFIX_BYTES = 8;

/** Where one tensor lies in a file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: StoredDtype;
  /** A scalar has the shape `[]`. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly begin: number;
  /** One past the last byte. */
  readonly end: number;
}

/** What the header of one file says. */
export interface SafetensorsHeader {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The error every malformed file ends in; `tensor` is named where one is to blame. */
export function badSafetensors(file: string, problem: string, tensor?: string): GlassboxError {
  const where = tensor === undefined ? '' : `tensor "${clip(tensor)}" `;
  return new GlassboxError(`${file}: ${where}${problem}`, {
    code: 'bad-safetensors',
    remedy: 'Download or save the file again; nothing was loaded from it.',
    details: tensor === undefined ? { file } : { file, tensor },
  });
}

/** Names come from the file and can be as long as its header. */
function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/**
 * Length of the header in bytes, from the first eight bytes of a file.
 *
 * @throws GlassboxError `bad-safetensors` when the file cannot hold a header of that length
 */
export function headerBytes(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.length < PREFIX_BYTES || fileBytes < PREFIX_BYTES) {
    throw badSafetensors(file, `is ${fileBytes} bytes long; a header needs at least 8`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw badSafetensors(file, `says its header has ${length} bytes; the limit is 100000000`);
  }
  if (Number(length) > fileBytes - PREFIX_BYTES) {
    const rest = fileBytes - PREFIX_BYTES;
    throw badSafetensors(file, `is truncated: header of ${length} bytes, but ${rest} follow`);
  }
  return Number(length);
}

/**
 * Parses and checks a header: names occur once, dtypes are known, shapes times element sizes equal
 * the byte ranges, and the ranges cover the data without gap or overlap.
 *
 * @param header the header's bytes, without the eight before it
 * @param fileBytes size of the whole file
 * @throws GlassboxError `bad-safetensors`, naming the file and the tensor
 */
export function parseHeader(
  header: Uint8Array,
  fileBytes: number,
  file: string,
): SafetensorsHeader {
  const json = parseJson(header, file);
  const metadata = readMetadata(json.__metadata__, file);
  const dataStart = PREFIX_BYTES + header.length;
  const infos = Object.entries(json)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => readEntry(name, entry, { dataStart, file }))
    // Empty tensors sort before the tensor that starts where they lie.
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(infos, { dataStart, fileBytes, file });
  return { tensors: new Map(infos.map((info) => [info.name, info])), metadata };
}

function parseJson(header: Uint8Array, file: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw badSafetensors(file, 'has a header that is not UTF-8 text');
  }
  if (!text.startsWith('{')) throw badSafetensors(file, 'has a header that does not start with {');
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw badSafetensors(file, `has a header that is not valid JSON: ${reason}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined)
    throw badSafetensors(file, `has the key "${clip(twice)}" twice in its header`);
  return json;
}

function readMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!plain || !Object.values(value).every((item) => typeof item === 'string')) {
    throw badSafetensors(file, 'has a __metadata__ that is no map from strings to strings');
  }
  return value as Record<string, string>;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readEntry(
  name: string,
  entry: unknown,
  { dataStart, file }: { readonly dataStart: number; readonly file: string },
): TensorInfo {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw badSafetensors(file, 'has an entry that is no object', name);
  }
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (!isStoredDtype(dtype)) {
    const known = typeof dtype === 'string' && UNSUPPORTED_DTYPES.includes(dtype);
    const problem = known ? 'which is not supported' : 'which is unknown';
    const list = Object.keys(DTYPE_BYTES).join(', ');
    const shown = typeof dtype === 'string' ? `"${clip(dtype)}"` : `of type ${typeof dtype}`;
    throw badSafetensors(file, `has dtype ${shown}, ${problem}; use ${list}`, name);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw badSafetensors(file, 'has a shape that is no list of whole numbers >= 0', name);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw badSafetensors(file, 'has data_offsets that are not two whole numbers >= 0', name);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw badSafetensors(file, `has data_offsets [${begin}, ${end}] reversed`, name);
  // Products beyond 2^53 are inexact but still far above any byte range, so the test stands.
  const expected = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  if (expected !== end - begin) {
    const size = `${dtype} [${clip(shape.join(', '))}] needs ${expected} bytes`;
    throw badSafetensors(file, `has ${end - begin} bytes, but ${size}`, name);
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

function checkCover(
  infos: readonly TensorInfo[],
  options: { readonly dataStart: number; readonly fileBytes: number; readonly file: string },
): void {
  const { dataStart, fileBytes, file } = options;
  let position = dataStart;
  for (const { name, begin, end } of infos) {
    if (end > fileBytes) {
      const problem = `ends at byte ${end}, but the file has ${fileBytes}: it is truncated`;
      throw badSafetensors(file, problem, name);
    }
    if (begin !== position) {
      const problem = begin < position ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw badSafetensors(file, `at byte ${begin} ${problem} (expected ${position})`, name);
    }
    position = end;
  }
  if (position !== fileBytes) {
    throw badSafetensors(file, `has ${fileBytes - position} bytes that belong to no tensor`);
  }
}
