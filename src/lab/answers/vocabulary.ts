import { isGlassboxError } from '../../base/error.ts';
import { resolveToken, tokenizerOf } from '../../microscope/index.ts';
import { addresses, contextLength, parameterCount } from '../../model/index.ts';
import { choice, type Handler, type Session, viewTokens } from './session.ts';

export const model: Handler<'model'> = async ({ model: { config, name, tokenizer }, world }) => ({
  name,
  architecture: config.architecture,
  layers: config.nLayers,
  heads: config.nHeads,
  keyValueHeads: config.nKvHeads,
  dModel: config.dModel,
  dHead: config.dHead,
  dMlp: config.dMlp,
  vocabulary: config.dVocab,
  parameters: parameterCount(config),
  context: contextLength(config),
  tokenizer: tokenizer !== null,
  chatTemplates: tokenizer?.chatTemplates ?? [],
  addresses: addresses(config),
  world: world !== null,
});

function single(session: Session, text: string) {
  try {
    return choice(session, resolveToken(session.model, text));
  } catch (error) {
    if (isGlassboxError(error)) return null;
    throw error;
  }
}

export const tokens: Handler<'tokens'> = async (session, { text }) => {
  const ids = tokenizerOf(session.model).encode(text, { addSpecialTokens: false });
  return { ...viewTokens(session, ids), single: text === '' ? null : single(session, text) };
};

/** How well a token answers a search: itself, itself after a space, its beginning, somewhere in it. */
function closeness(text: string, query: string): number {
  if (text === query) return 0;
  if (text.trim() === query.trim()) return 1;
  return text.trimStart().startsWith(query) ? 2 : 3;
}

export const tokenSearch: Handler<'token-search'> = async (session, { query, limit = 20 }) => {
  if (/^#\d+$/.test(query)) {
    return { matches: [choice(session, resolveToken(session.model, query))], total: 1 };
  }
  const wanted = query.toLowerCase();
  const { dVocab } = session.model.config;
  const found = Array.from({ length: dVocab }, (_, id) => choice(session, id))
    .map((token) => ({ token, text: token.text.toLowerCase() }))
    .filter(({ text }) => text.includes(wanted))
    .map(({ token, text }) => ({ token, rank: closeness(text, wanted), length: text.length }))
    .sort((a, b) => a.rank - b.rank || a.length - b.length || a.token.id - b.token.id);
  return { matches: found.slice(0, limit).map(({ token }) => token), total: found.length };
};
