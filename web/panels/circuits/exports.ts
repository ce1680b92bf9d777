import type { VNode } from 'preact';
import type { Palette } from '../../../src/figures/palette.ts';
import { stackFigures } from '../../../src/figures/stack.ts';
import { type Exports, saveJson } from '../../components/actions.ts';
import { locale } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { completenessFigure } from './checks.tsx';
import { curveFigure } from './curve.tsx';
import { checks, curve, found, opened, roles, selection, size, view } from './data.ts';
import { circuitFigure } from './diagram.tsx';
import { writeCircuitFile } from './file.ts';
import { statusOf } from './view.ts';

function figure(palette: Palette): VNode {
  const circuit = view.value!;
  const own = { palette, heading: 'shown', width: 720 } as const;
  const judged = checks.data.value?.checks;
  return stackFigures(
    [
      circuitFigure(circuit, { palette, width: 900 }),
      curve.data.value === undefined ? undefined : curveFigure(curve.data.value, circuit, own),
      judged == null ? undefined : completenessFigure(judged, own),
    ].filter((one) => one !== undefined),
    { palette, lang: locale.value, title: circuit.file ?? state.prompt.value },
  );
}

/** Saves what is shown in the format of the Mechanistic Interpretability Benchmark. */
export function saveCircuit(): void {
  const circuit = view.peek();
  const own = selection.peek();
  if (circuit === undefined || own === undefined) return;
  saveJson('circuit-file', writeCircuitFile(circuit, own.kept));
}

/** What the panel gives away; undefined while there is nothing. */
export function circuitExports(): Exports | undefined {
  const circuit = view.value;
  const own = selection.value;
  if (circuit === undefined || own === undefined) return undefined;
  return {
    svg: figure,
    table: () => ({
      columns: [
        'rank',
        'edge',
        'from',
        'to',
        'input',
        `score (${found.data.value?.unit ?? 'as in the file'})`,
        'share of |score|',
        'status',
      ],
      rows: circuit.ranked.map((i, place) => {
        const { name, from, to, input, score } = circuit.edges[i];
        const share = circuit.total > 0 ? Math.abs(score) / circuit.total : 0;
        return [place + 1, name, from, to, input, score, share, statusOf(own, i)];
      }),
    }),
    json: () => ({
      circuit: writeCircuitFile(circuit, own.kept),
      file: circuit.file,
      settings: opened.value === null ? state.circuit.value : null,
      metric: found.data.value && {
        name: found.data.value.metric,
        unit: found.data.value.unit,
        full: found.data.value.full,
        empty: found.data.value.empty,
        n: found.data.value.n,
      },
      faithfulness: size.data.value?.faithfulness ?? null,
      curve: curve.data.value?.curve ?? null,
      random: curve.data.value?.random ?? null,
      checks: checks.data.value?.checks ?? null,
      roles: roles.data.value ?? null,
      provenance: found.data.value?.provenance ?? null,
    }),
  };
}
