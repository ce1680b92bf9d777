import { computed, effect, signal } from '@preact/signals';
import { parseCircuitNode } from '../../../src/figures/circuit-layout.ts';
import type { AnalyseRequest, CircuitRequest } from '../../../src/lab/api.ts';
import { post, resource } from '../../api.ts';
import { CIRCUIT_DEFAULTS, type CircuitSettings } from '../../state/circuits.ts';
import type { HeadId } from '../../state/fields.ts';
import { frozen, preview } from '../../state/focus.ts';
import { analysis, modelInfo, modelName } from '../../state/run.ts';
import { setState, state } from '../../state/url.ts';
import { PATIENCE } from '../dictionaries.ts';
import { followed } from '../followed.ts';
import { type CircuitFault, type CircuitFile, fileOfRequest } from './file.ts';
import {
  type CircuitView,
  edgeFits,
  type Selection,
  selectEdges,
  usualCount,
  viewOfCircuit,
} from './view.ts';

/** What is being chosen for the next search; it counts once the search is started. */
export const draft = signal<CircuitSettings>(CIRCUIT_DEFAULTS);
effect(() => {
  if (state.circuit.value !== null) draft.value = state.circuit.value;
});

/** A circuit read from a file, which then stands in place of the found one. It is not part of the address. */
export const opened = signal<{ readonly view: CircuitView; readonly file: CircuitFile } | null>(
  null,
);

/** What was wrong with the last file. */
export const fileFault = signal<CircuitFault | null>(null);

/** What keeps a search from being started. */
export type Obstacle =
  | { readonly kind: 'prompt' | 'pair' | 'target' | 'distractor' | 'mean' | 'gradient' }
  | { readonly kind: 'length'; readonly a: number; readonly b: number };

/** Methods that score edges between two runs by gradients. */
export const usesGradients = ({ method }: CircuitSettings) => method.startsWith('eap');

/** What the settings lack on the present prompts; undefined for nothing. */
export function obstacleOf(settings: CircuitSettings): Obstacle | undefined {
  const { from, ablation, metric } = settings;
  if (usesGradients(settings) && ablation !== 'corrupted') return { kind: 'gradient' };
  if (from === 'ioi') return undefined;
  if (state.prompt.value === '') return { kind: 'prompt' };
  if (ablation === 'mean') return { kind: 'mean' };
  if (ablation !== 'zero') {
    if (state.promptB.value === '') return { kind: 'pair' };
    const asked = analysis.answered.value as AnalyseRequest | undefined;
    const data = analysis.data.value;
    const current = asked?.prompt === state.prompt.value && asked.promptB === state.promptB.value;
    if (current && data?.promptB) {
      const [a, b] = [data.prompt.tokens.length, data.promptB.tokens.length];
      if (a !== b) return { kind: 'length', a, b };
    }
  }
  if (followed.value === undefined) return { kind: 'target' };
  if (metric === 'logit-diff' && followed.value.distractor === undefined) {
    return { kind: 'distractor' };
  }
  return undefined;
}

/** The question that all answers about the circuit share; undefined while there is none to ask. */
const request = computed<CircuitRequest | undefined>(() => {
  const settings = state.circuit.value;
  if (settings === null || obstacleOf(settings) !== undefined) return undefined;
  const { from, method, metric, ablation, steps, threshold, count, corruption } = settings;
  const how = {
    model: modelName.value,
    method,
    metric,
    ablation,
    ...(method.startsWith('eap-ig') && { steps }),
    ...(method === 'acdc' && { threshold }),
  };
  if (from === 'ioi') return { ...how, ioi: { count, corruption, seed: 0 } };
  return {
    ...how,
    clean: state.prompt.value,
    corrupted: ablation === 'zero' ? undefined : state.promptB.value,
    ...followed.value,
  };
});

/** The circuit of the prompts. */
export const found = resource(
  () => {
    const asked = request.value;
    return asked === undefined || opened.value !== null ? undefined : post('/api/circuit', asked);
  },
  { delay: PATIENCE, progress: true },
);

/** The circuit that is looked at. */
export const view = computed<CircuitView | undefined>(() => {
  if (opened.value !== null) return opened.value.view;
  const { value } = found.data;
  return value === undefined ? undefined : viewOfCircuit(value);
});

/** Whether what is kept is decided by the method or a file instead of by a number of edges. */
export const decided = computed(() => {
  if (opened.value !== null) return true;
  return found.data.value?.method === 'acdc';
});

/** Edges kept by number; null for what the method or the file keeps. */
export const count = computed<number | null>(() => {
  const circuit = view.value;
  if (circuit === undefined) return null;
  const chosen = state.edges.value;
  if (chosen === null) return decided.value ? null : usualCount(circuit);
  return Math.min(chosen, circuit.edges.length);
});

/** A size under the pointer while the slider is dragged. */
export const dragged = signal<number | null>(null);

export const selection = computed<Selection | undefined>(() => {
  const circuit = view.value;
  return circuit === undefined ? undefined : selectEdges(circuit, dragged.value ?? count.value);
});

/** Whether an opened file fits the model, so that it can be run. */
export const fits = computed(() => {
  const info = modelInfo.data.value;
  const circuit = opened.value?.view;
  if (circuit === undefined) return true;
  return (
    info !== undefined &&
    info.layers === circuit.layers &&
    info.heads === circuit.heads &&
    info.dModel === circuit.dModel
  );
});

const sameRequest = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The question about the circuit that is looked at: what was found, or the file. */
const judged = computed(() => {
  const asked = request.value;
  if (asked === undefined || !fits.value) return undefined;
  if (opened.value !== null) return { ...asked, file: fileOfRequest(opened.value.file) };
  // The circuit itself comes first: the lab answers one question at a time, and keeps it for these.
  const answered = found.data.value !== undefined && sameRequest(found.answered.value, asked);
  return answered ? asked : undefined;
});

export const size = resource(
  () => {
    const asked = judged.value;
    if (asked === undefined) return undefined;
    return post('/api/circuit-eval', { ...asked, edges: count.value ?? undefined });
  },
  { progress: true },
);

export const curve = resource(
  () => {
    const asked = judged.value;
    return asked === undefined ? undefined : post('/api/circuit-curve', asked);
  },
  { progress: true },
);

/** Completeness and minimality: some runs for every node, so only when asked for. */
export const checks = resource(
  () => {
    const asked = judged.value;
    if (asked === undefined || state.circuitChecks.value === 'no') return undefined;
    return post('/api/circuit-eval', {
      ...asked,
      edges: count.value ?? undefined,
      checks: true,
    });
  },
  { delay: PATIENCE, progress: true },
);

/** Roles of heads in indirect object identification. */
export const roles = resource(
  () =>
    state.headRoles.value === 'no'
      ? undefined
      : post('/api/ioi', { model: modelName.value, count: 64 }),
  { progress: true },
);

/** What the pointer or the keyboard is on: an edge by number, or a node by name. */
export const pointed = signal<{ readonly edge: number } | { readonly node: string } | null>(null);

/** Reports what is pointed at; ignored while Shift is held. */
export function point(next: { readonly edge: number } | { readonly node: string } | null): void {
  if (frozen.peek()) return;
  pointed.value = next;
  const head = next !== null && 'node' in next ? headOf(next.node) : undefined;
  preview(head === undefined ? null : { head });
}

/** The head that a node is. */
export function headOf(name: string): HeadId | undefined {
  const node = parseCircuitNode(name);
  return node?.kind === 'head' ? { layer: node.layer, head: node.head } : undefined;
}

const touching = (circuit: CircuitView, among: Iterable<number>, node: string) =>
  [...among].filter((i) => circuit.edges[i].from === node || circuit.edges[i].to === node);

/** The number of the chosen edge. */
export const chosenEdge = computed(() => {
  const name = state.edge.value;
  const at = name === '' ? -1 : (view.value?.edges.findIndex((edge) => edge.name === name) ?? -1);
  return at < 0 ? undefined : at;
});

/** Edges brought out in the picture; undefined when nothing is pointed at, chosen or pinned. */
export const lit = computed<ReadonlySet<number> | undefined>(() => {
  const circuit = view.value;
  const chosen = selection.value;
  if (circuit === undefined || chosen === undefined) return undefined;
  const at = pointed.value;
  if (at !== null) {
    return new Set('edge' in at ? [at.edge] : touching(circuit, chosen.circuit, at.node));
  }
  const out = new Set<number>(chosenEdge.value === undefined ? [] : [chosenEdge.value]);
  const nodes = [state.circuitNode.value, ...state.circuitPins.value].filter(
    (name) => parseCircuitNode(name) !== null,
  );
  for (const node of nodes) for (const i of touching(circuit, chosen.circuit, node)) out.add(i);
  const pins = new Set(state.circuitPins.value);
  if (pins.size > 0) {
    circuit.edges.forEach(({ name }, i) => {
      if (pins.has(name)) out.add(i);
    });
  }
  return out.size === 0 && nodes.length === 0 ? undefined : out;
});

/** Edges that the picture shows: the circuit, with what is pinned, chosen or pointed at besides. */
export const drawn = computed<readonly number[]>(() => {
  const circuit = view.value;
  const chosen = selection.value;
  if (circuit === undefined || chosen === undefined) return [];
  const pins = new Set(state.circuitPins.value);
  const extra = circuit.edges.flatMap(({ name }, i) =>
    (pins.has(name) || i === chosenEdge.value) && !chosen.circuit.has(i) ? [i] : [],
  );
  return [...chosen.circuit, ...extra];
});

/** Edges of the list: those that fit the search, the strongest first. */
export const listed = computed<readonly number[]>(() => {
  const circuit = view.value;
  if (circuit === undefined) return [];
  const text = state.edgeSearch.value;
  return circuit.ranked.filter((i) => edgeFits(circuit.edges[i], text));
});

/** Chooses an edge; the same again releases it. */
export function chooseEdge(index: number): void {
  const name = view.peek()?.edges[index]?.name ?? '';
  setState({ edge: state.edge.peek() === name ? '' : name, circuitNode: '' });
}

/** Chooses a node, and the head it is for the attention panel; the same again releases it. */
export function chooseNode(name: string): void {
  const again = state.circuitNode.peek() === name;
  const head = headOf(name);
  setState({
    edge: '',
    circuitNode: again ? '' : name,
    ...(head === undefined ? {} : { head: again ? null : head }),
  });
}

/** Pins a node or an edge by name, or takes the pin out. */
export function togglePin(name: string): void {
  const pins = state.circuitPins.peek();
  setState({
    circuitPins: pins.includes(name) ? pins.filter((pin) => pin !== name) : [...pins, name],
  });
}

/** Starts the search with what was chosen. */
export function start(): void {
  opened.value = null;
  setState({ circuit: draft.peek(), edges: null, edge: '', circuitNode: '' });
}
