/**
 * The frame of every panel.
 *
 * The contract: a panel is one file tree in `web/panels/<id>/` that exports a component and is listed in
 * `web/panels/index.ts`. It renders one {@link Panel} and gives it
 * - `id`: its name in the address (`panel=<id>` when maximised) and in exported files;
 * - `title` and `about`: its name and one line that says what one is looking at;
 * - `controls`: choices that act on this panel only, in one row; `lead`: what a person writes in;
 * - `resources`: the answers of the lab it shows ({@link resource}). The frame shows their progress and
 *   failures, dims what is being replaced, and takes the library call and the command for "show code"
 *   from the provenance of the first;
 * - `exports`: the figure as SVG, the numbers as a table and as JSON, each when it can;
 * - `empty`: what to say instead of the body while there is nothing to show.
 * Its state lives in the address (`web/state`), its words in `src/i18n`. An element that stands for a token, a
 * row of the lens or a head carries `data-position`, `data-layer` or `data-head="3.1"`: hover and linked
 * highlighting across panels then work by themselves; a click calls `lock` of `web/state`.
 */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Sourced } from '../../src/lab/api.ts';
import type { Resource } from '../api.ts';
import { t } from '../i18n.ts';
import { setState, state } from '../state/url.ts';
import { copyLink, type Exports, saveCsv, saveJson, saveSvg } from './actions.ts';
import { CodeView } from './code.tsx';
import { Button } from './controls.tsx';
import { Menu } from './popover.tsx';
import { Failure, ProgressLine } from './states.tsx';

export interface PanelProps {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly controls?: ComponentChildren;
  readonly resources?: readonly Resource<Sourced>[];
  readonly exports?: Exports;
  /** What a person writes in: above the body, never dimmed. */
  readonly lead?: ComponentChildren;
  /** Shown in place of the body; undefined when there is something to show. */
  readonly empty?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Panel(props: PanelProps) {
  const heading = useId();
  const { id, title, resources = [] } = props;
  const busy = resources.some((one) => one.busy.value);
  const failed = resources.find((one) => one.problem.value !== undefined);
  const advancing = resources.find((one) => one.advance.value !== undefined);
  const provenance = resources[0]?.data.value?.provenance;
  const body = props.empty === undefined ? props.children : props.empty;
  return (
    <section
      class={`panel${state.panel.value === id ? ' maximised' : ''}`}
      aria-labelledby={heading}
      aria-busy={busy}
      data-panel={id}
    >
      <header class="panel-head">
        <div class="panel-title">
          <h2 id={heading}>{title}</h2>
          <p>{props.about}</p>
        </div>
        <div class="panel-actions">
          {provenance === undefined ? null : <CodeView provenance={provenance} />}
          {props.exports === undefined ? null : <ExportMenu id={id} exports={props.exports} />}
          {props.empty === undefined && props.exports !== undefined ? (
            <PinFinding {...props} />
          ) : null}
          <PanelLink id={id} />
          <Maximise id={id} />
        </div>
      </header>
      <ProgressLine busy={busy} advance={advancing?.advance.value} onCancel={advancing?.cancel} />
      {props.controls === undefined ? null : <div class="panel-controls">{props.controls}</div>}
      {props.lead === undefined ? null : <div class="panel-lead">{props.lead}</div>}
      {failed === undefined ? null : (
        <Failure problem={failed.problem.value!} onRetry={failed.retry} />
      )}
      <div class={`panel-body${busy ? ' stale' : ''}${failed === undefined ? '' : ' outdated'}`}>
        {body}
      </div>
    </section>
  );
}

/** Keeps what is shown in the notebook. Its code comes when it is first wanted. */
function PinFinding({ id, title, about, exports, resources = [] }: PanelProps) {
  return (
    <Button
      kind="quiet"
      icon="pin"
      label={t().notebook.pin}
      onClick={async () => {
        const { pinFinding } = await import('../notebook/capture.ts');
        const provenance = resources[0]?.data.value?.provenance;
        await pinFinding({ id, title, about, exports, provenance });
      }}
    />
  );
}

function PanelLink({ id }: { readonly id: string }) {
  const words = t().common;
  return (
    <Button
      kind="quiet"
      icon="link"
      label={words.copyLink}
      onClick={() => copyLink({ panel: state.panel.value === id ? id : '' })}
    />
  );
}

function Maximise({ id }: { readonly id: string }) {
  const on = state.panel.value === id;
  const words = t().common;
  return (
    <Button
      kind="quiet"
      icon={on ? 'restore' : 'maximise'}
      label={on ? words.restore : words.maximise}
      onClick={() => setState({ panel: on ? '' : id })}
    />
  );
}

function ExportMenu({ id, exports }: { readonly id: string; readonly exports: Exports }) {
  const words = t().common;
  const { svg, table, json } = exports;
  const item = (label: string, save: () => void | Promise<void>, close: () => void) => (
    <li>
      <button
        type="button"
        class="menu-item"
        onClick={() => {
          close();
          void save();
        }}
      >
        {label}
      </button>
    </li>
  );
  return (
    <Menu icon="download" label={words.export}>
      {(close) => (
        <ul class="menu-list">
          {svg === undefined ? null : item(words.exportSvg, () => saveSvg(id, svg), close)}
          {table === undefined ? null : item(words.exportCsv, () => saveCsv(id, table()), close)}
          {json === undefined ? null : item(words.exportJson, () => saveJson(id, json()), close)}
        </ul>
      )}
    </Menu>
  );
}
