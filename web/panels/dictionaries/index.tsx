import { useSignalEffect } from '@preact/signals';
import { comparisonFigures } from '../../../src/figures/comparison/index.ts';
import { palettes } from '../../../src/figures/palette.ts';
import { Segments } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { formatCount, formatNumber, locale, t } from '../../i18n.ts';
import { DICTIONARY_VIEWS } from '../../state/fields.ts';
import { setState, state } from '../../state/url.ts';
import { useNear } from '../dictionaries.ts';
import { compared, comparison, inSight, marked, point } from './data.ts';
import { dictionaryExports } from './exports.ts';
import { NumbersTable } from './table.tsx';
import { Training } from './training.tsx';
import './dictionaries.css';

/** How good the dictionaries of the model are, beside each other, and how trainings go on. */
export function DictionariesPanel() {
  const words = t().dictionaries;
  const near = useNear(() => {
    inSight.value = true;
  }, []);
  useSignalEffect(() => {
    if (state.panel.value === 'dictionaries') inSight.value = true;
  });
  const view = state.dictionaryView.value;
  return (
    <div ref={near}>
      <Panel
        id="dictionaries"
        title={words.title}
        about={words.about}
        resources={[comparison]}
        exports={dictionaryExports()}
        controls={
          <Segments
            label={words.view}
            value={view}
            options={DICTIONARY_VIEWS.map((value) => ({ value, label: words.views[value] }))}
            onChange={(dictionaryView) => setState({ dictionaryView })}
          />
        }
      >
        {view === 'training' ? <Training /> : <Quality />}
      </Panel>
    </div>
  );
}

/** The name of the dictionary that an element stands for. */
function nameOf(target: EventTarget | null): string {
  const element = target instanceof Element ? target.closest('[data-dictionary]') : null;
  return element?.getAttribute('data-dictionary') ?? '';
}

function Quality() {
  const words = t().dictionaries;
  const data = compared.value;
  if (data === undefined) return null;
  if (data.dictionaries.length === 0) {
    return (
      <p class="note">
        {words.none} <code>glassbox dict train</code>
      </p>
    );
  }
  const figures = comparisonFigures(data, {
    palette: palettes.page,
    words,
    lang: locale.value,
    heading: 'hidden',
    marked: marked.value,
    width: 676,
  });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the table below gives the keyboard the same.
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table below gives the keyboard the same.
    <div
      class="comparison"
      onPointerOver={(event) => point(nameOf(event.target))}
      onPointerLeave={() => point('')}
      onClick={(event) => {
        const name = nameOf(event.target);
        const inTable = event.target instanceof Element && event.target.closest('table');
        if (name !== '' && !inTable) {
          setState({ compared: state.compared.value === name ? '' : name });
        }
      }}
    >
      <p class="note">{words.whiskers}</p>
      <div class="comparison-figures">
        {figures.map(({ name, title, figure }) => (
          <figure key={name} class={`comparison-figure ${name}`}>
            <figcaption>{title}</figcaption>
            <div class="scroll-x">{figure}</div>
          </figure>
        ))}
      </div>
      <Sets />
      <NumbersTable />
    </div>
  );
}

function Sets() {
  const words = t().dictionaries;
  return (
    <>
      {comparison.data.value?.sets.map(({ name, ceRecovered, klRecovered, tokens }) => (
        <p key={name} class="note">
          {words.setLine(
            name,
            formatNumber(ceRecovered, { digits: 4 }),
            formatNumber(klRecovered, { digits: 4 }),
            formatCount(tokens),
          )}
        </p>
      ))}
    </>
  );
}
