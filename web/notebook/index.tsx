import { saveText } from '../components/actions.ts';
import { Button } from '../components/controls.tsx';
import { toast } from '../components/toast.tsx';
import { formatCount, locale, t } from '../i18n.ts';
import { state } from '../state/url.ts';
import type { Finding } from './finding.ts';
import './notebook.css';
import { type ReportWords, reportHtml, reportMarkdown, svgAddress } from './report.ts';
import { annotate, clear, findings, move, remove } from './store.ts';

/** Digits of a hash that are enough to tell models apart. */
const HASH = 12;

function dateText(iso: string): string {
  const options = { dateStyle: 'medium', timeStyle: 'short' } as const;
  return new Intl.DateTimeFormat(`${locale.value}-u-nu-latn`, options).format(new Date(iso));
}

function reportWords(): ReportWords {
  const words = t().notebook;
  return {
    lang: locale.value,
    title: words.report,
    made: words.made,
    prompt: t().common.prompt,
    command: t().common.commandLine,
    open: words.open,
    rows: (shown, total) => words.rows(formatCount(shown), formatCount(total)),
    source: sourceText,
    date: dateText,
  };
}

function sourceText(source: NonNullable<Finding['source']>): string {
  const words = t().notebook;
  const { model, modelHash, glassboxVersion, seed } = source;
  const line = words.source(model, modelHash.slice(0, HASH), glassboxVersion);
  return seed === null ? line : `${line}, ${words.seed(formatCount(seed))}`;
}

/** The address of a finding's view, in the language and theme that the reader has now. */
function wayBack({ fragment }: Finding): string {
  const params = new URLSearchParams(fragment);
  for (const key of ['lang', 'theme'] as const) {
    if (state[key].value !== 'auto') params.set(key, state[key].value);
  }
  return `#${params}`;
}

function saveReport(kind: 'html' | 'md'): void {
  const list = findings.peek();
  const context = { page: `${location.origin}${location.pathname}`, at: new Date().toISOString() };
  const write = kind === 'html' ? reportHtml : reportMarkdown;
  const type = kind === 'html' ? 'text/html' : 'text/markdown';
  saveText(`glassbox-report.${kind}`, type, write(list, reportWords(), context));
}

/** What was pinned, in the reader's order, with notes; becomes a report. */
export function Notebook() {
  const words = t().notebook;
  const list = findings.value;
  return (
    <section class="panel notebook" aria-labelledby="notebook-title" id="notebook">
      <header class="panel-head">
        <div class="panel-title">
          <h2 id="notebook-title">{words.title}</h2>
          <p>{words.about}</p>
        </div>
        {list.length === 0 ? null : (
          <div class="panel-actions">
            <Button onClick={() => saveReport('html')}>{words.html}</Button>
            <Button onClick={() => saveReport('md')}>{words.markdown}</Button>
            <Button
              kind="quiet"
              onClick={() => {
                if (window.confirm(words.clearAsk)) clear();
              }}
            >
              {words.clear}
            </Button>
          </div>
        )}
      </header>
      <div class="panel-body">
        {list.length === 0 ? (
          <p class="note">{words.empty}</p>
        ) : (
          <ol class="findings">
            {list.map((finding, i) => (
              <Entry
                key={finding.id}
                finding={finding}
                place={{ first: i === 0, last: i === list.length - 1 }}
              />
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}

function Entry(props: {
  readonly finding: Finding;
  readonly place: { readonly first: boolean; readonly last: boolean };
}) {
  const { finding, place } = props;
  const { id, title, prompt, at, svg, source } = finding;
  const words = t().notebook;
  return (
    <li class="finding" aria-label={title}>
      {svg === null ? (
        <p class="note">{words.noFigure}</p>
      ) : (
        <img src={svgAddress(svg)} alt={title} loading="lazy" />
      )}
      <div class="finding-text">
        <h3>
          {title} <span class="note">{dateText(at)}</span>
        </h3>
        {prompt === '' ? null : <p class="token-text finding-prompt">{prompt}</p>}
        <label>
          <span class="note">{words.note}</span>
          <textarea
            rows={3}
            placeholder={words.notePlaceholder}
            value={finding.note}
            onChange={(event) => {
              if (!annotate(id, event.currentTarget.value)) toast(words.full);
            }}
          />
        </label>
        {source === null ? null : <p class="note">{sourceText(source)}</p>}
        <div class="finding-actions">
          <a class="button plain" href={wayBack(finding)}>
            {words.open}
          </a>
          <Button kind="quiet" disabled={place.first} onClick={() => move(id, -1)}>
            {words.up}
          </Button>
          <Button kind="quiet" disabled={place.last} onClick={() => move(id, 1)}>
            {words.down}
          </Button>
          <Button kind="quiet" onClick={() => remove(id)}>
            {words.remove}
          </Button>
        </div>
      </div>
    </li>
  );
}
