import { effect, signal, untracked } from '@preact/signals';
import { THUMBNAIL_CELLS } from '../../../src/figures/head-grid.ts';
import { type PatternMatrix, poolPattern } from '../../../src/figures/pattern-cells.ts';
import type { AttentionRequest, AttentionResponse } from '../../../src/lab/api.ts';
import { type Advance, type Problem, post, type Resource, send } from '../../api.ts';
import { unpackFloats } from './floats.ts';

/** Attention of a prompt as the panel holds it: layers arrive one after the other. */
export interface Patterns extends Omit<AttentionResponse, 'patterns' | 'layers'> {
  /** All layers of the model, whether their patterns have come or not. */
  readonly layers: readonly number[];
  /** `[heads, query, key]` of the layers that have come. */
  readonly byLayer: ReadonlyMap<number, Float32Array>;
  /** Every head that has come, pooled for its thumbnail, by `layer.head`. */
  readonly small: ReadonlyMap<string, PatternMatrix>;
}

/** What to ask for, and how large the answer will be. */
export interface PatternsQuery {
  readonly request: Omit<AttentionRequest, 'layers'>;
  readonly layers: number;
  readonly heads: number;
  readonly tokens: number;
}

/** Bytes of weights asked for at once, before the text they travel as. */
const AT_ONCE = 24 * 2 ** 20;

/** Layers in groups whose patterns fit one answer; at least one layer each. */
export function layerGroups(query: PatternsQuery): number[][] {
  const perLayer = query.heads * query.tokens ** 2 * 4;
  const size = Math.max(1, Math.floor(AT_ONCE / Math.max(1, perLayer)));
  const all = Array.from({ length: query.layers }, (_, layer) => layer);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );
}

/** The pattern of one head, or undefined while its layer has not come. */
export function patternOf(
  patterns: Pick<Patterns, 'byLayer' | 'tokens' | 'heads'>,
  { layer, head }: { readonly layer: number; readonly head: number },
): PatternMatrix | undefined {
  const values = patterns.byLayer.get(layer);
  const size = patterns.tokens.length;
  if (values === undefined || head >= patterns.heads) return undefined;
  const start = head * size * size;
  return { rows: size, columns: size, values: values.subarray(start, start + size * size) };
}

/**
 * Patterns of all heads, asked for again whenever what `ask` reads changes. A long prompt's come in groups
 * of layers, so that no answer is too large for one document and the first heads show at once.
 */
export function patternsResource(ask: () => PatternsQuery | undefined): Resource<Patterns> {
  const data = signal<Patterns | undefined>(undefined);
  const busy = signal(false);
  const problem = signal<Problem | undefined>(undefined);
  const advance = signal<Advance | undefined>(undefined);
  const attempt = signal(0);
  let running: AbortController | undefined;
  let asked = '';

  const run = async (query: PatternsQuery, control: AbortController) => {
    busy.value = true;
    const groups = layerGroups(query);
    const layers = groups.flat();
    const byLayer = new Map<number, Float32Array>();
    const small = new Map<string, PatternMatrix>();
    for (const group of groups) {
      // All layers in one answer need no list; the command that repeats it is then the plain one.
      const body = { ...query.request, ...(groups.length > 1 && { layers: group }) };
      const outcome = await send(post('/api/attention', body), { signal: control.signal });
      if (control.signal.aborted) return;
      if ('problem' in outcome) {
        problem.value = outcome.problem;
        return;
      }
      const { patterns, ...rest } = outcome.data;
      const values = unpackFloats(patterns);
      const perLayer = values.length / outcome.data.layers.length;
      outcome.data.layers.forEach((layer, i) => {
        byLayer.set(layer, values.subarray(i * perLayer, (i + 1) * perLayer));
        for (let head = 0; head < rest.heads; head++) {
          const pattern = patternOf({ ...rest, byLayer }, { layer, head })!;
          small.set(`${layer}.${head}`, poolPattern(pattern, THUMBNAIL_CELLS));
        }
      });
      problem.value = undefined;
      data.value = { ...rest, layers, byLayer: new Map(byLayer), small: new Map(small) };
      if (groups.length > 1) {
        advance.value = { label: '', done: byLayer.size, total: layers.length, unit: '' };
      }
    }
  };

  effect(() => {
    const query = ask();
    const key = query === undefined ? '' : `${attempt.value} ${JSON.stringify(query)}`;
    if (key === asked) return;
    asked = key;
    running?.abort();
    untracked(() => {
      advance.value = undefined;
      if (query === undefined) {
        data.value = undefined;
        problem.value = undefined;
        busy.value = false;
        return;
      }
      const control = new AbortController();
      running = control;
      run(query, control)
        .catch((cause: unknown) => {
          if (!control.signal.aborted) throw cause;
        })
        .finally(() => {
          if (running !== control) return;
          busy.value = false;
          advance.value = undefined;
        });
    });
  });

  return {
    data,
    busy,
    problem,
    advance,
    retry: () => {
      attempt.value += 1;
    },
    cancel: () => {
      running?.abort();
      asked = '';
      busy.value = false;
      advance.value = undefined;
    },
  };
}
