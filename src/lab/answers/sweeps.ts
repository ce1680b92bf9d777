import { GlassboxError } from '../../base/error.ts';
import {
  activationPatching,
  type DosePoint,
  doseResponse,
  hasStrength,
} from '../../microscope/index.ts';
import { finderOf } from './graph/dictionaries.ts';
import {
  choice,
  type Handler,
  metricUnit,
  preferenceOf,
  promptIds,
  viewTokens,
} from './session.ts';

export const dose: Handler<'dose'> = async (session, request, { progress, signal }) => {
  const { edits, edit: index, strengths, baselines, seed } = request;
  const varied = edits.at(index);
  if (!varied || !hasStrength(varied)) {
    throw new GlassboxError(
      varied
        ? `edit ${index} is '${varied.op}', which has no strength to vary`
        : `there is no edit ${index}: the list has ${edits.length}`,
      {
        code: 'bad-edit',
        remedy: 'Vary an edit that adds, scales, projects out, zeroes or multiplies a feature.',
      },
    );
  }
  const ids = promptIds(session, request.prompt);
  const preference = preferenceOf(session, request)!;
  const dictionaries = finderOf(session);
  const settings = { preference, index, baselines, seed, dictionaries, signal };
  const points: DosePoint[] = [];
  let last: Awaited<ReturnType<typeof doseResponse>> | undefined;
  // One strength at a time, for the sake of progress; the seed makes the directions the same.
  for (const strength of strengths) {
    last = await doseResponse(session.model, ids, edits, { ...settings, strengths: [strength] });
    points.push(...last.points);
    const done = points.length;
    progress({ label: 'strengths', done, total: strengths.length, unit: 'strengths' });
  }
  const { target, distractor } = preference;
  return {
    edit: index,
    target: choice(session, target),
    distractor: distractor === undefined ? null : choice(session, distractor),
    unit: metricUnit(preference),
    clean: last!.clean,
    points,
    noBaseline: last!.noBaseline,
  };
};

export const patching: Handler<'patching'> = async (session, request, { progress, signal }) => {
  const { site = 'resid_pre', direction, byPosition } = request;
  const clean = promptIds(session, request.clean);
  const corrupted = promptIds(session, request.corrupted);
  const { target, distractor } = preferenceOf(session, request)!;
  const result = await activationPatching(session.model, {
    clean,
    corrupted,
    target,
    distractor: distractor!,
    site,
    direction,
    byPosition,
    progress,
    signal,
  });
  return {
    clean: viewTokens(session, clean),
    corrupted: viewTokens(session, corrupted),
    target: choice(session, target),
    distractor: choice(session, distractor!),
    ...result,
  };
};
