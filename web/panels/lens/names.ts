import type { LensResponse } from '../../../src/lab/api.ts';
import { formatCount, formatNumber, formatProbability, t } from '../../i18n.ts';
import type { LensShade } from './data.ts';

/** A row's short name: `embed`, `L0`, `L1` …; its address is the tooltip. */
export function layerName(data: LensResponse, layer: number): string {
  const block = /^blocks\.(\d+)\.hook_resid_post$/.exec(data.layers[layer])?.[1];
  return block === undefined ? t().lens.embed : t().lens.layerName(block);
}

/** The number of a cell with its unit. */
export function valueText(shade: LensShade, value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (shade === 'rank') return t().lens.rankOf(formatCount(value + 1));
  if (shade === 'entropy') return `${formatNumber(value)} ${t().tokens.nats}`;
  return formatProbability(value);
}
