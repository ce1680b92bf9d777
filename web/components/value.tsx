import { formatNumber } from '../i18n.ts';

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
