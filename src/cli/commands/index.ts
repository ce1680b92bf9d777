import type { CommandSpec } from '../command.ts';
import { attribute } from './attribute.ts';
import { bench } from './bench.ts';
import { cache } from './cache.ts';
import { circuit } from './circuit.ts';
import { dict } from './dict.ts';
import { doctor } from './doctor.ts';
import { edit } from './edit.ts';
import { exportCommand } from './export.ts';
import { generate } from './generate.ts';
import { heads } from './heads.ts';
import { ioi } from './ioi.ts';
import { lab } from './lab.ts';
import { lens } from './lens.ts';
import { models } from './models.ts';
import { organisms } from './organisms.ts';
import { patch } from './patch.ts';
import { tokens } from './tokens.ts';
import { toy } from './toy.ts';
import { trace } from './trace.ts';

/** All sub-commands, in the order of `glassbox --help`. */
export const commands: readonly CommandSpec[] = [
  lab,
  models,
  tokens,
  lens,
  cache,
  edit,
  patch,
  attribute,
  heads,
  generate,
  exportCommand,
  trace,
  dict,
  circuit,
  ioi,
  toy,
  organisms,
  bench,
  doctor,
];
