import { GlassboxError } from '../../base/error.ts';
import {
  directLogitAttribution,
  headScores,
  logitLens,
  resolvePosition,
  resolveToken,
} from '../../microscope/index.ts';
import { notFinite } from '../../model/run/finite.ts';
import type { PackedFloats } from '../api.ts';
import {
  choice,
  computedTop,
  guesses,
  type Handler,
  preferenceOf,
  promptIds,
  type Session,
  viewTokens,
} from './session.ts';

/** The largest attention answer, in bytes; a page cannot show more at once. */
const MOST_BYTES = 64 * 2 ** 20;

export const lens: Handler<'lens'> = async (session, request) => {
  const ids = promptIds(session, request.prompt);
  const target =
    request.target === undefined ? undefined : resolveToken(session.model, request.target);
  const found = await logitLens(session.model, ids, {
    topK: computedTop(request.topK),
    target,
  });
  return {
    ...viewTokens(session, ids),
    layers: found.layers,
    top: found.top.map((row) => row.map((cell) => guesses(session, cell, request.topK))),
    entropy: found.entropy,
    target: {
      token: target === undefined ? null : choice(session, target),
      prob: found.target.prob,
      rank: found.target.rank,
    },
  };
};

function chosenLayers({ model }: Session, layers: readonly number[] | undefined): number[] {
  const { nLayers } = model.config;
  const chosen = [...new Set(layers ?? Array.from({ length: nLayers }, (_, l) => l))];
  const wrong = chosen.find((layer) => layer >= nLayers);
  if (wrong === undefined) return chosen;
  throw new GlassboxError(`there is no layer ${wrong}: the model has ${nLayers}`, {
    code: 'bad-layer',
    remedy: `Use 0 to ${nLayers - 1}.`,
  });
}

/** Patterns `[layers, heads, query, key]` of a prompt. Throws `answer-too-large`, `not-finite`. */
async function packedPatterns(
  { model }: Session,
  ids: readonly number[],
  layers: readonly number[],
): Promise<PackedFloats> {
  const pos = ids.length;
  const shape = [layers.length, model.config.nHeads, pos, pos];
  const size = shape.reduce((a, b) => a * b, 1);
  if (size * 4 > MOST_BYTES) {
    throw new GlassboxError(
      `attention of ${layers.length} layers at ${pos} tokens is ${size * 4} bytes`,
      {
        code: 'answer-too-large',
        remedy: 'Ask for fewer layers at a time, or shorten the prompt.',
        details: { bytes: size * 4, limit: MOST_BYTES },
      },
    );
  }
  const addresses = layers.map((layer) => `blocks.${layer}.attn.hook_pattern`);
  const { cache } = await model.runWithCache(ids, addresses, { logits: 'none' });
  const all = new Float32Array(size);
  addresses.forEach((address, i) => {
    const pattern = cache[address].data as Float32Array;
    if (pattern.some(Number.isNaN)) throw notFinite(`the attention patterns of layer ${layers[i]}`);
    all.set(pattern, (i * size) / layers.length);
  });
  return { shape, data: Buffer.from(all.buffer).toString('base64') };
}

export const attention: Handler<'attention'> = async (session, request) => {
  const { model } = session;
  const ids = promptIds(session, request.prompt);
  const layers = chosenLayers(session, request.layers);
  const preference = preferenceOf(session, request);
  const position = resolvePosition(request.position ?? -1, ids.length);
  const patterns = await packedPatterns(session, ids, layers);
  const parts =
    preference && (await directLogitAttribution(model, ids, { ...preference, position }));
  const { target, distractor } = preference ?? {};
  return {
    ...viewTokens(session, ids),
    layers,
    heads: model.config.nHeads,
    patterns,
    effects:
      parts?.components.flatMap(({ layer, head, effect }) =>
        layer === null || head === null ? [] : [{ layer, head, effect }],
      ) ?? null,
    target: target === undefined ? null : choice(session, target),
    distractor: distractor === undefined ? null : choice(session, distractor),
    position,
  };
};

export const heads: Handler<'heads'> = async ({ model }, { seed }) => {
  const scores = await headScores(model, { seed });
  return { scores: scores.map(({ layer, head, intervals }) => ({ layer, head, ...intervals })) };
};

export const attribution: Handler<'attribution'> = async (session, request) => {
  const ids = promptIds(session, request.prompt);
  const { target, distractor } = preferenceOf(session, request)!;
  const { position } = request;
  const parts = await directLogitAttribution(session.model, ids, { target, distractor, position });
  return {
    ...viewTokens(session, ids),
    target: choice(session, target),
    distractor: distractor === undefined ? null : choice(session, distractor),
    ...parts,
  };
};
