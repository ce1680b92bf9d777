/** How long the lab takes to answer questions about single features of the shipped dictionaries. Not part of any test. */
import { cpus, loadavg } from 'node:os';
import { Rng } from '../src/base/rng.ts';
import { startLab } from '../src/lab/server.ts';
import { labClient } from '../src/lab/testing/client.ts';

const TEXT = 'When Mary and John went to the store, John gave a drink to';
const COUNT = 400;

const lab = await startLab({ port: 0, warm: false, page: null });
const client = labClient(lab.url);
const { dictionaries } = (await client.post('/api/dictionaries', {})).body;
const rng = new Rng(1);

async function measure(name: string, ask: () => Promise<{ readonly status: number }>) {
  // The first answers read weights, harvests and labels.
  for (let i = 0; i < 4 * dictionaries.length; i++) await ask();
  const [clock, processor]: [number[], number[]] = [[], []];
  for (let i = 0; i < COUNT; i++) {
    const began = performance.now();
    const used = process.cpuUsage();
    const { status } = await ask();
    if (status !== 200) throw new Error(`${name}: status ${status}`);
    const spent = process.cpuUsage(used);
    clock.push(performance.now() - began);
    processor.push((spent.user + spent.system) / 1000);
  }
  const at = (list: number[], share: number) =>
    [...list].sort((a, b) => a - b)[Math.floor(share * (list.length - 1))].toFixed(1);
  const summary = (list: number[]) => ({
    p50: at(list, 0.5),
    p95: at(list, 0.95),
    max: at(list, 1),
  });
  return { name, n: COUNT, clockMs: summary(clock), processorMs: summary(processor) };
}

const any = () => {
  const { name, features } = dictionaries[rng.int(dictionaries.length)];
  return { dictionary: name, index: rng.int(features) };
};
const rows = [
  await measure('feature', () => client.post('/api/feature', any())),
  await measure('feature on a text', () => client.post('/api/feature', { ...any(), prompt: TEXT })),
  await measure('find a feature', () =>
    client.post('/api/find-features', { query: `#${rng.int(1536)}` }),
  ),
];
await lab.close();
const features = dictionaries.reduce((sum, one) => sum + one.features, 0);
console.log(JSON.stringify({ cpus: cpus().length, load: loadavg(), features, rows }, null, 2));
