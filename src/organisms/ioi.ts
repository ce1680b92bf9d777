import type { IoiTemplates } from '../microscope/ioi/templates.ts';
import { storyNames } from './world/lexicon/people.ts';
import { objects, settings, times } from './world/lexicon/story-words.ts';
import { indirectObjectPhrases } from './world/mechanisms/indirect-object.ts';

/** The built-in world's own sentences of this kind, for the model that was trained on them. */
export const worldIoiTemplates: IoiTemplates = {
  templates: indirectObjectPhrases.map(({ prompt }) => prompt),
  names: storyNames,
  slots: { setting: settings, object: objects, time: times },
};
