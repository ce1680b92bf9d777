import type { IntervalView } from '../../src/lab/api.ts';
import { formatCount, formatNumber, t } from '../i18n.ts';

/** A measured number with its unit. */
export function Value(props: {
  readonly value: number | null | undefined;
  readonly unit: string;
  readonly digits?: number;
  /** Shows the sign of a positive number too: for differences and effects. */
  readonly signed?: boolean;
}) {
  return (
    <span class="value">
      <span class="number">{formatNumber(props.value, props)}</span>{' '}
      <span class="unit">{props.unit}</span>
    </span>
  );
}

/** A mean with its 95 % interval and n. */
export function Interval(props: {
  readonly value: IntervalView;
  readonly unit: string;
  readonly digits?: number;
}) {
  const { mean, low, high, n } = props.value;
  const { digits } = props;
  return (
    <span class="value" title={t().terms.interval}>
      <span class="number">{formatNumber(mean, { digits })}</span>{' '}
      <span class="uncertain number">
        [{formatNumber(low, { digits })}, {formatNumber(high, { digits })}]
      </span>{' '}
      <span class="unit">
        {props.unit}, n = {formatCount(n)}
      </span>
    </span>
  );
}
