import type { LensResponse } from '../../../src/lab/api.ts';
import { post, resource } from '../../api.ts';
import { Range, Select } from '../../components/controls.tsx';
import { Panel } from '../../components/panel.tsx';
import { Empty } from '../../components/states.tsx';
import { tokenText } from '../../components/token.tsx';
import { formatCount, t } from '../../i18n.ts';
import { LENS_SHADES, modelName, setState, state } from '../../state/index.ts';
import { shadeReach } from './data.ts';
import { lensExports } from './exports.ts';
import { LensGrid } from './grid.tsx';
import { valueText } from './names.ts';
import './lens.css';

/** As many guesses as the slider can ask for, so that moving it needs no new request. */
const MOST = 20;

const answer = resource(() => {
  const { prompt, target } = state;
  if (prompt.value === '') return undefined;
  return post('/api/lens', {
    model: modelName.value,
    prompt: prompt.value,
    target: target.value || undefined,
    topK: MOST,
  });
});

/** Region 2: what every layer would say if it were the last. */
export function LensPanel() {
  const words = t().lens;
  const data = answer.data.value;
  return (
    <Panel
      id="lens"
      title={words.title}
      about={words.about}
      resources={[answer]}
      exports={data === undefined ? undefined : lensExports(data)}
      empty={
        data === undefined ? (
          <Empty>{state.prompt.value === '' ? t().tokens.write : ''}</Empty>
        ) : undefined
      }
      controls={
        <>
          <Select
            label={words.shadeBy}
            value={state.lensShade.value}
            options={LENS_SHADES.map((value) => ({ value, label: words.shades[value] }))}
            onChange={(lensShade) => setState({ lensShade })}
          />
          {data === undefined ? null : <Legend data={data} />}
          <Range
            label={words.guesses}
            value={state.k.value}
            min={1}
            max={MOST}
            step={1}
            format={formatCount}
            onChange={(k) => setState({ k }, { history: 'replace' })}
            onInput={(k) => setState({ k }, { history: 'replace' })}
          />
        </>
      }
    >
      {data === undefined ? null : (
        <>
          <LensGrid data={data} />
          <p class="note lens-note">
            {targetNote(data)} {words.bold}
          </p>
        </>
      )}
    </Panel>
  );
}

/** Which token the target is, where the measure or the popup speaks of one. */
function targetNote({ target }: LensResponse): string {
  const words = t().lens;
  return target.token === null ? words.follows : words.followed(tokenText(target.token.text));
}

function Legend({ data }: { readonly data: LensResponse }) {
  const shade = state.lensShade.value;
  const reach = shadeReach(data, shade);
  const ends = { top: [0, 1], target: [0, 1], rank: [reach, 0], entropy: [0, reach] }[shade];
  return (
    <span class="legend">
      <span class="number">{valueText(shade, ends[0])}</span>
      <span class="legend-bar" aria-hidden="true" />
      <span class="number">{valueText(shade, ends[1])}</span>
    </span>
  );
}
