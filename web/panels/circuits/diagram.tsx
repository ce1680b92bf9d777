import { useMemo } from 'preact/hooks';
import {
  type CircuitFigureData,
  circuitDiagram,
  edgeTitle,
} from '../../../src/figures/circuit-diagram.ts';
import { circuitLayout, parseCircuitNode } from '../../../src/figures/circuit-layout.ts';
import { type Palette, palettes } from '../../../src/figures/palette.ts';
import { Button } from '../../components/controls.tsx';
import { PictureBox, placeAhead, Readout } from '../../components/picture.tsx';
import { useSize } from '../../components/size.ts';
import { formatCount, formatNumber, locale, t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import {
  chooseEdge,
  chooseNode,
  chosenEdge,
  drawn,
  found,
  lit,
  point,
  pointed,
  selection,
  togglePin,
} from './data.ts';
import { type CircuitView, MOST_DRAWN, statusOf } from './view.ts';

/** Edges of the picture, by number: the strongest of what is to be drawn. */
export function picturedEdges(circuit: CircuitView): readonly number[] {
  return [...drawn.value]
    .sort((a, b) => circuit.rank[a] - circuit.rank[b])
    .slice(0, MOST_DRAWN)
    .sort((a, b) => a - b);
}

function figureData(circuit: CircuitView, edges: readonly number[]): CircuitFigureData {
  const { layers, heads, parallel } = circuit;
  return { layers, heads, parallel, edges: edges.map((i) => circuit.edges[i]) };
}

/** The circuit as a file or in a report, what is chosen or pinned brought out. */
export function circuitFigure(
  circuit: CircuitView,
  drawing: { readonly palette: Palette; readonly width: number },
) {
  const words = t().circuits;
  const edges = picturedEdges(circuit);
  const own = lit.value;
  const bright =
    own === undefined ? undefined : new Set(edges.flatMap((edge, i) => (own.has(edge) ? [i] : [])));
  return circuitDiagram(figureData(circuit, edges), {
    ...drawing,
    title: words.title,
    lang: locale.value,
    inputBar: words.inputBar,
    logitsBar: words.logitsBar,
    unit: words.units[found.data.value?.unit ?? 'logits'],
    reach: circuit.reach,
    lit: bright,
    note: drawnWords(),
  });
}

/** What is shown of what. */
function drawnWords(): string {
  const { length } = drawn.value;
  if (length <= MOST_DRAWN) return '';
  return t().circuits.drawing(formatCount(MOST_DRAWN), formatCount(length));
}

/** Layers upwards; edges of what is pointed at, chosen or pinned stand out. */
export function Diagram({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const [box, size] = useSize<HTMLDivElement>({ width: 760, height: 0 });
  const { width } = size.value;
  const edges = picturedEdges(circuit);
  const key = edges.join(' ');
  const unit = words.units[found.data.value?.unit ?? 'logits'];
  // The same picture object lets the renderer pass over it when only the pointer has moved.
  const picture = useMemo(
    () =>
      circuitDiagram(figureData(circuit, edges), {
        palette: palettes.page,
        heading: 'hidden',
        title: words.title,
        width,
        inputBar: words.inputBar,
        logitsBar: words.logitsBar,
        unit,
        reach: circuit.reach,
        pointed: true,
      }),
    [circuit, key, width, locale.value, unit],
  );

  const press = (event: MouseEvent) => {
    const target = event.target as Element;
    const node = target.closest<SVGElement>('[data-node]')?.dataset.node;
    const at = target.closest<SVGElement>('[data-edge]')?.dataset.edge;
    const pin = event.ctrlKey || event.metaKey;
    if (node !== undefined) pin ? togglePin(node) : chooseNode(node);
    else if (at !== undefined) {
      const edge = edges[Number(at)];
      pin ? togglePin(circuit.edges[edge].name) : chooseEdge(edge);
    }
  };
  const over = (event: PointerEvent) => {
    const target = event.target as Element;
    const node = target.closest<SVGElement>('[data-node]')?.dataset.node;
    const at = target.closest<SVGElement>('[data-edge]')?.dataset.edge;
    point(node !== undefined ? { node } : at !== undefined ? { edge: edges[Number(at)] } : null);
  };

  const keyed = () => {
    const now = pointed.peek();
    return now !== null && 'node' in now ? now.node : state.circuitNode.peek();
  };

  return (
    <section class="circuit-diagram">
      <CircuitReadout circuit={circuit} />
      <PictureBox
        boxRef={box}
        label={`${words.diagram}. ${words.diagramKeys}`}
        onMove={(key) => {
          const next = neighbour(circuit, edges, { node: keyed(), key });
          if (next !== undefined) point({ node: next });
        }}
        onChoose={() => {
          if (keyed() !== '') chooseNode(keyed());
        }}
        onPin={() => {
          if (keyed() !== '') togglePin(keyed());
        }}
        onLeave={() => point(null)}
      >
        <Highlight edges={edges} />
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the box around it takes the keys. */}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: as above. */}
        <div
          class="circuit-picture"
          onClick={press}
          onPointerOver={over}
          onPointerLeave={() => point(null)}
        >
          {picture}
        </div>
      </PictureBox>
      <p class="picture-legend note">
        <span>
          <span class="swatch positive" /> {words.positive}
        </span>
        <span>
          <span class="swatch negative" /> {words.negative}
        </span>
        <span>
          <span class="circuit-mark head" /> {words.headMark}
        </span>
        <span>
          <span class="circuit-mark mlp" /> {words.mlpMark}
        </span>
        <span>
          <span class="circuit-mark unused" /> {words.unusedMark}
        </span>
        <span>{drawnWords()}</span>
      </p>
      <Pins circuit={circuit} />
    </section>
  );
}

/** Marks in a style sheet what stands out, so that nothing is drawn anew while the pointer moves. */
function Highlight({ edges }: { readonly edges: readonly number[] }) {
  const own = lit.value;
  const nodes = [state.circuitNode.value, ...state.circuitPins.value];
  const chosen = nodes
    .filter((name) => parseCircuitNode(name) !== null)
    .map((name) => `.circuit-picture [data-node="${name}"] > rect`);
  const marked =
    chosen.length === 0 ? '' : `${chosen.join(',')} { stroke: var(--gb-line); stroke-width: 2; }`;
  const at = pointed.value;
  const rows = [at !== null && 'edge' in at ? at.edge : undefined, chosenEdge.value]
    .filter((edge) => edge !== undefined)
    .map(
      (edge, i) =>
        `.circuit-rows [data-row="${edge}"] { --row-mark: ${i === 0 && at !== null ? 'var(--gb-ink)' : 'var(--gb-line)'}; }`,
    )
    .join(' ');
  if (own === undefined) return <style>{`${marked} ${rows}`}</style>;
  const bright = edges.flatMap((edge, i) =>
    own.has(edge) ? [`.circuit-picture [data-edge="${i}"]`] : [],
  );
  return (
    <style>{`.circuit-picture .circuit-edge { opacity: 0.13; } ${
      bright.length === 0 ? '' : `${bright.join(',')} { opacity: 1; }`
    } ${marked} ${rows}`}</style>
  );
}

/** What the pointer is on, or what is chosen. */
function CircuitReadout({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const at = pointed.value;
  const unit = words.units[found.data.value?.unit ?? 'logits'];
  const edgeText = (i: number) => {
    const edge = circuit.edges[i];
    const place = `${formatCount(circuit.rank[i] + 1)} / ${formatCount(circuit.edges.length)}`;
    const own = selection.value;
    const status = own === undefined ? 'cut' : statusOf(own, i);
    return [
      edgeTitle(edge),
      `${formatNumber(edge.score, { signed: true, digits: 4 })} ${unit}`,
      `#${place}`,
      words.status[status],
    ].join(' · ');
  };
  const nodeText = (name: string) => {
    const own = selection.value?.circuit ?? new Set<number>();
    const sum = (end: 'from' | 'to') =>
      [...own].reduce(
        (total, i) => (circuit.edges[i][end] === name ? total + circuit.edges[i].score : total),
        0,
      );
    const [into, out] = [sum('to'), sum('from')];
    const signed = (x: number) => formatNumber(x, { signed: true, digits: 3 });
    return `${name} · ${words.nodeSums(signed(into), signed(out), unit)}`;
  };
  const text =
    at !== null
      ? 'edge' in at
        ? edgeText(at.edge)
        : nodeText(at.node)
      : chosenEdge.value !== undefined
        ? edgeText(chosenEdge.value)
        : state.circuitNode.value !== ''
          ? nodeText(state.circuitNode.value)
          : words.diagramHint;
  return <Readout text={text} />;
}

/** Pinned edges and nodes; a click takes a pin out. */
function Pins({ circuit }: { readonly circuit: CircuitView }) {
  const words = t().circuits;
  const pins = state.circuitPins.value;
  if (pins.length === 0) return null;
  const known = new Set(circuit.edges.map(({ name }) => name));
  return (
    <p class="circuit-pins">
      <span class="note">{words.pins}</span>
      {pins
        .filter((name) => known.has(name) || parseCircuitNode(name) !== null)
        .map((name) => (
          <Button
            key={name}
            kind="quiet"
            icon="close"
            label={words.unpin(name)}
            onClick={() => togglePin(name)}
          >
            {name}
          </Button>
        ))}
    </p>
  );
}

/** The nearest node of the circuit in the direction of an arrow key. */
function neighbour(
  circuit: CircuitView,
  edges: readonly number[],
  from: { readonly node: string; readonly key: string },
): string | undefined {
  const names = [...new Set(edges.flatMap((i) => [circuit.edges[i].from, circuit.edges[i].to]))];
  const layout = circuitLayout(circuit, [], { width: 900 });
  const places = names.flatMap((name) => {
    const node = parseCircuitNode(name);
    return node === null ? [] : [{ name, ...layout.boxOf(node) }];
  });
  const start = places.findIndex(({ name }) => name === from.node);
  if (start < 0) return places.find(({ name }) => name === 'input')?.name;
  const at = placeAhead(
    { x: places.map(({ x }) => x), y: places.map(({ y }) => y) },
    start,
    from.key,
  );
  return at === undefined ? undefined : places[at].name;
}
