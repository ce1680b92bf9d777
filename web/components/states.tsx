import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { Advance, Problem } from '../api.ts';
import { formatCount, t } from '../i18n.ts';
import { Button } from './controls.tsx';
import { Icon } from './icon.tsx';

/** In place of content that there is none of yet, with what to do about it. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

/** A failure: what is wrong, what to do, and a way to try again. */
export function Failure(props: { readonly problem: Problem; readonly onRetry?: () => void }) {
  const { code, message, remedy } = props.problem;
  const words = t();
  const lost = code === 'unreachable';
  const headlines: Readonly<Record<string, string>> = words.errors.codes;
  const headline = headlines[code];
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <div>
        <p class="failure-message">
          {lost ? words.errors.unreachable : (headline ?? message)} <code>{code}</code>
        </p>
        {lost ? (
          <p>{words.errors.unreachableRemedy}</p>
        ) : (
          // What the lab itself says is in English, whatever the page is in.
          <p lang="en" class="failure-detail">
            {headline === undefined ? remedy : `${message}. ${remedy}`}
          </p>
        )}
      </div>
      {props.onRetry === undefined ? null : (
        <Button onClick={props.onRetry}>{words.common.retry}</Button>
      )}
    </div>
  );
}

/** Seconds before what is left is told: the first steps of a run say little about the others. */
const SETTLED = 1.5;

/** Seconds that are left at the pace so far; undefined while it is not known. */
function useSecondsLeft(advance: Advance | undefined): number | undefined {
  const start = useRef<{ readonly of: string; readonly at: number; readonly done: number }>(null);
  if (advance === undefined || advance.total === null) {
    start.current = null;
    return undefined;
  }
  const { label, total, done } = advance;
  const now = performance.now() / 1000;
  const of = `${label} ${total}`;
  if (start.current?.of !== of || done < start.current.done) start.current = { of, at: now, done };
  const [spent, steps] = [now - start.current.at, done - start.current.done];
  return spent > SETTLED && steps > 0 ? (spent / steps) * (total - done) : undefined;
}

/** A thin bar at the top of what is being computed: determinate where the end is known. */
export function ProgressLine(props: {
  readonly busy: boolean;
  readonly advance?: Advance;
  readonly onCancel?: () => void;
}) {
  const { busy, advance } = props;
  const left = useSecondsLeft(busy ? advance : undefined);
  if (!busy) return <div class="progress-line" />;
  const known = advance !== undefined && advance.total !== null && advance.total > 0;
  const share = known ? advance.done / advance.total! : undefined;
  return (
    <div class="progress-line">
      <progress
        aria-label={advance?.label ?? t().common.loading}
        value={share}
        max={known ? 1 : undefined}
      />
      {advance === undefined ? null : (
        <p class="progress-words">
          {advance.label} {formatCount(advance.done)}
          {advance.total === null ? '' : ` / ${formatCount(advance.total)}`} {advance.unit}
          {left === undefined ? '' : ` · ${t().common.left(formatCount(Math.ceil(left)))}`}
          {props.onCancel === undefined ? null : (
            <Button kind="quiet" onClick={props.onCancel}>
              {t().common.cancel}
            </Button>
          )}
        </p>
      )}
    </div>
  );
}
