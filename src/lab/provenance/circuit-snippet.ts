import type { CircuitEvalRequest, CircuitRequest } from '../api.ts';
import type { Question, Requests } from '../messages.ts';
import {
  args,
  optionsOf,
  preferenceFields,
  promptLine,
  Raw,
  type Snippet,
  source,
} from './parts.ts';

type CircuitQuestion = Extract<
  Question,
  'circuit' | 'circuit-curve' | 'circuit-eval' | 'ioi' | 'attribute'
>;

const SENTENCES = "const { templates } = ioiSentences(model, 'auto');";

/** The prompts of a request as `examples`. */
function examplesLines(request: CircuitRequest): Omit<Snippet, 'call'> {
  const { clean = '', corrupted = clean, ioi } = request;
  if (ioi) {
    const { count, corruption = 's2-io', seed } = ioi;
    const given = optionsOf({ count, corruption, seed, templates: new Raw('templates') });
    return {
      uses: ['ioiDataset'],
      organismUses: ['ioiSentences'],
      lines: [
        SENTENCES,
        `const examples = ioiDataset(model, ${given.replace('templates: templates', 'templates')});`,
      ],
    };
  }
  const [a, b] = [promptLine('clean', clean), promptLine('corrupted', corrupted)];
  const { target, distractor = target } = request;
  const { uses, fields } = preferenceFields({ target, distractor });
  const one = optionsOf({ clean: new Raw('clean'), corrupted: new Raw('corrupted'), ...fields });
  return {
    uses: [...a.uses, ...b.uses, ...uses],
    lines: [
      a.line,
      b.line,
      `const examples = [${one.replace('clean: clean', 'clean').replace('corrupted: corrupted', 'corrupted')}];`,
    ],
  };
}

/** The circuit of a request as `found`, then one call on it. */
function onCircuit(
  request: CircuitRequest & Pick<CircuitEvalRequest, 'file' | 'edges'>,
  rest: {
    readonly uses?: readonly string[];
    readonly lines?: readonly string[];
    readonly call: string;
  },
): Snippet {
  const { method, metric, ablation, steps, threshold, edges, file } = request;
  const examples = examplesLines(request);
  const options = optionsOf({ method, metric, ablation, steps, threshold, edges });
  // What ACDC or a file keeps is another set than the strongest edges.
  const recounted = edges !== undefined && (file !== undefined || method === 'acdc');
  return {
    ...examples,
    uses: [
      ...examples.uses,
      file ? 'readCircuit' : 'findCircuit',
      ...(recounted ? ['pruneDeadEnds', 'topEdges'] : []),
      ...(rest.uses ?? []),
    ],
    lines: [
      ...examples.lines,
      file
        ? "const found = await readCircuit('circuit.json');"
        : `const found = await findCircuit(${args('model', 'examples', options)});`,
      ...(recounted
        ? [
            `const best = topEdges(found.graph, found.scores, { count: ${edges} });`,
            'const circuit = { ...found, mask: pruneDeadEnds(found.graph, best) };',
          ]
        : []),
      ...(rest.lines ?? []),
    ],
    call: recounted ? rest.call.replaceAll('found', 'circuit') : rest.call,
  };
}

/** Exact runs of the prompts as `runner`. */
function runnerLine({ metric, ablation }: CircuitRequest): string {
  const options = optionsOf({ metric, ablation });
  return `const runner = await circuitRunner(${args('model', 'examples', options)});`;
}

export const circuitSnippets: {
  readonly [Q in CircuitQuestion]: (request: Requests[Q], model: string) => Snippet;
} = {
  circuit: (request) => onCircuit(request, { call: 'found' }),
  'circuit-curve': ({ random = 8, ...request }) =>
    onCircuit(request, {
      uses: ['circuitRunner', 'faithfulnessCurve', ...(random > 0 ? ['randomCurve'] : [])],
      lines: [
        runnerLine(request),
        'const curve = await faithfulnessCurve(runner, found.scores);',
        ...(random > 0
          ? [`const random = await randomCurve(runner, { draws: ${random} });`]
          : ['const random = null;']),
      ],
      call: '{ curve, random }',
    }),
  'circuit-eval': ({ checks = false, sets, seed, ...request }) =>
    onCircuit(request, {
      uses: ['circuitRunner', checks ? 'evaluateCircuit' : 'faithfulness'],
      lines: [runnerLine(request)],
      call: checks
        ? `await evaluateCircuit(${args('runner', 'found', optionsOf({ sets, seed }))})`
        : 'await faithfulness(runner, found.mask)',
    }),
  ioi: ({ count = 64, seed = 0 }) => ({
    uses: ['analyseIoi', 'ioiDataset'],
    organismUses: ['ioiSentences'],
    lines: [
      SENTENCES,
      `const examples = ioiDataset(model, { count: ${count}, seed: ${seed}, templates });`,
    ],
    call: `await analyseIoi(model, examples, { seed: ${seed} })`,
  }),
  attribute: ({ prompt, methods, baseline, samples, steps, seeds, paraphrases, ...request }) => {
    const { uses, line } = promptLine('tokens', prompt);
    const chosen = preferenceFields(request);
    const task = optionsOf({ tokens: new Raw('tokens'), ...chosen.fields, baseline });
    const others = paraphrases?.length
      ? new Raw(
          `[${paraphrases
            .map((other) =>
              typeof other === 'string' ? `encodePrompt(model, ${source(other)})` : source(other),
            )
            .join(', ')}]`,
        )
      : undefined;
    const texts = (paraphrases ?? []).some((other) => typeof other === 'string');
    const options = optionsOf({ methods, samples, steps, seeds, paraphrases: others });
    return {
      uses: ['attributeTokens', ...uses, ...chosen.uses, ...(texts ? ['encodePrompt'] : [])],
      lines: [line],
      call: `await attributeTokens(${args('model', task.replace('tokens: tokens', 'tokens'), options)})`,
    };
  },
};
