/** Toy models in which superposition can be watched: training, expected loss, geometry. */
export {
  type Directions,
  featureDimensions,
  featureNorms,
  neighbourAngles,
} from './geometry.ts';
export {
  drawSample,
  expectedLoss,
  type Stratum,
  strataOf,
  type ToySample,
  type ToyWorld,
} from './samples.ts';
export { type ToyOptions, type ToySolution, trainToyModel } from './superposition.ts';
