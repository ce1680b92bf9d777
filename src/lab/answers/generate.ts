import { resolveEdits } from '../../microscope/index.ts';
import { finderOf } from './graph/dictionaries.ts';
import { choice, type Handler, promptIds, viewTokens } from './session.ts';

export const generate: Handler<'generate'> = async (session, request, { emit, signal }) => {
  const { prompt, edits = [], maxTokens = 32, model: _, ...sampling } = request;
  const ids = promptIds(session, prompt);
  const stream = session.model.stream(ids, {
    ...sampling,
    maxTokens,
    edits: await resolveEdits(session.model, ids, edits, { dictionaries: finderOf(session) }),
    signal,
  });
  for (;;) {
    const { done, value } = await stream.next();
    if (done) {
      const [{ text, tokens, logprobs, finish }] = value;
      return { generation: { text, ...viewTokens(session, tokens), logprobs, finish } };
    }
    const { token, text, logprob } = value;
    emit({ type: 'token', id: token, text: text || shown(session, token), logprob });
  }
};

/** Without tokenizer there is no text to stream, so tokens show as their ids. */
function shown(session: Parameters<typeof choice>[0], id: number): string {
  return session.model.tokenizer ? '' : choice(session, id).text;
}
