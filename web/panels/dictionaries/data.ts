import { computed, signal } from '@preact/signals';
import type { ComparedDictionary, ComparedSet } from '../../../src/figures/comparison/index.ts';
import type {
  ComparedDictionaryView,
  RunResponse,
  RunsResponse,
  SpreadView,
} from '../../../src/lab/api.ts';
import { get, type Problem, post, resource, send } from '../../api.ts';
import { frozen } from '../../state/focus.ts';
import { modelName } from '../../state/run.ts';
import { state } from '../../state/url.ts';

/** Whether the panel has come into sight: nothing is asked before. */
export const inSight = signal(false);

/** What lies beside the dictionaries of the model. */
export const comparison = resource(() =>
  inSight.value ? post('/api/compare-dictionaries', { model: modelName.value }) : undefined,
);

const hovered = signal('');

/** Marks a dictionary everywhere while the pointer is on it; Shift holds it. */
export function point(name: string): void {
  if (!frozen.peek()) hovered.value = name;
}

/** The dictionary that is pointed at, else the one that was clicked. */
export const marked = computed(() => hovered.value || state.compared.value || undefined);

const figure = ({ value, min, max, n }: SpreadView) => ({ value, min, max, n });

function drawn(one: ComparedDictionaryView): ComparedDictionary {
  const { name, kind, layer, features, figures, density, labels } = one;
  return {
    name,
    kind,
    layer,
    features,
    figures: figures && {
      l0: figure(figures.l0),
      explainedVariance: figure(figures.explainedVariance),
      ceRecovered: figure(figures.ceRecovered),
      dead: figure(figures.dead),
    },
    density,
    labels: labels && {
      histogram: labels.own.histogram,
      random: labels.random?.histogram ?? null,
      fired: labels.own.fired,
    },
  };
}

/** What the figures are drawn from. */
export const compared = computed(() => {
  const { value } = comparison.data;
  if (value === undefined) return undefined;
  const score = (spread: Omit<SpreadView, 'value'> | null) =>
    spread && { mean: spread.mean, deviation: spread.deviation ?? 0, n: spread.n };
  const sets: ComparedSet[] = value.sets.map(({ name, replacement, completeness }) => ({
    name,
    replacement: score(replacement),
    completeness: score(completeness),
  }));
  return { dictionaries: value.dictionaries.map(drawn), sets };
});

/** Trainings that the lab follows; undefined until it has answered. */
export const runs = signal<RunsResponse | undefined>(undefined);
/** The course of the chosen one. */
export const run = signal<RunResponse | undefined>(undefined);
export const runProblem = signal<Problem | undefined>(undefined);

/** Milliseconds between two looks at a run that goes on, and at the list. */
const LOOK = 2000;
const LOOK_IDLE = 10_000;

/** Name of the run that is shown: the chosen one, else the newest. */
export const shownRun = computed(() => state.run.value || runs.value?.runs[0]?.name || '');

/** Follows trainings until the answer is called. */
export function followRuns(): () => void {
  const control = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  const look = async () => {
    try {
      const { signal: stop } = control;
      const listed = await send<RunsResponse>(get('/api/runs'), { signal: stop });
      if ('problem' in listed) runProblem.value = listed.problem;
      else {
        runs.value = listed.data;
        let problem: Problem | undefined;
        const name = shownRun.peek();
        if (name !== '') {
          const path = `/api/run?name=${encodeURIComponent(name)}`;
          const found = await send<RunResponse>({ path }, { signal: stop });
          if ('problem' in found) problem = found.problem;
          else run.value = found.data;
        }
        runProblem.value = problem;
      }
    } catch (cause) {
      if (!control.signal.aborted) throw cause;
      return;
    }
    const live = runs.peek()?.runs.some((one) => isLive(one, runs.peek()!.now)) ?? false;
    timer = setTimeout(() => void look(), live ? LOOK : LOOK_IDLE);
  };
  void look();
  return () => {
    control.abort();
    clearTimeout(timer);
  };
}

/** Milliseconds without an event after which a run has probably ended without saying so. */
const SILENT = 60_000;

/** Whether a run goes on, as far as its events tell. */
export function isLive(
  { state: how, updated }: { readonly state: string; readonly updated: number },
  now: number,
): boolean {
  return how === 'running' && now - updated < SILENT;
}
