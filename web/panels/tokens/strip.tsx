import type { AnalysedPrompt, AnalyseResponse } from '../../../src/lab/api.ts';
import { tint } from '../../components/shade.ts';
import { TokenText } from '../../components/token.tsx';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import { lock, locked, state } from '../../state/index.ts';
import {
  hexBytes,
  measureAt,
  type Shade,
  type ShadeScale,
  type StripColumn,
  type StripGroup,
  shadeScale,
  stripGroups,
} from './measures.ts';

/** The number of a measure as text without its unit. */
export function measureText(shade: Shade, value: number | null): string {
  if (value === null) return '–';
  if (shade === 'probability') return formatProbability(value);
  return shade === 'rank' ? formatCount(value + 1) : formatNumber(value);
}

/**
 * The tokens of the prompt (above those of the second one) as a list that the arrow keys walk. Each is
 * shaded by the chosen measure, whose number stands below it.
 */
export function TokenStrip({ data }: { readonly data: AnalyseResponse }) {
  const { prompt, promptB, alignment } = data;
  const shade = state.shade.value;
  const scale = shadeScale(promptB === null ? [prompt] : [prompt, promptB], shade);
  const last = prompt.tokens.length - 1;
  const current = Math.min(locked.value.position ?? last, last);
  return (
    <div
      class={`strip${promptB === null ? '' : ' double'}`}
      role="listbox"
      aria-label={`${t().tokens.title}: ${t().tokens.shades[shade]}`}
      aria-orientation="horizontal"
      onKeyDown={walk}
    >
      {stripGroups(prompt, alignment).map((group, index) => (
        <Group key={index} group={group} data={data} current={current} scale={scale} />
      ))}
    </div>
  );
}

function Group(props: {
  readonly group: StripGroup;
  readonly data: AnalyseResponse;
  readonly current: number;
  readonly scale: ShadeScale;
}) {
  const { group, data, current, scale } = props;
  const columns = group.columns.map((column) => (
    <Column key={column.a} column={column} data={data} current={current} scale={scale} />
  ));
  if (group.text === '') return columns;
  return (
    <span class="strip-group" role="group" aria-label={group.text}>
      <TokenText text={group.text} />
      <span class="strip-parts">{columns}</span>
    </span>
  );
}

function Column(props: {
  readonly column: StripColumn;
  readonly data: AnalyseResponse;
  readonly current: number;
  readonly scale: ShadeScale;
}) {
  const { column, data, scale } = props;
  const { a, b, same } = column;
  const { prompt, promptB } = data;
  if (promptB === null) {
    return a === null ? null : (
      <Cell prompt={prompt} position={a} scale={scale} tabbable={a === props.current} />
    );
  }
  return (
    <span class={`strip-column${same ? '' : ' differs'}`} role="presentation">
      {a === null ? (
        <span class="strip-gap" />
      ) : (
        <Cell prompt={prompt} position={a} scale={scale} tabbable={a === props.current} />
      )}
      {b === null ? (
        <span class="strip-gap" />
      ) : (
        <Cell prompt={promptB} position={b} scale={scale} aligned={a} tabbable={false} />
      )}
    </span>
  );
}

function Cell(props: {
  readonly prompt: AnalysedPrompt;
  readonly position: number;
  readonly scale: ShadeScale;
  readonly tabbable: boolean;
  /** Set in the second prompt: the position of the first that it stands below, null for none. */
  readonly aligned?: number | null;
}) {
  const { prompt, position, scale, aligned } = props;
  const shade = state.shade.value;
  const token = prompt.tokens[position];
  const group = prompt.groups[token.group];
  const part = group.count > 1;
  const value = measureAt(prompt, shade, position);
  const first = aligned === undefined;
  const at = first ? position : (aligned ?? undefined);
  const text = part ? hexBytes(token.bytes) : token.text;
  const picked = first && locked.value.position === position;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys of all its tokens.
    <span
      class={`strip-token${part ? ' part' : ''}`}
      role="option"
      aria-selected={picked}
      tabIndex={props.tabbable ? 0 : -1}
      data-position={at}
      data-strip={first ? 'a' : 'b'}
      data-index={position}
      style={tint('magnitude', scale.share(value))}
      onClick={() => {
        if (at !== undefined) lock({ position: at });
      }}
    >
      <TokenText text={text} />
      <span class="strip-value">{measureText(shade, value)}</span>
    </span>
  );
}

/** Arrow keys, Home and End move the focus; Enter and Space lock. */
function walk(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const list = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=option]')];
  const at = list.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    list[at].click();
    return;
  }
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: list.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  list[Math.max(0, Math.min(list.length - 1, to))].focus();
}
