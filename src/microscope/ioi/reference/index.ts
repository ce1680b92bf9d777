import type { Model } from '../../../model/model.ts';
import { distilGpt2Reference } from './distilgpt2.ts';
import { gpt2SmallReference } from './gpt2-small.ts';
import type { IoiReference } from './types.ts';

/** Published figures of known models, and the comparison with them. */
export { compareAcdc } from './acdc.ts';
export { checkIoiReference } from './check.ts';
export { foldValueBiases } from './fold.ts';
export {
  type CircuitRates,
  circuitRates,
  publishedCircuit,
  type RoleHeads,
} from './published-circuit.ts';
export type * from './types.ts';
export { distilGpt2Reference, gpt2SmallReference };

/** The published figures for a model of this shape; those of GPT-2 small when there are none. */
export function ioiReferenceOf(model: Pick<Model, 'config'>): IoiReference {
  const known = [gpt2SmallReference, distilGpt2Reference];
  const { nLayers, nHeads, dModel } = model.config;
  const found = known.find(
    ({ shape }) => shape.nLayers === nLayers && shape.nHeads === nHeads && shape.dModel === dModel,
  );
  return found ?? gpt2SmallReference;
}
