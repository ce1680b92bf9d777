import type { Question } from '../messages.ts';
import { attribute } from './circuits/attribute.ts';
import { circuit, circuitCurve, circuitEval } from './circuits/circuit.ts';
import { ioi } from './circuits/roles.ts';
import { examples } from './examples.ts';
import { generate } from './generate.ts';
import {
  graphIntervention,
  graphValidityAnswer,
  groups,
  headLoadings,
  qk,
  subgraphScoresAnswer,
} from './graph/ask.ts';
import { compareDictionaries } from './graph/compare.ts';
import { dictionaries } from './graph/dictionaries.ts';
import { featureExample } from './graph/example.ts';
import { feature } from './graph/feature.ts';
import { features } from './graph/features.ts';
import { findFeatures } from './graph/find.ts';
import { trace } from './graph/trace.ts';
import { attention, attribution, heads, lens } from './inside.ts';
import { analyse, interventions } from './prompt.ts';
import type { Handler } from './session.ts';
import { dose, patching } from './sweeps.ts';
import { model, tokenSearch, tokens } from './vocabulary.ts';

/** How a model's thread answers every question. */
export const handlers: { readonly [Q in Question]: Handler<Q> } = {
  model,
  examples,
  analyse,
  lens,
  attention,
  heads,
  interventions,
  dose,
  attribution,
  patching,
  tokens,
  'token-search': tokenSearch,
  generate,
  dictionaries,
  'compare-dictionaries': compareDictionaries,
  trace,
  'graph-intervention': graphIntervention,
  'graph-validity': graphValidityAnswer,
  'head-loadings': headLoadings,
  qk,
  groups,
  'subgraph-scores': subgraphScoresAnswer,
  features,
  feature,
  circuit,
  'circuit-curve': circuitCurve,
  'circuit-eval': circuitEval,
  ioi,
  attribute,
  'feature-example': featureExample,
  'find-features': findFeatures,
};
