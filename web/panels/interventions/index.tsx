import { Panel } from '../../components/panel.tsx';
import { t } from '../../i18n.ts';
import { state } from '../../state/url.ts';
import { compared, dose } from './data.ts';
import { DoseSection } from './dose.tsx';
import { interventionExports } from './exports.ts';
import { Results } from './results.tsx';
import { EditStack } from './stack.tsx';
import './interventions.css';

/** Region 6: change activations, and see what the answer does. */
export function InterventionsPanel() {
  const words = t().interventions;
  const data = compared.data.value;
  return (
    <Panel
      id="interventions"
      title={words.title}
      about={words.about}
      resources={[compared, dose]}
      exports={interventionExports()}
      empty={state.prompt.value === '' ? words.empty : undefined}
    >
      <div class="interventions">
        <EditStack />
        <div class="intervention-results" aria-busy={compared.busy.value}>
          {data === undefined ? null : (
            <>
              <Results data={data} />
              <DoseSection />
            </>
          )}
        </div>
      </div>
    </Panel>
  );
}
