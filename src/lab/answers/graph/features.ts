import { directEffects } from '../../../microscope/graph/direct-effects.ts';
import { attributionTargets } from '../../../microscope/graph/targets.ts';
import type { ActiveFeatureView } from '../../contract/graph.ts';
import { type Handler, preferenceOf, promptIds, type Session, viewTokens } from '../session.ts';
import { catalogue, type NamedDictionary, openDictionary, setMembers } from './dictionaries.ts';
import { openedHarvest } from './harvest.ts';
import { importedNamesOf } from './imported.ts';
import { labelBook } from './labels.ts';
import { nodeName, traceOf } from './traced.ts';

/** Density and label of features, by dictionary. */
async function knowledge(dictionaries: readonly NamedDictionary[]) {
  const found = await Promise.all(
    dictionaries.map(async (one) => ({
      harvest: await openedHarvest(one),
      book: await labelBook(one),
      names: await importedNamesOf(one),
    })),
  );
  return (dictionary: number, index: number) => {
    const { harvest = null, book = null, names } = found[dictionary] ?? {};
    const label = book?.label(index) ?? null;
    const imported = label === null ? (names?.(index) ?? null) : null;
    return { density: harvest?.list[index]?.density ?? null, label, imported };
  };
}

const byEffect = (a: ActiveFeatureView, b: ActiveFeatureView) =>
  Math.abs(b.effect ?? 0) - Math.abs(a.effect ?? 0);

/** Features of the transcoders, from the graph of the prompt. */
const ofSet: Handler<'features'> = async (session, request, job) => {
  const { position, limit = 500, of: _, ...graph } = request;
  const { found, keys, targets, influences } = await traceOf(session, graph, job);
  const { nodes, adjacency, tokens } = found.graph;
  const row = (nodes.length - targets.length) * nodes.length;
  const members = await setMembers(session);
  const known = await knowledge(members);
  const rows = nodes
    .flatMap((node, i): ActiveFeatureView[] => {
      const { kind, layer, index, position: at, activation } = node;
      if (kind !== 'feature' || (position !== undefined && at !== position)) return [];
      return [
        {
          key: keys[i],
          dictionary: members[layer].name,
          layer,
          index,
          position: at,
          activation: activation!,
          effect: adjacency[row + i],
          influence: influences[i],
          ...known(layer, index),
        },
      ];
    })
    .sort(byEffect);
  return {
    ...viewTokens(
      session,
      tokens.map(({ id }) => id),
    ),
    target: targets[0],
    total: rows.length,
    features: rows.slice(0, limit),
  };
};

/** Features of the autoencoders, each with its direct effect on what the graph would explain. */
const ofAutoencoders: Handler<'features'> = async (session, request) => {
  const { position, limit = 500 } = request;
  const { model } = session;
  const ids = promptIds(session, request.prompt);
  const own = (await catalogue(session)).filter(({ kind }) => kind === 'autoencoder');
  const { target, distractor } = preferenceOf(session, request) ?? {};
  const [explained] = await attributionTargets(model, ids, {
    ...(target !== undefined &&
      (distractor === undefined ? { tokens: [target] } : { difference: { target, distractor } })),
  });
  const dictionaries = await Promise.all(own.map(({ folder }) => openDictionary(folder)));
  const found = await directEffects(model, dictionaries, { tokens: ids, target: explained });
  const known = await knowledge(own);
  const rows = found
    .filter(({ position: at }) => position === undefined || position === at)
    .map(
      ({ dictionary, index, position: at, activation, effect }): ActiveFeatureView => ({
        key: null,
        dictionary: own[dictionary].name,
        layer: own[dictionary].layer ?? 0,
        index,
        position: at,
        activation,
        effect,
        influence: null,
        ...known(dictionary, index),
      }),
    )
    .sort(byEffect);
  return {
    ...viewTokens(session, ids),
    target: targetView(session, ids, explained),
    total: rows.length,
    features: rows.slice(0, limit),
  };
};

function targetView(
  { model }: Session,
  ids: readonly number[],
  { id, label, probability }: { id: number; label: string; probability: number },
) {
  const { nLayers } = model.config;
  const place = { kind: 'logit' as const, layer: nLayers, index: id, position: ids.length - 1 };
  const key = nodeName({ ...place, activation: null, probability }, nLayers);
  return { key, id, label, probability };
}

export const features: Handler<'features'> = (session, request, job) =>
  request.of === 'autoencoders'
    ? ofAutoencoders(session, request, job)
    : ofSet(session, request, job);
