import type { TraceRequest } from '../api.ts';
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

type Graph = Omit<TraceRequest, 'nodeShare' | 'edgeShare'>;
type GraphQuestion = Extract<
  Question,
  | 'dictionaries'
  | 'compare-dictionaries'
  | 'trace'
  | 'graph-intervention'
  | 'graph-validity'
  | 'head-loadings'
  | 'qk'
  | 'groups'
  | 'subgraph-scores'
  | 'features'
  | 'feature'
  | 'feature-example'
  | 'find-features'
>;

/** Which logits the graph explains, as an option of `attributePrompt`. */
function targetOption(request: Graph): { uses: string[]; fields: Record<string, Raw> } {
  const { uses, fields } = preferenceFields(request);
  if (!fields.target) return { uses, fields: {} };
  return fields.distractor
    ? { uses, fields: { difference: new Raw(optionsOf(fields)) } }
    : { uses, fields: { tokens: new Raw(`[${fields.target.text}]`) } };
}

/** The graph of a request, then one call on it. */
function onGraph(
  request: Graph,
  model: string,
  rest: {
    readonly uses: readonly string[];
    readonly lines?: readonly string[];
    readonly call: string;
  },
): Snippet {
  const { maxLogits, logitShare, maxFeatures } = request;
  const tokens = promptLine('tokens', request.prompt);
  const target = targetOption(request);
  const options = optionsOf({ ...target.fields, maxLogits, logitShare, maxFeatures });
  return {
    uses: [
      'attributePrompt',
      'loadDictionarySet',
      'withBeginning',
      ...tokens.uses,
      ...target.uses,
      ...rest.uses,
    ],
    modelUses: ['findModel'],
    lines: [
      `const { folder } = await findModel(${source(model)});`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template of the snippet.
      'const set = await loadDictionarySet(model, `${folder}/dictionaries`);',
      tokens.line,
      `const found = await attributePrompt(${args('model', 'set', 'withBeginning(model, tokens)', options)});`,
      ...(rest.lines ?? []),
    ],
    call: rest.call,
  };
}

const FINDER = [
  'const nodeOf = (kind: string, layer: number, index: number, position: number) =>',
  '  found.graph.nodes.findIndex(',
  '    (node) =>',
  '      node.kind === kind &&',
  '      node.position === position &&',
  "      (kind === 'logit' || kind === 'token' || node.layer === layer) &&",
  "      (kind === 'error' || node.index === index),",
  '  );',
];

/** The call that finds a node by the name it has in requests. */
function finding(name: string, logit: boolean): Raw {
  const [first, second, third] = name.split('_');
  if (first === 'err') return new Raw(`nodeOf('error', ${second}, -1, ${third})`);
  if (first === 'E') return new Raw(`nodeOf('token', -1, ${second}, ${third})`);
  return new Raw(`nodeOf('${logit ? 'logit' : 'feature'}', ${first}, ${second}, ${third})`);
}

/** The features of autoencoders that fire, with their direct effects. */
function ofAutoencoders(request: Graph, position: number | undefined, model: string): Snippet {
  const tokens = promptLine('tokens', request.prompt);
  const target = targetOption(request);
  const options = optionsOf(target.fields);
  const here = position === undefined ? '' : `.filter((one) => one.position === ${position})`;
  return {
    uses: [
      'attributionTargets',
      'dictionaryKind',
      'directEffects',
      'findDictionaries',
      'loadDictionary',
      ...tokens.uses,
      ...target.uses,
    ],
    modelUses: ['findModel'],
    lines: [
      `const { folder } = await findModel(${source(model)});`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template of the snippet.
      'const folders = await findDictionaries(`${folder}/dictionaries`);',
      'const all = await Promise.all(folders.map(loadDictionary));',
      "const own = all.filter(({ config }) => dictionaryKind(config) === 'autoencoder');",
      tokens.line,
      `const [target] = await attributionTargets(${args('model', 'tokens', options)});`,
    ],
    call: `(await directEffects(model, own, { tokens, target }))${here}`,
  };
}

/** Code for answers about attribution graphs. */
export const graphSnippets: {
  readonly [Q in GraphQuestion]: (request: Requests[Q], model: string) => Snippet | null;
} = {
  dictionaries: () => null,
  'compare-dictionaries': (_, model) => ({
    uses: ['findDictionaries', 'readDictionaryCard'],
    modelUses: ['findModel'],
    lines: [
      `const { folder } = await findModel(${source(model)});`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template of the snippet.
      'const folders = await findDictionaries(`${folder}/dictionaries`);',
    ],
    call: 'await Promise.all(folders.map(readDictionaryCard))',
  }),
  feature: ({ dictionary, index, prompt }, model) => {
    // A layer alone names no folder; without a text there is nothing to run.
    if (dictionary === undefined || prompt === undefined || prompt === '') return null;
    const tokens = promptLine('tokens', prompt);
    const at = optionsOf({ tokens: new Raw('tokens'), features: [index] });
    return {
      uses: ['featureActivations', 'loadDictionary', ...tokens.uses],
      modelUses: ['findModel'],
      lines: [
        `const { folder } = await findModel(${source(model)});`,
        `const own = await loadDictionary(\`\${folder}/dictionaries/${dictionary}\`);`,
        tokens.line,
      ],
      call: `await featureActivations(model, own, ${at})`,
    };
  },
  'feature-example': () => null,
  'find-features': () => null,
  trace: ({ nodeShare, edgeShare, ...graph }, model) => {
    const named = { slug: 'graph', scan: new Raw('model.name') };
    return onGraph(graph, model, {
      uses: ['toGraphFile'],
      call: `toGraphFile(found.graph, ${optionsOf({ ...named, nodeShare, edgeShare })}).file`,
    });
  },
  'graph-intervention': ({ changes, mode = 'open', ...graph }, model) => {
    const list = changes
      .map(({ node, factor }) => optionsOf({ node: finding(node, false), factor }))
      .join(', ');
    return onGraph(graph, model, {
      uses: ['measureChange', 'predictChange'],
      lines: [...FINDER, `const changes = [${list}];`],
      call: `{
  predicted: predictChange(found, changes, { mode: ${source(mode)} }),
  measured: await measureChange(model, set, found, { changes, mode: ${source(mode)} }),
}`,
    });
  },
  'graph-validity': ({ mode, features, seed, ...graph }, model) =>
    onGraph(graph, model, {
      uses: ['graphValidity'],
      call: `await graphValidity(${args('model', 'set', 'found', optionsOf({ mode, features, seed }))})`,
    }),
  'head-loadings': ({ edge: { source: from, target: to }, ...graph }, model) => {
    // A logit's name begins with a number past the last layer: try it when there is no such feature.
    const end = /^\d/.test(to)
      ? new Raw(`Math.max(${finding(to, false).text}, ${finding(to, true).text})`)
      : finding(to, false);
    const ends = optionsOf({ source: finding(from, false), target: end });
    return onGraph(graph, model, {
      uses: ['headLoadings'],
      lines: FINDER,
      call: `await headLoadings(model, set, found, ${ends})`,
    });
  },
  qk: ({ layer, head, query, key, limit: _, ...graph }, model) =>
    onGraph(graph, model, {
      uses: ['qkAttribution'],
      call: `await qkAttribution(model, set, found, ${optionsOf({ layer, head, query, key })})`,
    }),
  groups: ({ nodes, threshold, ...graph }, model) => {
    const chosen =
      nodes && new Raw(`[${nodes.map((name) => finding(name, false).text).join(', ')}]`);
    return onGraph(graph, model, {
      uses: ['groupFeatures'],
      lines: nodes ? FINDER : [],
      call: `groupFeatures(${args('found.graph', 'set', optionsOf({ nodes: chosen, threshold }))})`,
    });
  },
  'subgraph-scores': ({ nodes, ...graph }, model) =>
    onGraph(graph, model, {
      uses: ['subgraphScores'],
      lines: FINDER,
      call: `subgraphScores(found.graph, [${nodes.map((name) => finding(name, false).text).join(', ')}])`,
    }),
  features: ({ position, limit: _, of = 'set', ...graph }, model) => {
    if (of === 'autoencoders') return ofAutoencoders(graph, position, model);
    const here = position === undefined ? '' : ` && node.position === ${position}`;
    return onGraph(graph, model, {
      uses: [],
      lines: [
        'const { nodes, adjacency } = found.graph;',
        'const row = (nodes.length - found.targets.length) * nodes.length;',
        'const all = nodes.map((node, i) => ({ ...node, effect: adjacency[row + i] }));',
      ],
      call: `all.filter((node) => node.kind === 'feature'${here})`,
    });
  },
};
