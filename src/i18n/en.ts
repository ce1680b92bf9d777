import { attention } from './attention/en.ts';
import { attributions } from './attributions/en.ts';
import { circuits } from './circuits/en.ts';
import { dictionaries } from './dictionaries/en.ts';
import { features } from './features/en.ts';
import { graph } from './graph/en.ts';
import { interventions } from './interventions/en.ts';
import { lens } from './lens/en.ts';
import { notebook } from './notebook/en.ts';
import { errors, keys, mechanisms, roles, shell } from './shell/en.ts';
import { tokens } from './tokens/en.ts';

/** English words of the page. This file defines {@link Messages}; the others must match it. */
export const en = {
  app: {
    name: 'Glassbox',
    tagline: 'Look inside a language model',
    language: 'Language',
    theme: 'Theme',
    themeAuto: 'Auto',
    themeLight: 'Light',
    themeDark: 'Dark',
    themeSystem: 'As the system',
    help: 'Keyboard shortcuts',
  },
  common: {
    copy: 'Copy',
    copyByHand: 'Copy this text:',
    commandLine: 'Command line',
    export: 'Export',
    library: 'Library',
    linkCopied: 'Link copied',
    restore: 'Restore',
    cancel: 'Cancel',
    close: 'Close',
    copyLink: 'Copy link',
    copied: 'Copied',
    exportCsv: 'Export CSV',
    exportJson: 'Export JSON',
    exportSvg: 'Export SVG',
    left: (seconds: string) => `about ${seconds} s left`,
    loading: 'Loading …',
    maximise: 'Maximise',
    model: 'Model',
    notAssessed: 'Not assessed',
    prompt: 'Prompt',
    retry: 'Try again',
    showCode: 'Show code',
  },
  attention,
  attributions,
  circuits,
  errors,
  dictionaries,
  features,
  graph,
  interventions,
  keys,
  lens,
  notebook,
  mechanisms,
  roles,
  shell,
  tokens,
  terms: {
    microscope: 'Microscope',
    attention: 'Attention',
    before: 'Before',
    after: 'After',
    effect: 'Effect',
    head: 'Head',
    layer: 'Layer',
    logitDifference: 'Logit difference',
    loss: 'Loss',
    position: 'Position',
    probability: 'Probability',
    seed: 'Seed',
    token: 'Token',
  },
} as const;

/** The same tree with every text widened to `string`; functions keep their parameters. */
type Widen<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...args: infer A) => string
      ? (...args: A) => string
      : Widen<T[K]>;
};

/** Every text of the interface, by area. A missing key in a language does not compile. */
export type Messages = Widen<typeof en>;
