import type { FeatureResponse } from '../../../src/lab/api.ts';
import { Button } from '../../components/controls.tsx';
import { Menu } from '../../components/popover.tsx';
import { t } from '../../i18n.ts';
import { setState, state } from '../../state/url.ts';

/** What a feature is multiplied by. */
const FACTORS = [0, 0.5, 2, 4, -1] as const;

/** Puts an edit of the feature onto the stack of interventions and goes there. */
function intervene({ dictionary, index, writes }: FeatureResponse, factor: number): void {
  const edit = {
    at: writes[0],
    op: 'feature',
    feature: `${dictionary}:${index}`,
    strength: factor,
  } as const;
  setState({ edits: [...state.edits.value, edit], panel: '' });
  requestAnimationFrame(() =>
    document.querySelector('[data-panel=interventions]')?.scrollIntoView({ block: 'start' }),
  );
}

/** Ways to act on the feature in the model. */
export function Interventions({ data }: { readonly data: FeatureResponse }) {
  const words = t().features;
  return (
    <>
      <Button kind="quiet" label={words.ablateHint} onClick={() => intervene(data, 0)}>
        {words.ablate}
      </Button>
      <Menu label={words.scaleHint} face={words.scale}>
        {(close) => (
          <ul class="menu-list">
            {FACTORS.map((factor) => (
              <li key={factor}>
                <button
                  type="button"
                  class="menu-item"
                  onClick={() => {
                    close();
                    intervene(data, factor);
                  }}
                >
                  × {factor}
                </button>
              </li>
            ))}
          </ul>
        )}
      </Menu>
    </>
  );
}
