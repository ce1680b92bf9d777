/** Which tokens an answer rests on: classic attributions, with figures of their stability. */
export {
  attributeTokens,
  type MethodResult,
  type TokenAttribution,
  type TokenAttributionOptions,
  type TokenMethod,
  tokenMethods,
} from './compare.ts';
export { type Coalition, exactShapley, type Game, type PlayerAttribution } from './game.ts';
export {
  gradientTimesInput,
  type IntegratedGradients,
  integratedGradients,
  tokenPatching,
} from './gradients.ts';
export { kernelShap } from './kernel-shap.ts';
export { lime } from './lime.ts';
export { attentionRollout } from './rollout.ts';
export { sampledShapley } from './shapley.ts';
export { pairwiseStability, type Stability, sharedTokens, spearman } from './stability.ts';
export {
  type PresenceRun,
  type TokenBaseline,
  type TokenGame,
  type TokenTask,
  tokenBaselines,
  tokenGame,
} from './token-game.ts';
