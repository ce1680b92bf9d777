import type { ComponentChildren } from 'preact';
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

/** A thin bar at the top of what is being computed: determinate where the end is known. */
export function ProgressLine(props: {
  readonly busy: boolean;
  readonly advance?: Advance;
  readonly onCancel?: () => void;
}) {
  const { busy, advance } = props;
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
