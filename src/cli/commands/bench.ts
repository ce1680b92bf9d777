import { type BenchReport, type BenchResult, benchNames, runBenches } from '../../bench/index.ts';
import type { CommandSpec } from '../command.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

const SCALES = {
  s: { factor: 1e3, unit: 'ms' },
  's/token': { factor: 1e3, unit: 'ms/token' },
  bytes: { factor: 1e-6, unit: 'MB' },
} as const;

/** A figure with its unit, in the size people read. */
function figure(value: number, { unit: base }: BenchResult): string {
  const { factor, unit } = SCALES[base];
  return `${fixed(value * factor, 2)} ${unit}`;
}

function barText(result: BenchResult): string {
  switch (result.rule) {
    case 'ratio >= bar':
      return `ratio ≥ ${result.bar}`;
    case 'ratio <= bar':
      return `ratio ≤ ${result.bar}`;
    case 'value <= bar':
      return `≤ ${figure(result.bar, result)}`;
  }
}

function describe({ machine, benches, sizes }: BenchReport): string {
  const rows = benches.map((result) => [
    result.name,
    figure(result.value, result),
    `${figure(result.min, result)} – ${figure(result.max, result)}`,
    result.n,
    figure(result.roofline, result),
    fixed(result.ratio),
    barText(result),
    result.ok ? 'met' : 'not met',
  ]);
  const head = ['bench', 'median', 'range', 'n', 'roofline', 'ratio', 'bar', ''];
  const threads = machine.threads === null ? '' : `, threads: ${machine.threads}`;
  const clock = machine.clock === 'wall' ? '' : ', processor time';
  return [
    table(head, rows),
    '',
    `${machine.cpu}, ${machine.cores} cores${threads}${clock}, Node ${machine.node}, ` +
      `onnxruntime-node ${machine.onnxruntime}, load ${fixed(machine.loadBefore, 1)} before and ` +
      `${fixed(machine.loadAfter, 1)} after`,
    `rooflines: matrix product ${fixed(machine.matmulGflops, 0)} GFLOP/s, ` +
      `read ${fixed(machine.readGBps, 1)} GB/s`,
    ...(sizes === 'tiny' ? ['Tiny shapes: the figures say nothing about speed.'] : []),
  ].join('\n');
}

export const bench: CommandSpec = {
  name: 'bench',
  summary: 'speed and memory beside what this machine can do, measured in the same run',
  examples: [
    { line: 'bench', does: 'all benches; about four minutes on two cores' },
    { line: 'bench forward512 --json', does: 'one bench, for scripts' },
  ],
  define: (command) =>
    command
      .argument('[names...]', `which benches: ${benchNames.join(', ')}`)
      .option('--repeats <n>', 'samples per figure', wholeNumber('--repeats', 1), 9)
      .option(
        '--threads <n>',
        'threads per run, the cores unless given',
        wholeNumber('--threads', 1),
      )
      .option('--processor-time', 'count processor time; with --threads 1, for a busy machine')
      .option('--tiny', 'small shapes that take a second, to see that everything works'),
  async action(context, { args: [names], options }) {
    const report = await runBenches({
      ...(names.length > 0 && { names }),
      repeats: options.repeats,
      threads: options.threads,
      clock: options.processorTime === true ? 'processor' : 'wall',
      tiny: options.tiny === true,
      progress: context.progress,
      signal: context.signal,
    });
    context.result(report, () => describe(report));
    return undefined;
  },
};
