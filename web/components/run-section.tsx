import type { ComponentChildren } from 'preact';
import type { Provenance } from '../../src/lab/api.ts';
import type { Resource } from '../api.ts';
import { CodeView } from './code.tsx';
import { Button } from './controls.tsx';
import { Failure, ProgressLine } from './states.tsx';

/** A part of a panel with an answer of its own, often a slow one: title, progress, failure, and what starts it. */
export function RunSection<T extends { readonly provenance: Provenance }>(props: {
  readonly class: string;
  readonly title: string;
  readonly about: string;
  readonly resource: Resource<T>;
  /** The button that starts it; undefined while it is asked for. */
  readonly start?: ComponentChildren;
  /** The button that ends it, where there is one that starts it. */
  readonly close?: { readonly label: string; readonly onClick: () => void };
  readonly children: ComponentChildren;
}) {
  const { resource, start, close } = props;
  const data = resource.data.value;
  const problem = resource.problem.value;
  return (
    <section class={props.class} aria-busy={resource.busy.value}>
      <h3>
        {props.title} <span class="note">{props.about}</span>
        {data === undefined ? null : <CodeView provenance={data.provenance} />}
        {start === undefined && close !== undefined ? (
          <Button kind="quiet" onClick={close.onClick}>
            {close.label}
          </Button>
        ) : null}
      </h3>
      <div class="progress-box">
        <ProgressLine
          busy={resource.busy.value}
          advance={resource.advance.value}
          onCancel={resource.cancel}
        />
      </div>
      {start}
      {problem === undefined ? null : <Failure problem={problem} onRetry={resource.retry} />}
      {props.children}
    </section>
  );
}
