import type { ComponentType } from 'preact';

/** A panel of the microscope; its code is fetched when the page is drawn, beside the shell. */
export interface PanelEntry {
  readonly id: string;
  /** Takes the whole width, or half of it on a wide window. */
  readonly width: 'full' | 'half';
  readonly load: () => Promise<ComponentType>;
}

/** The panels in the order of reading. */
export const PANELS: readonly PanelEntry[] = [
  {
    id: 'tokens',
    width: 'full',
    load: async () => (await import('./tokens/index.tsx')).TokensPanel,
  },
  {
    id: 'lens',
    width: 'full',
    load: async () => (await import('./lens/index.tsx')).LensPanel,
  },
  {
    id: 'attention',
    width: 'full',
    load: async () => (await import('./attention/index.tsx')).AttentionPanel,
  },
  {
    id: 'attributions',
    width: 'full',
    load: async () => (await import('./attributions/index.tsx')).AttributionsPanel,
  },
  {
    id: 'features',
    width: 'full',
    load: async () => (await import('./features/index.tsx')).FeaturesPanel,
  },
  {
    id: 'graph',
    width: 'full',
    load: async () => (await import('./graph/index.tsx')).GraphPanel,
  },
  {
    id: 'circuits',
    width: 'full',
    load: async () => (await import('./circuits/index.tsx')).CircuitsPanel,
  },
  {
    id: 'interventions',
    width: 'full',
    load: async () => (await import('./interventions/index.tsx')).InterventionsPanel,
  },
  {
    id: 'dictionaries',
    width: 'full',
    load: async () => (await import('./dictionaries/index.tsx')).DictionariesPanel,
  },
];
