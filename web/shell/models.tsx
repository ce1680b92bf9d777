import { useSignal } from '@preact/signals';
import type { ModelListing } from '../../src/lab/api.ts';
import { Button, Field } from '../components/controls.tsx';
import { Icon } from '../components/icon.tsx';
import { Menu } from '../components/popover.tsx';
import { Failure } from '../components/states.tsx';
import { formatCount, t } from '../i18n.ts';
import { modelInfo, models } from '../state/run.ts';
import { openState, state } from '../state/url.ts';

/** The model on the bench, and a way to another: built in, cached, or a folder of this machine. */
export function ModelChooser() {
  const words = t();
  const info = modelInfo.data.value;
  const problem = modelInfo.problem.value;
  const name = state.model.value || models.data.value?.default || '…';
  return (
    <div class="model">
      <Menu
        label={words.shell.chooseModel}
        face={
          <>
            <span class="menu-label">{words.common.model}</span>
            <strong translate={false}>{shortName(name)}</strong>
          </>
        }
      >
        {(close) => <ModelMenu close={close} />}
      </Menu>
      {problem !== undefined ? (
        <span class="model-facts failed" role="alert" title={problem.remedy}>
          <Icon name="warning" /> {problem.message}
        </span>
      ) : info === undefined || modelInfo.busy.value ? (
        <span class="model-facts" role="status">
          {modelInfo.busy.value ? words.common.loading : ''}
        </span>
      ) : (
        <span class="model-facts">
          {words.shell.modelFacts(
            formatCount(info.layers),
            formatCount(info.heads),
            formatCount(info.dModel),
            formatCount(info.vocabulary),
          )}
        </span>
      )}
    </div>
  );
}

function ModelMenu({ close }: { readonly close: () => void }) {
  const words = t();
  const folder = useSignal('');
  const choose = (model: string) => {
    close();
    const { data } = models;
    // A prompt is kept: the same words in another model are what one wants to compare.
    openState({
      model: model === data.peek()?.default ? '' : model,
      prompt: state.prompt.peek(),
      promptB: state.promptB.peek(),
      shade: state.shade.peek(),
    });
  };
  const sources = ['built-in', 'cache', 'folder'] as const;
  const names = {
    'built-in': words.shell.builtIn,
    cache: words.shell.cached,
    folder: words.shell.folders,
  };
  const listed = models.data.value?.models ?? [];
  return (
    <div class="model-menu">
      {models.problem.value === undefined ? null : (
        <Failure problem={models.problem.value} onRetry={models.retry} />
      )}
      {sources.map((source) => (
        <ModelGroup
          key={source}
          title={names[source]}
          models={listed.filter((model) => model.source === source)}
          onChoose={choose}
        />
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (folder.value.trim() !== '') choose(folder.value.trim());
        }}
      >
        <Field label={words.shell.folderPath} hint={words.shell.folderHint}>
          {(id) => (
            <input
              id={id}
              class="mono"
              type="text"
              placeholder="/path/to/model"
              spellcheck={false}
              autocomplete="off"
              value={folder.value}
              onInput={(event) => {
                folder.value = event.currentTarget.value;
              }}
            />
          )}
        </Field>
        <Button
          kind="primary"
          disabled={folder.value.trim() === ''}
          onClick={() => choose(folder.value.trim())}
        >
          {words.shell.openModel}
        </Button>
      </form>
    </div>
  );
}

function ModelGroup(props: {
  readonly title: string;
  readonly models: readonly ModelListing[];
  readonly onChoose: (name: string) => void;
}) {
  if (props.models.length === 0) return null;
  const chosen = state.model.value || models.data.value?.default;
  return (
    <section>
      <h3>{props.title}</h3>
      <ul class="menu-list">
        {props.models.map(({ name, loaded }) => (
          <li key={name}>
            <button
              type="button"
              class="menu-item"
              aria-pressed={name === chosen}
              onClick={() => props.onChoose(name)}
            >
              <span translate={false}>{name}</span>
              {loaded ? <span class="note">{t().shell.loaded}</span> : null}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The last part of a path or an id; the whole stands in the menu. */
function shortName(name: string): string {
  return name.split(/[\\/]/).filter(Boolean).at(-1) ?? name;
}
