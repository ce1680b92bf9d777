import { signal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { Failure, ProgressLine } from '../components/states.tsx';
import { Toast } from '../components/toast.tsx';
import { t } from '../i18n.ts';
import { PANELS, type PanelEntry } from '../panels/index.ts';
import { state } from '../state/url.ts';
import { startCommands } from './commands.ts';
import { exampleList, openFirstExample } from './examples.ts';
import { Gallery } from './gallery.tsx';
import { HelpDialog } from './help.tsx';
import { Palette } from './palette.tsx';
import { ProvenanceStrip } from './provenance.tsx';
import { Rail } from './rail.tsx';
import { TopBar } from './topbar.tsx';

/** The components of the panels, as they arrive. */
const loaded = signal<ReadonlyMap<string, ComponentType>>(new Map());

/** The notebook below the panels, as it arrives. */
const notebook = signal<ComponentType | undefined>(undefined);

/** Panels whose code did not come, as after the lab was stopped or replaced by another version. */
const lost = signal<ReadonlySet<string>>(new Set());

async function load({ id, load: fetchPanel }: PanelEntry): Promise<void> {
  const others = [...lost.peek()].filter((one) => one !== id);
  lost.value = new Set(others);
  try {
    const component = await fetchPanel();
    loaded.value = new Map(loaded.peek()).set(id, component);
  } catch {
    lost.value = new Set([...lost.peek(), id]);
  }
}

/** The whole page: bar, rail, panels, provenance. */
export function App() {
  useEffect(() => {
    for (const panel of PANELS) void load(panel);
    void import('../notebook/index.tsx').then(({ Notebook }) => {
      notebook.value = Notebook;
    });
    return startCommands();
  }, []);
  useSignalEffect(() => {
    if (exampleList.value.length > 0) openFirstExample();
  });
  useSignalEffect(() => {
    // Never the prompt: titles end up in histories and in screenshots.
    document.title = `${t().terms.microscope} · ${t().app.name}`;
  });
  const Notes = notebook.value;
  const maximised = PANELS.some(({ id }) => id === state.panel.value) ? state.panel.value : '';
  return (
    <>
      <button type="button" class="skip" onClick={skipToMain}>
        {t().shell.skip}
      </button>
      <TopBar />
      <Rail />
      <main id="main" tabIndex={-1} class={maximised === '' ? '' : 'one'}>
        <h1 class="visually-hidden">{t().terms.microscope}</h1>
        {maximised === '' ? <Gallery /> : null}
        <div class="panels">
          {PANELS.filter(({ id }) => maximised === '' || id === maximised).map((panel) => (
            <Slot key={panel.id} panel={panel} />
          ))}
        </div>
        {maximised === '' && Notes !== undefined ? <Notes /> : null}
      </main>
      <ProvenanceStrip />
      <Palette />
      <HelpDialog />
      <Toast />
    </>
  );
}

/** A button: the fragment holds the state, so a `#main` link would replace it. */
function skipToMain(): void {
  document.getElementById('main')?.focus();
}

function Slot({ panel }: { readonly panel: PanelEntry }) {
  const View = loaded.value.get(panel.id);
  const gone = lost.value.has(panel.id);
  return (
    <div class={`slot ${panel.width}`}>
      {View === undefined ? (
        <section class="panel" aria-busy={!gone} aria-label={t().common.loading}>
          {gone ? (
            <Failure
              problem={{ code: 'unreachable', message: '', remedy: '' }}
              onRetry={() => void load(panel)}
            />
          ) : (
            <ProgressLine busy={true} />
          )}
        </section>
      ) : (
        <View />
      )}
    </div>
  );
}
