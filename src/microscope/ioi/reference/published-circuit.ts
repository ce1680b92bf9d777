import { type CircuitGraph, type EdgeMask, edgeMask } from '../../circuits/index.ts';
import type { IoiRole } from '../roles.ts';

/** A group of heads, or the two ends of the model. */
type Group = IoiRole | 'input' | 'logits';

/** Which groups feed which, and through which inputs of the receiving heads (Conmy et al. 2023, appendix). */
const connections: readonly (readonly [from: Group, to: Group, inputs: string])[] = [
  ['input', 'previous token', 'qkv'],
  ['input', 'duplicate token', 'qkv'],
  ['input', 'S-inhibition', 'q'],
  ['input', 'negative name mover', 'kv'],
  ['input', 'name mover', 'kv'],
  ['input', 'backup name mover', 'kv'],
  ['previous token', 'induction', 'kv'],
  ['induction', 'S-inhibition', 'kv'],
  ['duplicate token', 'S-inhibition', 'kv'],
  ['S-inhibition', 'negative name mover', 'q'],
  ['S-inhibition', 'name mover', 'q'],
  ['S-inhibition', 'backup name mover', 'q'],
  ['negative name mover', 'logits', ''],
  ['name mover', 'logits', ''],
  ['backup name mover', 'logits', ''],
];

/** Heads by role, as `layer.head`. */
export type RoleHeads = Readonly<Partial<Record<IoiRole, readonly string[]>>>;

/**
 * The edges of the circuit of Wang et al. (2022) as Conmy et al. (2023) write them down: all MLPs with every edge to
 * and from heads of the circuit, and between heads only those that the paper's groups have.
 */
export function publishedCircuit(graph: CircuitGraph, roles: RoleHeads): EdgeMask {
  const groups = new Map<string, Group>();
  for (const [role, heads] of Object.entries(roles)) {
    for (const head of heads) groups.set(head, role as IoiRole);
  }
  const allowed = new Set(
    connections.flatMap(([from, to, inputs]) =>
      (inputs === '' ? [''] : [...inputs]).map((input) => `${from}>${to}>${input}`),
    ),
  );
  const mask = edgeMask(graph, 'none');
  for (const { sender, receiver, index } of graph.edges) {
    const from = graph.senders[sender];
    const to = graph.receivers[receiver];
    const start: Group | undefined =
      from.kind === 'head' ? groups.get(`${from.layer}.${from.head}`) : 'input';
    const end: Group | undefined =
      to.kind === 'head' ? groups.get(`${to.layer}.${to.head}`) : 'logits';
    if (start === undefined || end === undefined) continue;
    const throughMlp = from.kind === 'mlp' || to.kind === 'mlp';
    const toLogits = from.kind === 'input' && to.kind === 'logits';
    const input = to.kind === 'head' ? to.input : '';
    if (throughMlp || toLogits || allowed.has(`${start}>${end}>${input}`)) mask[index] = 1;
  }
  return mask;
}

/** How a found circuit agrees with a published one; all in [0, 1], counts beside them. */
export interface CircuitRates {
  readonly edges: number;
  readonly truePositiveRate: number;
  readonly falsePositiveRate: number;
  readonly precision: number;
  readonly nodeTruePositiveRate: number;
  readonly nodeFalsePositiveRate: number;
}

function rates(found: readonly boolean[], truth: readonly boolean[]) {
  const count = (of: (i: number) => boolean) => found.filter((_, i) => of(i)).length;
  const both = count((i) => found[i] && truth[i]);
  return {
    all: count((i) => found[i]),
    truePositive: both / count((i) => truth[i]),
    falsePositive: count((i) => found[i] && !truth[i]) / count((i) => !truth[i]),
    precision: both / count((i) => found[i]),
  };
}

/**
 * Rates of a found circuit against a published one, counted as Conmy et al. (2023) do: every input of a head that
 * anything reaches is one more edge, from the input into its head, which makes 32,923 edges of GPT-2 small. Nodes are
 * heads and MLPs.
 */
export function circuitRates(graph: CircuitGraph, found: EdgeMask, truth: EdgeMask): CircuitRates {
  const reached = (mask: EdgeMask) => {
    const inputs = new Set<number>();
    const nodes = new Set<string>();
    for (const { sender, receiver, index } of graph.edges) {
      if (!mask[index]) continue;
      inputs.add(receiver);
      const [from, to] = [graph.senders[sender], graph.receivers[receiver]];
      for (const one of [from, to]) {
        if (one.kind === 'head') nodes.add(`${one.layer}.${one.head}`);
        if (one.kind === 'mlp') nodes.add(`mlp ${one.layer}`);
      }
    }
    return { inputs, nodes };
  };
  const [a, b] = [reached(found), reached(truth)];
  const heads = graph.receivers.flatMap((to, i) => (to.kind === 'head' ? [i] : []));
  const edges = rates(
    [...graph.edges.map(({ index }) => found[index] === 1), ...heads.map((i) => a.inputs.has(i))],
    [...graph.edges.map(({ index }) => truth[index] === 1), ...heads.map((i) => b.inputs.has(i))],
  );
  const names = graph.senders.flatMap((from) => {
    if (from.kind === 'input') return [];
    return from.kind === 'mlp' ? [`mlp ${from.layer}`] : [`${from.layer}.${from.head}`];
  });
  const nodes = rates(
    names.map((name) => a.nodes.has(name)),
    names.map((name) => b.nodes.has(name)),
  );
  return {
    edges: edges.all,
    truePositiveRate: edges.truePositive,
    falsePositiveRate: edges.falsePositive,
    precision: edges.precision,
    nodeTruePositiveRate: nodes.truePositive,
    nodeFalsePositiveRate: nodes.falsePositive,
  };
}
