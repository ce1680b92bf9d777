export type { HeadId, StackedEdit, State, StateKey, SweepSettings } from './fields.ts';
export { HEAD_SORTS, LENS_SHADES, PATTERN_VIEWS, SHADES, THEMES } from './fields.ts';
export {
  type Focus,
  focus,
  focusOf,
  frozen,
  hovered,
  lock,
  locked,
  preview,
  release,
} from './focus.ts';
export { analysis, examples, modelInfo, modelName, models, preference } from './run.ts';
export { linkTo, openState, setState, state } from './url.ts';
