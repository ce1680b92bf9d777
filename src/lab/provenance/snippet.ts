import type { EditSpec } from '../../microscope/edit-spec.ts';
import type { Question, Requests } from '../messages.ts';
import { circuitSnippets } from './circuit-snippet.ts';
import { graphSnippets } from './graph-snippet.ts';
import {
  args,
  optionsOf,
  preferenceFields,
  promptLine,
  Raw,
  type Snippet,
  source,
} from './parts.ts';
import type { Prompt } from './tokens.ts';

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

/** What edits of features need besides: the folder that their dictionaries lie in. */
function featureOption(edits: readonly EditSpec[], model: string) {
  const needed = edits.some(({ op }) => op === 'feature');
  const around = (snippet: Snippet): Snippet =>
    needed
      ? {
          ...snippet,
          uses: ['dictionariesIn', ...snippet.uses],
          modelUses: ['findModel'],
          lines: [`const { folder } = await findModel(${source(model)});`, ...snippet.lines],
        }
      : snippet;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template of the snippet.
  const finder = new Raw('dictionariesIn(`${folder}/dictionaries`)');
  return { option: needed ? { dictionaries: finder } : {}, around };
}

const snippets: {
  readonly [Q in Question]: (request: Requests[Q], model: string) => Snippet | null;
} = {
  ...circuitSnippets,
  ...graphSnippets,
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
  interventions: ({ prompt, edits, topK, ...request }, model) => {
    const { uses, fields } = preferenceFields(request);
    const preference = optionsOf(fields);
    const own = preference === '' ? undefined : new Raw(preference);
    const found = featureOption(edits, model);
    return found.around(
      onPrompt(prompt, 'compareWithEdits', {
        uses,
        args: [source(edits), optionsOf({ topK, preference: own, ...found.option })],
      }),
    );
  },
  dose: ({ prompt, edits, edit, strengths, baselines, seed, ...request }, model) => {
    const { uses, fields } = preferenceFields(request);
    const preference = new Raw(optionsOf(fields));
    const found = featureOption(edits, model);
    const options = { preference, index: edit, strengths, baselines, seed, ...found.option };
    return found.around(
      onPrompt(prompt, 'doseResponse', { uses, args: [source(edits), optionsOf(options)] }),
    );
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
  generate: ({ prompt, edits = [], model: _, maxTokens = 32, ...sampling }, model) => {
    const { uses, line } = promptLine('tokens', prompt);
    const found = featureOption(edits, model);
    const resolved =
      edits.length === 0
        ? undefined
        : new Raw(
            `await resolveEdits(${args('model', 'tokens', source(edits), optionsOf(found.option))})`,
          );
    const options = optionsOf({ maxTokens, ...sampling, edits: resolved });
    return found.around({
      uses: [...uses, ...(resolved ? ['resolveEdits'] : [])],
      lines: [line],
      call: `await model.generate(tokens, ${options})`,
    });
  },
};

/** A TypeScript module that prints the same numbers with the library; null where no call does. */
export function codeSnippet<Q extends Question>(
  question: Q,
  request: Requests[Q],
  options: { readonly model: string },
): string | null {
  const snippet = snippets[question](request, options.model);
  if (!snippet) return null;
  const uses = [...new Set(snippet.uses)].sort();
  return [
    ...(uses.length > 0 ? [`import { ${uses.join(', ')} } from 'glassbox/microscope';`] : []),
    `import { ${[...(snippet.modelUses ?? []), 'openModel'].sort().join(', ')} } from 'glassbox/model';`,
    ...(snippet.organismUses
      ? [`import { ${snippet.organismUses.join(', ')} } from 'glassbox/organisms';`]
      : []),
    '',
    `const model = await openModel(${source(options.model)});`,
    ...snippet.lines,
    `const result = ${snippet.call};`,
    'console.log(result);',
    '',
  ].join('\n');
}
