import { lineBand } from '../../../src/figures/line-band.ts';
import { type Palette, palettes } from '../../../src/figures/palette.ts';
import type { CircuitCurveResponse, CurvePointView } from '../../../src/lab/api.ts';
import { RunSection } from '../../components/run-section.tsx';
import { formatCount, formatProbability, locale, t } from '../../i18n.ts';
import { count, curve, decided } from './data.ts';
import type { CircuitView } from './view.ts';

/** Faithfulness over size, beside random circuits. */
export function curveFigure(
  data: CircuitCurveResponse,
  circuit: CircuitView,
  drawing: {
    readonly palette: Palette;
    readonly heading: 'shown' | 'hidden';
    readonly width?: number;
  },
) {
  const words = t().circuits;
  const points = (list: readonly CurvePointView[]) =>
    list.map(({ fraction, faithfulness: { value, low, high, n } }) => ({
      x: fraction,
      y: value,
      ...(low !== null && high !== null && { low, high }),
      n,
    }));
  const edges = circuit.edges.length;
  const kept = count.value ?? circuit.kept.length;
  const least = data.curve.points[0]?.fraction ?? 0.001;
  const random = data.random?.points;
  return lineBand(
    [
      ...(random === undefined
        ? []
        : [{ name: words.curveRandom, role: 'control', points: points(random) } as const]),
      { name: words.curveOwn, role: 'measured', points: points(data.curve.points) },
    ],
    {
      ...drawing,
      lang: locale.value,
      title: words.curve,
      xTitle: words.curveX,
      yTitle: words.curveY,
      height: 260,
      xScale: 'log',
      formatX: (share) => `${Number((share * 100).toPrecision(2))} %`,
      markX: kept > 0 ? Math.max(least, kept / edges) : undefined,
      markY: 1,
    },
  );
}

export function Curve({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const data = curve.data.value;
  const draws = data?.random?.points[0]?.faithfulness.n ?? 0;
  return (
    <RunSection class="circuit-curve" title={words.curve} about={words.curveAbout} resource={curve}>
      {data === undefined ? null : (
        <>
          <div class="scroll-x">
            {curveFigure(data, circuit, {
              palette: palettes.page,
              heading: 'hidden',
              width: 560,
            })}
          </div>
          <p class="note">
            {data.n > 1
              ? words.curveNote(formatCount(data.n), formatCount(draws))
              : words.curveNoteOne(formatCount(draws))}
          </p>
          <CurveTable data={data} />
        </>
      )}
    </RunSection>
  );
}

/** The same numbers for people who cannot see the picture, and beside those of chance. */
function CurveTable({ data }: { readonly data: CircuitCurveResponse }) {
  const words = t().circuits;
  return (
    <table class="visually-hidden">
      <caption>{words.curve}</caption>
      <thead>
        <tr>
          <th scope="col">{words.kept}</th>
          <th scope="col">{words.curveOwn}</th>
          <th scope="col">{words.curveRandom}</th>
        </tr>
      </thead>
      <tbody>
        {data.curve.points.map(({ fraction, edges, faithfulness }, i) => (
          <tr key={fraction}>
            <td>{formatCount(edges)}</td>
            <td>{formatProbability(faithfulness.value)}</td>
            <td>{formatProbability(data.random?.points[i].faithfulness.value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What decides how many edges are kept, in words; null where a number does. */
export function decidedWords(circuit: CircuitView): string | null {
  if (!decided.value || count.value !== null) return null;
  const words = t().circuits;
  const kept = formatCount(circuit.kept.length);
  return circuit.file === null ? words.keptByMethod(kept) : words.keptByFile(kept);
}
