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
  leastOfPlainEstimates,
  type Stratum,
  strataOf,
  type ToyLoss,
  type ToySample,
  type ToyWorld,
} from './samples.ts';
export { type ToyOptions, type ToySolution, trainToyModel } from './superposition.ts';
