import { effect, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { graphAxes, MARK, markColours } from '../../../src/figures/attribution-graph.ts';
import {
  type GraphLayout,
  graphLayout,
  markPath,
  nearestPoint,
} from '../../../src/figures/graph-layout.ts';
import { palettes } from '../../../src/figures/palette.ts';
import { fitText, textWidth } from '../../../src/figures/svg.ts';
import { Button } from '../../components/controls.tsx';
import { PictureBox, placeAhead, Readout } from '../../components/picture.tsx';
import { useSize } from '../../components/size.ts';
import { formatCount, formatNumber, formatProbability, locale, t } from '../../i18n.ts';
import { frozen, preview } from '../../state/focus.ts';
import { state } from '../../state/url.ts';
import { finishGathering, press, togglePin } from './annotate.ts';
import {
  chosen,
  gathered,
  groups,
  linkDrawn,
  matches,
  nodeLabel,
  nodeTitle,
  nodeWeights,
  pointed,
} from './data.ts';
import { drawAll, drawOwn, type EdgeColours, edgeColours, prepare } from './edges.ts';
import { Mark } from './overview.tsx';
import type { GraphView } from './view.ts';

const HEIGHT = 480;
const HIGHEST = 820;
/** What stands around the picture when the panel fills the window. */
const AROUND = 330;
/** How far from the pointer a node may be, in px. */
const REACH = 30;

/** Nodes are gathered while G is held, or from a button on; Esc gives up. */
function useGrouping() {
  useEffect(() => {
    let held = false;
    const typing = (target: EventTarget | null) =>
      target instanceof Element && target.closest('input, textarea, select, dialog') !== null;
    const down = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && gathered.peek() !== null) {
        // It ends the gathering alone: what is chosen stays.
        event.preventDefault();
        gathered.value = null;
      }
      if (event.key !== 'g' || event.repeat || typing(event.target)) return;
      if (event.ctrlKey || event.metaKey || event.altKey || gathered.peek() !== null) return;
      held = true;
      gathered.value = [];
    };
    const up = (event: KeyboardEvent) => {
      if (event.key !== 'g' || !held) return;
      held = false;
      finishGathering(t().graph.supernode);
    };
    const drop = () => {
      if (!held) return;
      held = false;
      gathered.value = null;
    };
    window.addEventListener('keydown', down, { capture: true });
    window.addEventListener('keyup', up);
    window.addEventListener('blur', drop);
    return () => {
      window.removeEventListener('keydown', down, { capture: true });
      window.removeEventListener('keyup', up);
      window.removeEventListener('blur', drop);
      gathered.value = null;
    };
  }, []);
}

/** Makes a supernode without a key to hold: by pointer, by touch, or by keyboard alone. */
function Gathering() {
  const words = t().graph;
  const keys = gathered.value;
  if (keys === null) {
    return (
      <Button
        kind="quiet"
        label={words.gatherHint}
        onClick={() => {
          gathered.value = [];
        }}
      >
        {words.gather}
      </Button>
    );
  }
  return (
    <>
      <Button
        kind="primary"
        disabled={keys.length < 2}
        onClick={() => finishGathering(words.supernode)}
      >
        {words.gathered(formatCount(keys.length))}
      </Button>
      <Button
        kind="quiet"
        onClick={() => {
          gathered.value = null;
        }}
      >
        {t().common.cancel}
      </Button>
    </>
  );
}

/** Position × layer. Links lie on two canvases; hovering draws only those of one node anew. */
export function MainView({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const [box, size] = useSize<HTMLDivElement>({ width: 900, height: 0 });
  const { width } = size.value;
  const probe = useRef<HTMLSpanElement>(null);
  const under = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const scheme = useSignal(0);
  const colours = useSignal<EdgeColours | null>(null);
  // Where the picture is: asking at every move would make the browser lay the page out each time.
  const area = useRef<DOMRect | null>(null);
  useLayoutEffect(() => {
    area.current = null;
  });
  useEffect(() => {
    const forget = () => {
      area.current = null;
    };
    window.addEventListener('scroll', forget, { capture: true, passive: true });
    window.addEventListener('resize', forget);
    return () => {
      window.removeEventListener('scroll', forget, { capture: true });
      window.removeEventListener('resize', forget);
    };
  }, []);
  useGrouping();
  const maximised = state.panel.value === 'graph';
  const height = maximised
    ? Math.min(HIGHEST, Math.max(HEIGHT, window.innerHeight - AROUND))
    : HEIGHT;

  useLayoutEffect(() => {
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const flip = () => {
      scheme.value += 1;
    };
    dark.addEventListener('change', flip);
    return () => {
      dark.removeEventListener('change', flip);
    };
  }, []);

  const layout = useMemo(
    () =>
      graphLayout(view.nodes, {
        tokens: view.tokens.length,
        layers: view.layers,
        width,
        height,
      }),
    [view, width, height],
  );
  const nearest = useMemo(() => nearestPoint(layout, REACH), [layout]);

  // Asking for a colour makes the browser work out all styles: once per theme, not at each move.
  useLayoutEffect(
    () =>
      effect(() => {
        void [state.theme.value, scheme.value];
        if (probe.current !== null) colours.value = edgeColours(probe.current);
      }),
    [],
  );
  useLayoutEffect(
    () =>
      effect(() => {
        const own = colours.value;
        const picture = under.current && prepare(under.current, layout);
        if (!picture || own === null) return;
        const faint = chosen.value !== undefined;
        drawAll(picture, { view, layout, colours: own, fits: linkDrawn, faint });
      }),
    [view, layout],
  );
  useLayoutEffect(
    () =>
      effect(() => {
        const node = pointed.value ?? chosen.value;
        const own = colours.value;
        const picture = over.current && prepare(over.current, layout);
        if (!picture || own === null || node === undefined) return;
        if (node >= view.nodes.length) return;
        drawOwn(picture, { view, layout, colours: own, fits: linkDrawn, node });
      }),
    [view, layout],
  );

  const point = (node: number | undefined) => {
    const next = node ?? null;
    if (frozen.peek() || pointed.peek() === next) return;
    pointed.value = next;
    preview(next === null ? null : { position: view.nodes[next].position });
  };
  const keyed = () => pointed.peek() ?? chosen.peek() ?? view.nodes.length - 1;

  return (
    <>
      <div class="graph-head">
        <GraphReadout view={view} />
        <Gathering />
      </div>
      <PictureBox
        boxRef={box}
        class={gathered.value === null ? undefined : 'grouping'}
        label={`${words.title}. ${words.keys}`}
        onMove={(key) => {
          const at = keyed();
          // The first arrow shows where the keyboard is; from a chosen node on it moves.
          const here = pointed.peek() === null && chosen.peek() === undefined;
          point(here ? at : (placeAhead(layout, at, key) ?? at));
        }}
        onChoose={(event) => press(view.nodes[keyed()].key, event)}
        onPin={() => togglePin(view.nodes[keyed()].key)}
        onLeave={() => point(undefined)}
      >
        <span ref={probe} hidden />
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the box around it takes the keys. */}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: as above. */}
        <div
          class="graph-picture"
          style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
          onPointerMove={({ currentTarget, clientX, clientY }) => {
            area.current ??= currentTarget.getBoundingClientRect();
            point(nearest(clientX - area.current.left, clientY - area.current.top));
          }}
          onPointerLeave={() => {
            area.current = null;
            point(undefined);
          }}
          onClick={(event) => {
            const { left, top } = event.currentTarget.getBoundingClientRect();
            const node = nearest(event.clientX - left, event.clientY - top);
            if (node !== undefined) press(view.nodes[node].key, event);
          }}
        >
          <Axes view={view} layout={layout} />
          <canvas ref={under} />
          <canvas ref={over} />
          <Nodes view={view} layout={layout} gathered={gathered.value} />
          <Ring view={view} layout={layout} />
        </div>
      </PictureBox>
      <Legend />
    </>
  );
}

/** What marks and colours mean. With a node chosen, nodes have the colours of their weight to it. */
function Legend() {
  const words = t().graph;
  const kinds = ['token', 'feature', 'error', 'logit'] as const;
  return (
    <p class="picture-legend note">
      {kinds.map((kind) => (
        <span key={kind}>
          <Mark kind={kind} /> {words.kinds[kind]}
        </span>
      ))}
      <span>
        <span class="swatch positive" /> {words.positiveLink}
      </span>
      <span>
        <span class="swatch negative" /> {words.negativeLink}
      </span>
      <span>{chosen.value === undefined ? words.shadeInfluence : words.shadeWeight}</span>
    </p>
  );
}

/** What the pointer is on, or how many nodes are being gathered. */
function GraphReadout({ view }: { readonly view: GraphView }) {
  const words = t().graph;
  const index = pointed.value ?? chosen.value;
  const node = index === undefined ? undefined : view.nodes[index];
  const text =
    node === undefined
      ? gathered.value === null
        ? words.hint
        : words.gatherHint
      : [
          nodeTitle(node),
          node.activation === null
            ? ''
            : `${words.activation} ${formatNumber(node.activation, { digits: 3 })}`,
          node.kind === 'logit'
            ? ''
            : `${words.influence} ${formatNumber(node.influence, { digits: 3 })}`,
          node.kind === 'feature'
            ? `${words.errorInput} ${formatProbability(node.errorShare)}`
            : '',
        ]
          .filter(Boolean)
          .join(' · ');
  return <Readout text={text} />;
}

function Axes({ view, layout }: { readonly view: GraphView; readonly layout: GraphLayout }) {
  const { tokenRow, logitRow } = t().graph;
  return useMemo(
    () => (
      <svg class="graph-axes" width={layout.width} height={layout.height} aria-hidden="true">
        {graphAxes(layout, view.tokens, {
          palette: palettes.page,
          layers: view.layers,
          tokenRow,
          logitRow,
        })}
      </svg>
    ),
    [view, layout, locale.value],
  );
}

interface Name {
  readonly id: string;
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

/** The names that fit without lying on each other, first come first served: the subgraph has them all. */
function placeNames(names: readonly Name[]): Name[] {
  const kept: Name[] = [];
  for (const one of names) {
    const half = textWidth(one.text, 10) / 2;
    const hit = kept.some(
      (other) =>
        Math.abs(other.y - one.y) < 12 &&
        Math.abs(other.x - one.x) < half + textWidth(other.text, 10) / 2,
    );
    if (!hit) kept.push(one);
  }
  return kept;
}

/** All nodes. They are drawn anew when something is chosen, pinned or searched, not when hovering. */
function Nodes(props: {
  readonly view: GraphView;
  readonly layout: GraphLayout;
  readonly gathered: readonly string[] | null;
}) {
  const { view, layout, gathered } = props;
  const weights = nodeWeights.value;
  const found = matches.value;
  const own = groups.value;
  return useMemo(() => {
    const palette = palettes.page;
    const pinned = new Set(own.groups.flatMap(({ members }) => members));
    const most = view.nodes.reduce(
      (a, { kind, influence }) => (kind === 'feature' ? Math.max(a, influence) : a),
      1e-12,
    );
    const names = placeNames(
      own.groups.map(({ id, label, members: [first] }) => {
        const text = fitText(label ?? nodeLabel(view.nodes[first]), 130, 10);
        const half = textWidth(text, 10) / 2;
        const x = Math.min(Math.max(layout.x[first], half), layout.width - half);
        return { id, text, x, y: layout.y[first] - 7 };
      }),
    );
    return (
      <svg class="graph-nodes" width={layout.width} height={layout.height} aria-hidden="true">
        {view.nodes.map((node, i) => {
          const strength = node.kind === 'logit' ? 1 : Math.sqrt(node.influence / most);
          const colours = markColours(
            { kind: node.kind, strength: Math.min(1, strength), weight: weights?.[i] },
            palette,
          );
          const off = found?.[i] === false || (weights !== undefined && weights[i] === 0);
          const marked = pinned.has(i) || gathered?.includes(node.key);
          return (
            <path
              key={node.key}
              d={markPath(node.kind, MARK)}
              transform={`translate(${layout.x[i].toFixed(1)} ${layout.y[i].toFixed(1)})`}
              fill={colours.fill}
              stroke={marked ? 'var(--gb-ink)' : colours.stroke}
              stroke-width={marked ? 1.8 : 0.8}
              opacity={off ? 0.28 : 1}
            />
          );
        })}
        {names.map(({ id, text, x, y }) => (
          <text key={id} x={x} y={y} text-anchor="middle" class="graph-name">
            {text}
          </text>
        ))}
      </svg>
    );
  }, [view, layout, weights, found, own, gathered, locale.value, state.nodeLabels.value]);
}

/** The rings around the chosen node and the one under the pointer. */
function Ring({ view, layout }: { readonly view: GraphView; readonly layout: GraphLayout }) {
  const ring = (index: number | null | undefined, kind: string) =>
    index === null || index === undefined || index >= view.nodes.length ? null : (
      <circle class={kind} cx={layout.x[index]} cy={layout.y[index]} r={MARK + 4} />
    );
  return (
    <svg class="graph-rings" width={layout.width} height={layout.height} aria-hidden="true">
      {ring(chosen.value, 'chosen')}
      {ring(pointed.value, 'pointed')}
    </svg>
  );
}
