import { useSignalEffect } from '@preact/signals';
import { Segments, Select } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { formatCount, t } from '../../i18n.ts';
import {
  FEATURE_GROUPS,
  FEATURE_KINDS,
  FEATURE_SCOPES,
  LABEL_SOURCES,
} from '../../state/fields.ts';
import { locked } from '../../state/focus.ts';
import { setState, state } from '../../state/url.ts';
import { traceable, useSight, wanted } from '../dictionaries.ts';
import { FeatureCard } from './card.tsx';
import { active, detail, found, kind, narrowing, present, rows, tokens } from './data.ts';
import { featureExports } from './exports.ts';
import { FoundTable } from './found.tsx';
import { FeatureTable } from './table.tsx';

/** Region 4: the features that fire in the prompt or of whole dictionaries, and what each is. */
export function FeaturesPanel() {
  const words = t().features;
  const sight = useSight();
  useSignalEffect(() => {
    // A panel that fills the page is in sight whatever the observer has seen.
    if (state.panel.value === 'features') wanted.value = true;
  });
  // The graph's panel says how to get dictionaries.
  if (present.value !== true) return null;
  const all = state.featureScope.value === 'all';
  const data = all ? found.data.value : active.data.value;
  return (
    <div ref={sight}>
      <Panel
        id="features"
        title={words.title}
        about={words.about}
        resources={all ? [found, detail] : [active, detail]}
        exports={featureExports()}
        empty={!all && state.prompt.value === '' ? words.empty : undefined}
        controls={<Controls />}
      >
        {data === undefined ? null : (
          <div class="features">
            <div class="feature-list">
              <Count />
              {all ? <FoundTable /> : <FeatureTable />}
            </div>
            <FeatureCard />
          </div>
        )}
      </Panel>
    </div>
  );
}

function Controls() {
  const words = t().features;
  const all = state.featureScope.value === 'all';
  const both = traceable.value === true && state.featureKind.value !== undefined;
  const names = narrowing.value.map(({ name }) => name);
  return (
    <>
      <Segments
        label={words.scope}
        value={state.featureScope.value}
        options={FEATURE_SCOPES.map((value) => ({ value, label: words.scopes[value] }))}
        onChange={(featureScope) => setState({ featureScope, dictionary: '' })}
      />
      {all || !both ? null : (
        <Segments
          label={words.kind}
          value={kind.value}
          options={FEATURE_KINDS.map((value) => ({ value, label: words.kinds[value] }))}
          onChange={(featureKind) => setState({ featureKind, dictionary: '' })}
        />
      )}
      <Select
        label={words.dictionary}
        value={names.includes(state.dictionary.value) ? state.dictionary.value : ''}
        options={[
          { value: '', label: words.any },
          ...names.map((value) => ({ value, label: value })),
        ]}
        onChange={(dictionary) => setState({ dictionary })}
      />
      <Select
        label={words.label}
        value={state.labelSource.value}
        options={LABEL_SOURCES.map((value) => ({ value, label: words.sourceNames[value] }))}
        onChange={(labelSource) => setState({ labelSource })}
      />
      {all ? null : (
        <Segments
          label={words.group}
          value={state.featureGroup.value}
          options={FEATURE_GROUPS.map((value) => ({ value, label: words.groups[value] }))}
          onChange={(featureGroup) => setState({ featureGroup })}
        />
      )}
      <input
        type="search"
        class="feature-filter"
        data-filter
        aria-label={all ? words.find : words.filter}
        placeholder={`${all ? words.find : words.filter}  ( / )`}
        value={state.label.value}
        onInput={(event) => setState({ label: event.currentTarget.value }, { history: 'replace' })}
      />
    </>
  );
}

/** How much of what there is the table shows, and why not the rest. */
function Count() {
  const words = t().features;
  if (state.featureScope.value === 'all') {
    const data = found.data.value;
    if (data === undefined) return null;
    const { features, total, searched } = data;
    return (
      <p class="note" role="status">
        {words.foundCount(formatCount(features.length), formatCount(total), formatCount(searched))}
      </p>
    );
  }
  const data = active.data.value;
  if (data === undefined) return null;
  const at = locked.value.position;
  return (
    <p class="note" role="status">
      {words.showing(formatCount(rows.value.length), formatCount(data.total))}
      {rows.value.length === data.total ? '' : ` ${words.narrowed}`}
      {' · '}
      {at === undefined ? words.everywhere : words.at(tokens.value[at] ?? String(at))}
    </p>
  );
}
