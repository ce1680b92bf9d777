/**
 * Our microscope beside the packages people use for the same work, in turns on one machine:
 *
 *   node bench/peers.ts graph --python VENV/bin/python --rounds 5
 *
 * Benches: graph, graph-ranked and graph-cross-layer (circuit-tracer), dictionary (dictionary_learning and SAELens), sweep (TransformerLens), eap
 * and eap-ig (EAP-IG). The virtual environment needs `scripts/reference/requirements-peers.txt`. Both sides read
 * the same files, get as many threads, and load and warm up before the first round. A round runs ours, then each
 * peer. Prints Markdown: wall and processor time, the ratios with their range over rounds, and how far the
 * results of both sides differ. `--full` runs what is otherwise sampled, `--tiny` tries everything out.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSafetensors } from '../src/base/safetensors/index.ts';
import { dictionaryBench } from './peers/dictionary.ts';
import { eapBench, eapIgBench } from './peers/eap.ts';
import { crossLayerGraphBench, graphBench, rankedGraphBench } from './peers/graph.ts';
import { type Peer, startPeer } from './peers/peer.ts';
import { sweepBench } from './peers/sweep.ts';
import { agreementTable, type Measured, timesTable } from './peers/table.ts';
import type { Bench, Prepared, Times } from './peers/types.ts';

const benches: Readonly<Record<string, Bench>> = {
  graph: graphBench,
  'graph-ranked': rankedGraphBench,
  'graph-cross-layer': crossLayerGraphBench,
  dictionary: dictionaryBench,
  sweep: sweepBench,
  eap: eapBench,
  'eap-ig': eapIgBench,
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: process.env.GLASSBOX_PYTHON ?? 'python3' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    full: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
  },
});
const threads = Number(options.threads);

async function clocked(prepared: Prepared): Promise<Times & { readonly told: string }> {
  const [wall, before] = [performance.now(), process.cpuUsage()];
  const told = await prepared.run();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - wall) / 1e3, cpu: (user + system) / 1e6, told };
}

async function compareOne(name: string, folder: string): Promise<void> {
  const bench = benches[name];
  if (!bench) throw new Error(`no bench '${name}'; there are ${Object.keys(benches).join(', ')}`);
  const { tiny, full } = options;
  const prepared = await bench.prepare({ folder, threads, tiny, full });
  await writeFile(join(folder, 'settings.json'), JSON.stringify(prepared.settings));
  const peers: Peer[] = [];
  const stop = () => {
    for (const peer of peers) peer.close();
  };
  process.once('exit', stop);
  const { told: _, ...first } = await clocked(prepared);
  const ours: Measured = { name: 'Glassbox', first, rounds: [] };
  for (const peer of bench.peers) {
    peers.push(await startPeer(peer, { python: options.python, folder, threads }));
  }
  const theirs = peers.map((peer): Measured => ({ ...peer, rounds: [] }));
  const loads = [loadavg()[0]];
  let told = '';
  for (let round = 0; round < Number(options.rounds); round++) {
    const { told: now, ...times } = await clocked(prepared);
    told = now;
    ours.rounds.push(times);
    for (const [i, peer] of peers.entries()) theirs[i].rounds.push(await peer.run());
    loads.push(loadavg()[0]);
  }
  console.log(`\n### ${bench.about}\n\n${told}\n`);
  console.log(timesTable(ours, theirs, bench.bar));
  for (const peer of peers) {
    const path = join(folder, `${peer.name}.result.safetensors`);
    await peer.save(path);
    const saved = await openSafetensors(path);
    console.log(`\n${agreementTable(peer.name, await prepared.compare(peer.name, saved))}`);
    await saved.close();
  }
  const versions = Object.assign({}, ...peers.map((peer) => peer.versions));
  console.log(
    `\n${cpus()[0]?.model.trim()}, ${threads} threads each, ${options.rounds} rounds, load average ` +
      `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}; Node ${process.version}, ` +
      `${Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', ')}; ${new Date().toISOString()}`,
  );
  stop();
  await prepared.release();
}

for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const folder = await mkdtemp(join(tmpdir(), 'glassbox-peers-'));
  try {
    await compareOne(name, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
