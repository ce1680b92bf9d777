import type { Question, Requests } from '../messages.ts';
import { type Chosen, type Prompt, tokenNames } from './tokens.ts';

/** Source text that is not to be quoted again. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A value as TypeScript source. */
const source = (value: unknown): string => JSON.stringify(value);

/** `{ a: 1, b: "x" }` of what is given; '' when nothing is. */
function optionsOf(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  const fields = given.map(([name, value]) =>
    name === value ? name : `${name}: ${value instanceof Raw ? value.text : source(value)}`,
  );
  return `{ ${fields.join(', ')} }`;
}

const args = (...parts: readonly string[]): string => parts.filter(Boolean).join(', ');

/** What a snippet needs: names from `glassbox/microscope`, lines, and the call that answers. */
interface Snippet {
  readonly uses: readonly string[];
  readonly lines: readonly string[];
  readonly call: string;
}

function promptLine(name: string, prompt: Prompt): { uses: string[]; line: string } {
  return typeof prompt === 'string'
    ? { uses: ['encodePrompt'], line: `const ${name} = encodePrompt(model, ${source(prompt)});` }
    : { uses: [], line: `const ${name} = ${source(prompt)};` };
}

function preferenceFields(request: Chosen): { uses: string[]; fields: Record<string, Raw> } {
  const given = Object.entries(tokenNames(request)).filter(([, token]) => token !== undefined);
  return {
    uses: given.length > 0 ? ['resolveToken'] : [],
    fields: Object.fromEntries(
      given.map(([name, token]) => [name, new Raw(`resolveToken(model, ${source(token)})`)]),
    ),
  };
}

/** A call on one prompt: `call(model, tokens, …, options)`. */
function onPrompt(
  prompt: Prompt,
  call: string,
  rest: { readonly uses?: readonly string[]; readonly args?: readonly string[] } = {},
): Snippet {
  const { uses, line } = promptLine('tokens', prompt);
  return {
    uses: [call, ...uses, ...(rest.uses ?? [])],
    lines: [line],
    call: `await ${call}(${args('model', 'tokens', ...(rest.args ?? []))})`,
  };
}

const snippets: { readonly [Q in Question]: (request: Requests[Q]) => Snippet | null } = {
  model: () => ({ uses: [], lines: [], call: 'model.config' }),
  examples: () => null,
  analyse: ({ prompt, topK }) => onPrompt(prompt, 'tokenMeasures', { args: [optionsOf({ topK })] }),
  lens: ({ prompt, topK, target }) => {
    const { uses, fields } = preferenceFields({ target });
    return onPrompt(prompt, 'logitLens', { uses, args: [optionsOf({ topK, ...fields })] });
  },
  attention: ({ prompt, layers }) => {
    const { uses, line } = promptLine('tokens', prompt);
    const at =
      layers === undefined
        ? source('blocks.*.attn.hook_pattern')
        : source(layers.map((layer) => `blocks.${layer}.attn.hook_pattern`));
    return { uses, lines: [line], call: `(await model.runWithCache(tokens, ${at})).cache` };
  },
  heads: ({ seed }) => ({
    uses: ['headScores'],
    lines: [],
    call: `await headScores(${args('model', optionsOf({ seed }))})`,
  }),
  interventions: ({ prompt, edits, topK, ...request }) => {
    const { uses, fields } = preferenceFields(request);
    const preference = optionsOf(fields);
    return onPrompt(prompt, 'compareWithEdits', {
      uses,
      args: [
        source(edits),
        optionsOf({ topK, preference: preference === '' ? undefined : new Raw(preference) }),
      ],
    });
  },
  dose: ({ prompt, edits, edit, strengths, baselines, seed, ...request }) => {
    const { uses, fields } = preferenceFields(request);
    const preference = new Raw(optionsOf(fields));
    return onPrompt(prompt, 'doseResponse', {
      uses,
      args: [source(edits), optionsOf({ preference, index: edit, strengths, baselines, seed })],
    });
  },
  attribution: ({ prompt, position, ...request }) => {
    const { uses, fields } = preferenceFields(request);
    return onPrompt(prompt, 'directLogitAttribution', {
      uses,
      args: [optionsOf({ ...fields, position })],
    });
  },
  patching: ({ clean, corrupted, site = 'resid_pre', direction, byPosition, ...request }) => {
    const [a, b] = [promptLine('clean', clean), promptLine('corrupted', corrupted)];
    const { uses, fields } = preferenceFields(request);
    const given = { ...fields, site, direction, byPosition };
    const names = { clean: new Raw('clean'), corrupted: new Raw('corrupted') };
    return {
      uses: ['activationPatching', ...a.uses, ...b.uses, ...uses],
      lines: [a.line, b.line],
      call: `await activationPatching(model, ${optionsOf({ ...names, ...given })})`,
    };
  },
  tokens: ({ text }) => ({
    uses: [],
    lines: [],
    call: `model.tokenizer!.encode(${source(text)}, { addSpecialTokens: false })`,
  }),
  'token-search': ({ query }) => ({
    uses: ['showToken'],
    lines: [
      'const ids = Array.from({ length: model.config.dVocab }, (_, id) => id);',
      'const all = ids.map((id) => showToken(model, id));',
    ],
    call: `all.filter(({ text }) => text.toLowerCase().includes(${source(query.toLowerCase())}))`,
  }),
  generate: ({ prompt, edits = [], model: _, maxTokens = 32, ...sampling }) => {
    const { uses, line } = promptLine('tokens', prompt);
    const resolved =
      edits.length === 0
        ? undefined
        : new Raw(`await resolveEdits(model, tokens, ${source(edits)})`);
    const options = optionsOf({ maxTokens, ...sampling, edits: resolved });
    return {
      uses: [...uses, ...(resolved ? ['resolveEdits'] : [])],
      lines: [line],
      call: `await model.generate(tokens, ${options})`,
    };
  },
};

/** A TypeScript module that prints the same numbers with the library; null where no call does. */
export function codeSnippet<Q extends Question>(
  question: Q,
  request: Requests[Q],
  options: { readonly model: string },
): string | null {
  const snippet = snippets[question](request);
  if (!snippet) return null;
  const uses = [...new Set(snippet.uses)].sort();
  return [
    ...(uses.length > 0 ? [`import { ${uses.join(', ')} } from 'glassbox/microscope';`] : []),
    "import { openModel } from 'glassbox/model';",
    '',
    `const model = await openModel(${source(options.model)});`,
    ...snippet.lines,
    `const result = ${snippet.call};`,
    'console.log(result);',
    '',
  ].join('\n');
}
