import type { CommandSpec } from '../command.ts';
import { exportCommand, importCommand } from './dict-convert.ts';
import { evalCommand } from './dict-eval.ts';
import { featuresCommand, harvestCommand } from './dict-features.ts';
import { labelCommand } from './dict-label.ts';
import { probeCommand } from './dict-probe.ts';
import { synthCommand } from './dict-synth.ts';
import { trainCommand } from './dict-train.ts';

export const dict: CommandSpec = {
  name: 'dict',
  summary: 'dictionaries of features: train, measure, harvest, label, look at features',
  examples: [],
  define: (command) => command,
  action: async () => undefined,
  subcommands: [
    trainCommand,
    evalCommand,
    probeCommand,
    synthCommand,
    harvestCommand,
    labelCommand,
    featuresCommand,
    importCommand,
    exportCommand,
  ],
};
