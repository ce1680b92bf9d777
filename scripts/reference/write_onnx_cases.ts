/**
 * Writes the cases of every operation as ONNX files, with inputs and expected outputs in
 * `cases.json`, for `onnx_cases_check.py` to run with another language's ONNX Runtime:
 *
 *     node scripts/reference/write_onnx_cases.ts FOLDER && python scripts/reference/onnx_cases_check.py FOLDER
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as g from '../../src/graph/index.ts';
import { evaluate } from '../../src/runtime/reference/index.ts';
import { opCases } from '../../test/support/op-cases.ts';
import { prepareCase } from '../../test/support/op-checks.ts';

interface WrittenArray {
  readonly dtype: g.DType;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface Written {
  readonly name: string;
  readonly file: string;
  readonly feeds: Readonly<Record<string, WrittenArray>>;
  readonly expected: Readonly<Record<string, WrittenArray>>;
}

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node scripts/reference/write_onnx_cases.ts FOLDER');
  process.exit(2);
}

function plain(array: {
  dtype: g.DType;
  shape: readonly number[];
  data: ArrayLike<number | bigint>;
}) {
  // JSON has no infinities: those cross as text, which Python's float() reads.
  const data = Array.from(array.data, (value) => {
    const number = Number(value);
    return Number.isFinite(number) ? number : String(number);
  });
  return { dtype: array.dtype, shape: array.shape, data };
}

async function write(
  index: number,
  name: string,
  program: g.Program,
  feeds: Readonly<Record<string, g.TensorData>>,
  frozen: Readonly<Record<string, g.TensorData>> = {},
): Promise<Written> {
  const file = `${index}.onnx`;
  const written = program.toOnnx({ frozen, externalFile: `${index}.data` });
  await writeFile(join(folder, file), written.model);
  const size = Math.max(0, ...written.external.map(({ offset, data }) => offset + data.length));
  if (size > 0) {
    const data = new Uint8Array(size);
    for (const part of written.external) data.set(part.data, part.offset);
    await writeFile(join(folder, `${index}.data`), data);
  }
  const values = evaluate(program, { ...feeds, ...frozen });
  const expected = Object.entries(values).map(([output, value]) => [
    written.outputNames[output],
    plain(value),
  ]);
  return {
    name,
    file,
    feeds: Object.fromEntries(Object.entries(feeds).map(([input, value]) => [input, plain(value)])),
    expected: Object.fromEntries(expected),
  };
}

/** A small network with symbolic sizes, weights beside the model, and an output named like an input. */
function network() {
  const x = g.input('x', ['batch', 'pos', 32]);
  const w = g.input('w', [32, 32]);
  const normal = g.layerNorm(x, g.ones([32]), g.zeros([32]), 1e-5);
  const hidden = g.gelu(g.matmul(normal, w, { transposeB: true }));
  const values = Array.from({ length: 2 * 3 * 32 }, (_, i) => Math.sin(i));
  const weights = Array.from({ length: 32 * 32 }, (_, i) => Math.cos(i));
  return {
    program: g.createProgram({ x: g.add(x, hidden), scale: g.layerNormInvStd(x, 1e-5) }),
    feeds: { x: g.tensorData(values, [2, 3, 32]) },
    frozen: { w: g.tensorData(weights, [32, 32]) },
  };
}

await mkdir(folder, { recursive: true });
const { program, feeds, frozen } = network();
const cases = [await write(0, 'network with external weights', program, feeds, frozen)];
for (const opCase of opCases) {
  const prepared = prepareCase(opCase);
  cases.push(await write(cases.length, opCase.name, prepared.program, prepared.feeds));
}
await writeFile(join(folder, 'cases.json'), JSON.stringify(cases));
console.log(`${cases.length} models in ${folder}`);
