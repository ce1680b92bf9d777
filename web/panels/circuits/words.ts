import type { EstimateView } from '../../../src/lab/api.ts';
import { formatNumber } from '../../i18n.ts';

/** A figure with its interval, where it has one. */
export function estimateText({ value, low, high }: EstimateView, digits = 2): string {
  const text = formatNumber(value, { digits });
  if (low === null || high === null) return text;
  return `${text} [${formatNumber(low, { digits })}, ${formatNumber(high, { digits })}]`;
}
