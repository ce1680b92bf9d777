import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { courseColumns, courseGrid } from '../../../src/figures/comparison/course-grid.ts';
import { type Palette, palettes } from '../../../src/figures/palette.ts';
import type { RunResponse } from '../../../src/lab/api.ts';
import { Select } from '../../components/controls.tsx';
import { Failure } from '../../components/states.tsx';
import { formatCount, formatNumber, locale, t } from '../../i18n.ts';
import { frozen } from '../../state/focus.ts';
import { setState } from '../../state/url.ts';
import { followRuns, isLive, marked, point, run, runProblem, runs, shownRun } from './data.ts';

const WIDTH = 1080;

/** The course of a training as a figure. */
export function courseFigure(
  { name, at, steps, curves }: RunResponse,
  options: {
    readonly palette: Palette;
    readonly heading: 'shown' | 'hidden';
    readonly pointed?: number;
    readonly marked?: string;
  },
) {
  const words = t().dictionaries;
  return courseGrid(
    curves.map(({ name: dictionary, seeds, loss, l0, explainedVariance, dead }) => ({
      name: dictionary,
      note: words.seedCount(String(seeds)),
      curves: [loss, l0, explainedVariance, dead],
    })),
    {
      ...options,
      title: words.courseTitle(name),
      lang: locale.value,
      columns: [
        { title: words.loss, apart: true },
        { title: words.l0 },
        { title: words.variance },
        { title: words.deadCount },
      ],
      at,
      end: steps,
      xTitle: words.steps,
      width: WIDTH,
    },
  );
}

/** Loss, sparsity, explained variance and dead features of a training while it goes on, or of a finished one. */
export function Training() {
  const words = t().dictionaries;
  const shown = shownRun.value;
  // Another choice looks at once instead of with the next look.
  useEffect(followRuns, [shown]);
  const list = runs.value?.runs ?? [];
  const data = run.value?.name === shown ? run.value : undefined;
  const problem = runProblem.value;
  if (problem !== undefined && list.length === 0) return <Failure problem={problem} />;
  if (runs.value !== undefined && list.length === 0) {
    return (
      <p class="note">
        {words.noRuns} <code>glassbox dict train CONFIG</code> ·{' '}
        <code>glassbox lab --runs FOLDER</code>
      </p>
    );
  }
  return (
    <div class="training" aria-busy={data === undefined && problem === undefined}>
      <div class="training-head">
        <Select
          label={words.runs}
          value={shown}
          options={[
            // A link may name a run that is no more; every other one can then be chosen.
            ...(list.some(({ name }) => name === shown) ? [] : [{ value: shown, label: shown }]),
            ...list.map(({ name, state: how }) => ({
              value: name,
              label: `${name} · ${words.states[how]}`,
            })),
          ]}
          onChange={(name) => setState({ run: name })}
        />
        {data === undefined ? null : <Progress data={data} />}
      </div>
      {problem === undefined ? null : <Failure problem={problem} />}
      {data === undefined ? null : <Course data={data} />}
    </div>
  );
}

function Progress({ data }: { readonly data: RunResponse }) {
  const words = t().dictionaries;
  const { state: how, step, steps, rowsPerSecond, updated, now } = data;
  const live = isLive(data, now);
  return (
    <p class="training-progress" role="status">
      <progress value={step} max={steps} aria-label={words.progress(String(step), String(steps))} />
      <b>{words.states[how]}</b> {words.progress(formatCount(step), formatCount(steps))}
      {rowsPerSecond === null ? '' : ` · ${words.rate(formatCount(rowsPerSecond))}`}
      {how !== 'running' ? null : live ? (
        <span class="note">
          {' '}
          {words.ago(formatNumber(Math.max(0, now - updated) / 1000, { digits: 0 }))}
        </span>
      ) : (
        <span class="uncertain"> {words.silent}</span>
      )}
    </p>
  );
}

/** The grid of curves; the pointer reads all of them at one step. */
function Course({ data }: { readonly data: RunResponse }) {
  const pointed = useSignal<number | undefined>(undefined);
  const { at, steps } = data;
  const read = (event: PointerEvent & { readonly currentTarget: HTMLElement }) => {
    if (frozen.peek()) return;
    const svg = event.currentTarget.querySelector('svg');
    if (svg === null) return;
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const column = courseColumns(4, WIDTH).find(
      ({ left, width }) => x >= left - 4 && x <= left + width + 4,
    );
    if (column === undefined || at.length === 0) {
      pointed.value = undefined;
      return;
    }
    const step = ((x - column.left) / column.width) * steps;
    pointed.value = at.reduce(
      (best, one, i) => (Math.abs(one - step) < Math.abs(at[best] - step) ? i : best),
      0,
    );
  };
  return (
    <div
      class="scroll-x course"
      onPointerMove={read}
      onPointerOver={(event) => {
        const row = (event.target as Element).closest('[data-dictionary]');
        point(row?.getAttribute('data-dictionary') ?? '');
      }}
      onPointerLeave={() => {
        if (!frozen.peek()) pointed.value = undefined;
        point('');
      }}
    >
      {courseFigure(data, {
        palette: palettes.page,
        heading: 'hidden',
        pointed: pointed.value,
        marked: marked.value,
      })}
    </div>
  );
}
