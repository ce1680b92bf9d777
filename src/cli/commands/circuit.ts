import { GlassboxError } from '../../base/error.ts';
import {
  ablations,
  circuitMethods,
  circuitMetrics,
  circuitRunner,
  circuitToJson,
  countEdges,
  evaluateCircuit,
  type FaithfulnessCurve,
  faithfulness,
  faithfulnessCurve,
  findCircuit,
  nodesOf,
  type RandomCurve,
  randomCurve,
  readCircuit,
  requireSameModel,
  writeCircuit,
} from '../../microscope/circuits/index.ts';
import { type Estimate, showEstimate } from '../../microscope/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import { circuitExamples, withExamples } from '../circuit-examples.ts';
import type { CommandSpec } from '../command.ts';
import { openModel, withModel } from '../model.ts';
import { realNumber, wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';
import { path } from './circuit-path.ts';

const orders = ['absolute', 'signed'] as const;

function settings(options: { metric: string; ablation: string }) {
  return {
    metric: oneOf('metric', options.metric, circuitMetrics),
    ablation: oneOf('ablation', options.ablation, ablations),
  };
}

function curveTable({ points, cpr, cmd }: FaithfulnessCurve): string {
  const rows = points.map(({ fraction, edges, connected, faithfulness: found }) => [
    String(fraction),
    edges,
    connected,
    showEstimate(found, 3),
  ]);
  const head = ['fraction', 'edges', 'on a path', 'faithfulness'];
  return `${table(head, rows)}\nCPR ${fixed(cpr)}, CMD ${fixed(cmd)}`;
}

/** The control; its intervals are over random circuits, not over prompts. */
function randomTable({ points, cpr, cmd }: RandomCurve): string {
  const rows = points.map(({ fraction, edges, faithfulness: found }) => [
    String(fraction),
    edges,
    showEstimate(found, 3),
  ]);
  const n = points[0]?.faithfulness.n ?? 0;
  const head = ['fraction', 'edges', 'faithfulness'];
  return `random circuits, n = ${n} of each size\n${table(head, rows)}\nCPR ${fixed(cpr)}, CMD ${fixed(cmd)}`;
}

const find: CommandSpec = {
  name: 'find',
  writes: { files: ['out'] },
  summary: 'score the edges between heads and MLPs, and keep the circuit that does a task',
  examples: [
    {
      line: 'circuit find --ioi 16 --edges 60 --out ioi.json',
      does: 'EAP-IG on sentences of the built-in model; the circuit as JSON for other tools',
    },
    {
      line: 'circuit find --clean "When Mary and John were at the park, John gave a ball to" --corrupted "When Mary and John were at the park, Mary gave a ball to" --target Mary --distractor John --method acdc --metric kl --threshold 0.01',
      does: 'ACDC on one pair of prompts',
    },
  ],
  define: (command) =>
    withExamples(withModel(command))
      .option('--method <name>', `one of ${circuitMethods.join(', ')}`, 'eap-ig-inputs')
      .option('--metric <name>', `one of ${circuitMetrics.join(', ')}`, 'logit-diff')
      .option('--ablation <kind>', `what cut edges carry: ${ablations.join(', ')}`, 'corrupted')
      .option('--steps <n>', 'points of the integral of EAP-IG', wholeNumber('--steps', 1), 5)
      .option('--edges <n>', 'edges to keep', wholeNumber('--edges', 0))
      .option(
        '--fraction <f>',
        'share of edges to keep, 0.05 unless told',
        realNumber('--fraction', 0),
      )
      .option('--threshold <x>', 'ACDC: cut what matters less', realNumber('--threshold', 0), 0.01)
      .option('--by <order>', `rank edges by ${orders.join(' or ')} score`, orders[0])
      .option('--curve', 'also measure faithfulness at growing fractions')
      .option(
        '--random <n>',
        'for --curve: random circuits of each size beside it',
        wholeNumber('--random', 0),
        0,
      )
      .option('--top <n>', 'edges to print', wholeNumber('--top', 0), 20)
      .option('-o, --out <file>', 'write the circuit as JSON'),
  async action(context, { options }) {
    if (options.edges !== undefined && options.fraction !== undefined) {
      throw new GlassboxError('--edges and --fraction are both given', {
        code: 'bad-option',
        remedy: 'Say how many edges to keep in one of the two ways.',
      });
    }
    const model = await openModel(context, options);
    const examples = await circuitExamples(model, options);
    const method = oneOf('method', options.method, circuitMethods);
    const by = oneOf('order', options.by, orders);
    const { steps, threshold, edges, fraction, random: draws } = options;
    if (method === 'acdc' && (edges ?? fraction) !== undefined) {
      throw new GlassboxError('ACDC decides itself how many edges it keeps', {
        code: 'bad-option',
        remedy: 'Give --threshold with --method acdc, --edges or --fraction with the others.',
      });
    }
    if (draws > 0 && !options.curve) {
      throw new GlassboxError('--random draws circuits of the sizes of --curve', {
        code: 'bad-option',
        remedy: 'Give --curve too.',
      });
    }
    const { signal, progress } = context;
    const circuit = await findCircuit(model, examples, {
      method,
      ...settings(options),
      steps,
      threshold,
      edges,
      fraction,
      by,
      progress,
      signal,
    });
    const { graph, scores, mask } = circuit;
    const runner = await circuitRunner(model, examples, { ...settings(options), signal });
    const found = await faithfulness(runner, mask);
    const curve = options.curve ? await faithfulnessCurve(runner, scores, { by, progress }) : null;
    const chance = curve && draws > 0 ? await randomCurve(runner, { draws, progress }) : null;
    if (options.out) {
      await writeCircuit(options.out, circuit);
      context.note(`wrote ${options.out}`);
    }
    const kept = graph.edges
      .filter(({ index }) => mask[index])
      .sort((a, b) => Math.abs(scores[b.index]) - Math.abs(scores[a.index]));
    const document = {
      model: model.name,
      n: examples.length,
      edges: countEdges(mask),
      of: graph.edges.length,
      nodes: nodesOf(graph, mask),
      faithfulness: found,
      curve,
      random: chance,
      circuit: circuitToJson(circuit),
    };
    context.result(document, () => {
      const rows = kept
        .slice(0, options.top)
        .map(({ name, index }) => [name, fixed(scores[index], 4)]);
      const chosen = edges ?? Math.round((fraction ?? 0.05) * graph.edges.length);
      const loose = method === 'acdc' ? 0 : chosen - kept.length;
      const left = loose > 0 ? ` (${loose} more lie on no path and are left out)` : '';
      const shown = `showing ${rows.length} of ${kept.length} edges kept${left}, strongest first`;
      return [
        table(['edge', 'score'], rows),
        `${shown}; ${graph.edges.length} in all, ${document.nodes.length} of ${graph.nodes.length} nodes touched`,
        `faithfulness ${showEstimate(found, 3)}, n = ${examples.length}`,
        ...(kept.length === 0
          ? [
              'none of the edges that were to be kept lies on a path from the input to the logits; keep more',
            ]
          : []),
        ...(curve ? ['', curveTable(curve)] : []),
        ...(chance ? ['', randomTable(chance)] : []),
      ].join('\n');
    });
    return undefined;
  },
};

const evalCommand: CommandSpec = {
  name: 'eval',
  summary: 'faithfulness, completeness, minimality and curve of a circuit file, by exact runs',
  examples: [
    { line: 'circuit eval ioi.json --ioi 32 --seed 1', does: 'on sentences it was not found on' },
  ],
  define: (command) =>
    withExamples(withModel(command))
      .argument('<file>', 'circuit as JSON')
      .option('--metric <name>', `one of ${circuitMetrics.join(', ')}`, 'logit-diff')
      .option('--ablation <kind>', `what cut edges carry: ${ablations.join(', ')}`, 'corrupted')
      .option('--sets <n>', 'random sets of nodes left out', wholeNumber('--sets', 0), 8)
      .option(
        '--by <order>',
        `rank edges for the curve by ${orders.join(' or ')} score`,
        orders[0],
      ),
  async action(context, { args: [file], options }) {
    const circuit = await readCircuit(file);
    const model = await openModel(context, options);
    requireSameModel(model, circuit, file);
    const examples = await circuitExamples(model, options);
    const { signal, progress } = context;
    const runner = await circuitRunner(model, examples, { ...settings(options), signal });
    const { sets, seed } = options;
    const found = await evaluateCircuit(runner, circuit, { sets, seed, progress });
    const by = oneOf('order', options.by, orders);
    const curve = await faithfulnessCurve(runner, circuit.scores, { by, progress });
    context.result({ model: model.name, n: examples.length, ...found, curve }, () => {
      const { metric, completeness, minimality } = found;
      const share = (x: Estimate) => showEstimate(x, 3);
      const least = minimality
        .slice(0, 10)
        .map(({ node, effect, score, without }) => [
          node,
          share(effect),
          fixed(score),
          without.join(' ') || 'nothing',
        ]);
      return [
        `${found.edges} edges, ${found.nodes} nodes, n = ${examples.length}`,
        `metric: circuit ${fixed(metric.circuit)}, all ${fixed(metric.full)}, none ${fixed(metric.empty)}`,
        `faithfulness ${share(found.faithfulness)}`,
        completeness.sets.length === 0
          ? 'incompleteness: not measured, --sets is 0'
          : `incompleteness over ${completeness.sets.length} sets: mean ${share(completeness.mean)}, worst ${fixed(completeness.worst)}`,
        '',
        table(
          ['node', 'effect of leaving it out', 'minimality score', 'beside leaving out'],
          least,
        ),
        '',
        curveTable(curve),
      ].join('\n');
    });
    return undefined;
  },
};

export const circuit: CommandSpec = {
  name: 'circuit',
  summary: 'find the circuit that does a task, and judge one by exact interventions',
  examples: [],
  define: (command) => command,
  async action() {
    return undefined;
  },
  subcommands: [find, path, evalCommand],
};
