import type { EditSpec } from '../../microscope/edit-spec.ts';
import type { Question, Requests } from '../messages.ts';
import { type Prompt, type Token, tokenNames } from './tokens.ts';

/** One argument as a POSIX shell takes it. */
function shell(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `--name value` for every option that has a value; `--name=value` keeps a leading dash apart. */
function flags(values: Readonly<Record<string, Token | boolean | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    const text = String(value);
    return text.startsWith('-') ? [`--${name}=${shell(text)}`] : [`--${name}`, shell(text)];
  });
}

/** Arguments after the program's name; null where no command gives these numbers. */
type CommandLine<Q extends Question> = (request: Requests[Q]) => readonly string[] | null;

/** Commands take prompts as text; `--` keeps a prompt that begins with a dash an argument. */
function withPrompt(name: string, prompt: Prompt, options: readonly string[]): string[] | null {
  if (typeof prompt !== 'string') return null;
  return prompt.startsWith('-')
    ? [name, ...options, '--', shell(prompt)]
    : [name, shell(prompt), ...options];
}

const editsFlag = (edits: readonly EditSpec[]) => ({ edits: JSON.stringify(edits) });

/** The graph of a request; what follows from it in other ways has no command. */
const traceLine = (
  { prompt, maxLogits, logitShare, maxFeatures, ...request }: Requests['trace'],
  rest: Readonly<Record<string, Token | boolean | undefined>> = {},
) =>
  withPrompt('trace', prompt, [
    ...flags(tokenNames(request)),
    ...flags({ 'max-logits': maxLogits, 'logit-share': logitShare, 'max-features': maxFeatures }),
    ...flags(rest),
  ]);

/** A circuit of a request; one from a file, or another choice of edges than the method's, has no command. */
const circuitLine = (
  request: Requests['circuit-eval'],
  rest: Readonly<Record<string, Token | boolean | undefined>> = {},
): string[] | null => {
  const { clean, corrupted = clean, ioi, method, metric, ablation, file, edges } = request;
  if (file || (edges !== undefined && method === 'acdc')) return null;
  const { steps, threshold } = request;
  const how = { method, metric, ablation, steps, threshold, edges, ...rest };
  if (ioi) {
    const { count, corruption, seed } = ioi;
    return ['circuit', 'find', ...flags({ ioi: count, corruption, seed, ...how })];
  }
  if (typeof clean !== 'string' || typeof corrupted !== 'string') return null;
  // The command wants both tokens, also where the metric reads one.
  const { target, distractor = target } = tokenNames(request);
  return ['circuit', 'find', ...flags({ clean, corrupted, target, distractor, ...how })];
};

const commandLines: { readonly [Q in Question]: CommandLine<Q> } = {
  model: () => ['models', 'inspect'],
  examples: () => null,
  analyse: ({ prompt }) => withPrompt('tokens', prompt, []),
  lens: ({ prompt, topK = 10, ...request }) =>
    withPrompt('lens', prompt, flags({ top: topK, target: tokenNames(request).target })),
  attention: ({ prompt }) =>
    withPrompt('cache', prompt, [
      ...flags({ at: 'blocks.*.attn.hook_pattern', out: 'attention.safetensors' }),
    ]),
  heads: ({ seed }) => ['heads', ...flags({ seed })],
  interventions: ({ prompt, edits, topK = 10, ...request }) =>
    withPrompt('edit', prompt, flags({ ...editsFlag(edits), top: topK, ...tokenNames(request) })),
  dose: ({ prompt, edits, edit, strengths, baselines, seed, ...request }) =>
    withPrompt('edit', prompt, [
      ...flags({ ...editsFlag(edits), ...tokenNames(request) }),
      `--sweep=${strengths.join(',')}`,
      ...flags({ edit, baselines, seed }),
    ]),
  attribution: ({ prompt, position, ...request }) =>
    withPrompt('lens', prompt, flags({ dla: true, ...tokenNames(request), position })),
  patching: ({ clean, corrupted, site, direction, byPosition, ...request }) =>
    typeof clean !== 'string' || typeof corrupted !== 'string'
      ? null
      : [
          'patch',
          ...flags({ clean, corrupted, ...tokenNames(request), site, direction }),
          ...flags({ 'by-position': byPosition }),
        ],
  // The command adds special tokens around a text, which a piece of one must not have.
  tokens: () => null,
  'token-search': () => null,
  generate: ({ prompt, maxTokens = 32, stop = [], edits, ...request }) =>
    withPrompt('generate', prompt, [
      ...flags({
        'max-tokens': maxTokens,
        temperature: request.temperature,
        'top-k': request.topK,
        'top-p': request.topP,
        'min-p': request.minP,
        'repetition-penalty': request.repetitionPenalty,
        seed: request.seed,
        edits: edits && JSON.stringify(edits),
      }),
      ...stop.flatMap((text) => ['--stop', shell(text)]),
    ]),
  dictionaries: () => null,
  'compare-dictionaries': () => null,
  trace: (request) =>
    traceLine(request, { 'node-share': request.nodeShare, 'edge-share': request.edgeShare }),
  // The command ablates as many features as the endpoint does unless told, from the same seed.
  'graph-validity': ({ mode, features = 24, seed = 0, ...request }) =>
    features === 24 && seed === 0 ? traceLine(request, { validity: true, mode }) : null,
  'graph-intervention': () => null,
  'head-loadings': () => null,
  qk: () => null,
  groups: () => null,
  'subgraph-scores': () => null,
  features: () => null,
  feature: ({ dictionary, index }) =>
    dictionary === undefined ? null : ['dict', 'features', shell(dictionary), String(index)],
  circuit: (request) => circuitLine(request),
  'circuit-curve': ({ random = 8, ...request }) => circuitLine(request, { curve: true, random }),
  'circuit-eval': (request) => (request.checks ? null : circuitLine(request)),
  ioi: ({ count = 64, seed }) => ['ioi', ...flags({ count, seed })],
  attribute: ({ prompt, methods, baseline, samples, steps, seeds, paraphrases, ...request }) => {
    const texts = (paraphrases ?? []).filter((other) => typeof other === 'string');
    if (texts.length < (paraphrases?.length ?? 0)) return null;
    return withPrompt('attribute', prompt, [
      ...flags({ ...tokenNames(request), baseline, samples, steps, seeds }),
      ...(methods ? ['--methods', ...methods] : []),
      ...(texts.length > 0 ? ['--paraphrase', ...texts.map(shell)] : []),
    ]);
  },
  'feature-example': () => null,
  // The command lists a whole dictionary; words are searched for on the page only.
  'find-features': ({ dictionary, query, source = 'all' }) =>
    dictionary === undefined || query !== '' || source !== 'all'
      ? null
      : ['dict', 'features', shell(dictionary)],
};

/** The command line of a request; null where no command gives the same numbers. */
export function commandLine<Q extends Question>(
  question: Q,
  request: Requests[Q],
  options: { readonly model: string | null },
): string | null {
  const line = commandLines[question](request);
  if (!line) return null;
  const { model } = options;
  const named = model === null ? [] : question === 'model' ? [shell(model)] : flags({ model });
  // Options must come before `--`, which ends them.
  const at = line.includes('--') ? line.indexOf('--') : line.length;
  return ['glassbox', ...line.slice(0, at), ...named, ...line.slice(at)].join(' ');
}
