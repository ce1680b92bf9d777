import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import * as g from '../index.ts';

/** Reads the length-delimited fields of a message, by field number. */
function fields(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const reader = new BinaryReader(bytes);
  const found = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) reader.skip(wireType);
    else found.set(field, [...(found.get(field) ?? []), reader.bytes()]);
  }
  return found;
}

/** The operators of a model, in order. */
function operators(model: Uint8Array): string[] {
  const graph = fields(fields(model).get(7)![0]);
  return (graph.get(1) ?? []).map((node) => new TextDecoder().decode(fields(node).get(4)![0]));
}

const opsOf = (outputs: Record<string, g.Tensor>): string[] =>
  operators(g.createProgram(outputs).toOnnx().model);

const float = (values: readonly number[], shape: readonly number[]) =>
  new Tensor('float32', Float32Array.from(values), shape);

async function run(model: Uint8Array, feeds: Record<string, Tensor>) {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  return session.run(feeds);
}

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glassbox-onnx-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('reshapes that split, merge or keep axes need no sizes at run time', () => {
  const x = g.input('x', ['batch', 'pos', 12]);
  const split = g.reshape(x, ['batch', 'pos', 3, 4]);
  assert.deepEqual(opsOf({ split, merged: g.reshape(x, ['batch*pos', 12]) }), [
    'Reshape',
    'Reshape',
  ]);
});

test('an expanded operand is left to broadcasting', () => {
  const x = g.input('x', ['batch', 4]);
  assert.deepEqual(opsOf({ y: g.mul(x, g.full(2, ['batch', 4])) }), ['Mul']);
  // With both sides expanded something has to say how large the result is.
  const both = g.add(g.full(2, ['batch', 4]), g.expand(g.input('z', [4]), ['batch', 4]));
  assert.equal(opsOf({ y: both, x }).filter((op) => op === 'Expand').length, 1);
});

test('a layer norm and the statistics of its input are one node', () => {
  const x = g.input('x', ['pos', 8]);
  const [scale, bias] = [g.input('scale', [8]), g.input('bias', [8])];
  const statistics = { mean: g.layerNormMean(x, 1e-5), invStd: g.layerNormInvStd(x, 1e-5) };
  assert.deepEqual(opsOf({ ...statistics, y: g.layerNorm(x, scale, bias, 1e-5) }), [
    'LayerNormalization',
  ]);
  assert.equal(
    opsOf({ ...statistics, y: g.layerNorm(x, scale, bias, 1e-6) }).filter(
      (op) => op === 'LayerNormalization',
    ).length,
    1,
  );
});

test('a norm whose scale depends on its own statistics still lowers', async () => {
  const x = g.input('x', [1, 2]);
  const mean = g.layerNormMean(x, 0);
  const scale = g.reshape(g.expand(mean, [1, 2]), [2]);
  const program = g.createProgram({ y: g.layerNorm(x, scale, g.zeros([2]), 0) });
  const { y } = await run(program.toOnnx().model, { x: float([1, 3], [1, 2]) });
  assert.deepEqual([...(y.data as Float32Array)], [-2, 2]);
});

test('statistics without a norm', async () => {
  const x = g.input('x', ['n']);
  const program = g.createProgram({
    mean: g.layerNormMean(x, 0),
    invStd: g.layerNormInvStd(x, 0),
    rms: g.rmsNormInvStd(x, 0),
  });
  const result = await run(program.toOnnx().model, { x: float([1, 3, 1, 3], [4]) });
  assert.deepEqual([...(result.mean.data as Float32Array)], [2]);
  assert.deepEqual([...(result.invStd.data as Float32Array)], [1]);
  assert.ok(Math.abs((result.rms.data as Float32Array)[0] - 1 / Math.sqrt(5)) < 1e-7);
});

test('the two results of topK are one node', () => {
  const { values, indices } = g.topK(g.input('x', [9]), 3);
  assert.deepEqual(opsOf({ values, indices }), ['TopK']);
});

test('names never collide: inputs, outputs and intermediate values share one namespace', async () => {
  const x = g.input('MatMul_0', [2, 2]);
  const y = g.input('constant_0', [2, 2]);
  const product = g.matmul(x, y);
  const outputs = { MatMul_0: g.add(product, 1), MatMul_1: product, same: product, echo: x };
  const written = g.createProgram(outputs).toOnnx();
  const { model } = written;
  const outputNames: Readonly<Record<string, string>> = written.outputNames;
  assert.deepEqual(written.outputNames, {
    MatMul_0: 'MatMul_0.out',
    MatMul_1: 'MatMul_1',
    same: 'same',
    echo: 'echo',
  });
  const identity = float([1, 0, 0, 1], [2, 2]);
  const value = float([1, 2, 3, 4], [2, 2]);
  const result = await run(model, { MatMul_0: value, constant_0: identity });
  const values = (name: string) => [...(result[outputNames[name]].data as Float32Array)];
  assert.deepEqual(values('MatMul_0'), [2, 3, 4, 5]);
  for (const name of ['MatMul_1', 'same', 'echo']) assert.deepEqual(values(name), [1, 2, 3, 4]);
});

test('sizes that frozen inputs bind are constants', () => {
  const table = g.input('table', ['rows', 2]);
  const size = g.mul(g.dimension('rows'), g.input('x', []));
  const program = g.createProgram({ size, total: g.sum(table) });
  assert.ok(operators(program.toOnnx().model).includes('Shape'));
  const frozen = { table: g.tensorData([1, 2, 3, 4], [2, 2]) };
  assert.ok(!operators(program.toOnnx({ frozen }).model).includes('Shape'));
});

test('external data in one file loads from disk', async () => {
  const [a, b] = [g.input('a', [300]), g.input('b', [5, 60])];
  const x = g.input('x', []);
  const program = g.createProgram({ y: g.add(g.mul(g.sum(a), x), g.sum(b)) });
  const frozen = {
    a: g.tensorData(new Array(300).fill(1), [300]),
    b: g.tensorData(new Array(300).fill(0.5), [5, 60]),
  };
  const { model, external } = program.toOnnx({ frozen, externalFile: 'weights.bin' });
  assert.deepEqual(
    external.map(({ path, offset }) => [path, offset]),
    [
      ['weights.bin', 0],
      ['weights.bin', 1216],
    ],
  );
  assert.ok(model.length < 1000, `the model has ${model.length} bytes`);
  const file = new Uint8Array(1216 + 1200);
  for (const { data, offset } of external) file.set(data, offset);
  await writeFile(join(folder, 'model.onnx'), model);
  await writeFile(join(folder, 'weights.bin'), file);
  const session = await InferenceSession.create(join(folder, 'model.onnx'));
  const { y } = await session.run({ x: float([2], []) });
  assert.deepEqual([...(y.data as Float32Array)], [750]);
});

test('freezing something else than an input, or of another shape, is refused', () => {
  const program = g.createProgram({ y: g.neg(g.input('weight', [2])) });
  const value = g.tensorData([1, 2, 3], [3]);
  assert.throws(() => program.toOnnx({ frozen: { wait: value } }), {
    code: 'unknown-input',
    remedy: /weight/,
  });
  assert.throws(() => program.toOnnx({ frozen: { weight: value } }), {
    code: 'bad-input',
    message: /'weight' is float32 \[3\], expected float32 \[2\]/,
  });
});
