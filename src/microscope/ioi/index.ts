/** Indirect object identification: sentences for any tokenizer, and the roles of heads in it. */
export { analyseIoi, type IoiAnalysis, type IoiAnalysisOptions, type IoiHead } from './analysis.ts';
export { type IoiAttention, type IoiLook, ioiAttention, ioiLooks } from './attention.ts';
export { type CopyScore, copyScores } from './copying.ts';
export {
  type IoiCorruption,
  type IoiExample,
  type IoiOptions,
  type IoiOrder,
  type IoiPositions,
  ioiCorruptions,
  ioiDataset,
  ioiTokens,
} from './dataset.ts';
export * from './reference/index.ts';
export { type IoiRow, ioiRows, showEstimate } from './report.ts';
export {
  defaultThresholds,
  type IoiEvidence,
  type IoiRole,
  ioiRoles,
  type RoleThresholds,
  rolesOf,
} from './roles.ts';
export { englishTemplates, type IoiTemplates } from './templates.ts';
