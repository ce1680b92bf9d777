import { Button } from '../../components/controls.tsx';
import { t } from '../../i18n.ts';
import { modelInfo } from '../../state/run.ts';
import { state } from '../../state/url.ts';
import { setEdits, suggestions } from './data.ts';
import { EditCard } from './edit-card.tsx';
import { moved, removed, replaced } from './edits.ts';
import { presetWords } from './words.ts';

/** The edits in order, and suggestions for more. */
export function EditStack() {
  const words = t().interventions;
  const edits = state.edits.value;
  const model = modelInfo.data.value;
  if (model === undefined) return null;
  const middle = Math.floor(model.layers / 2);
  return (
    <section class="edit-stack" aria-label={words.stack}>
      <h3>
        {words.stack} <span class="note">{edits.length === 0 ? words.none : words.stackAbout}</span>
      </h3>
      <ol class="edits">
        {edits.map((edit, index) => (
          <EditCard
            key={index}
            edit={edit}
            index={index}
            count={edits.length}
            model={model}
            onChange={(next) => setEdits(replaced(edits, index, next))}
            onMove={(by) => setEdits(moved(edits, index, by))}
            onRemove={() => setEdits(removed(edits, index))}
          />
        ))}
      </ol>
      <div class="edit-add">
        <Button
          icon="plus"
          onClick={() => setEdits([...edits, { at: `blocks.${middle}.hook_mlp_out`, op: 'zero' }])}
        >
          {words.add}
        </Button>
        {edits.length === 0 ? null : (
          <Button kind="quiet" onClick={() => setEdits([])}>
            {words.clear}
          </Button>
        )}
      </div>
      <div class="suggestions">
        <span class="note">{words.suggestions}</span>
        {suggestions.value.map((preset) => (
          <button
            key={preset.kind}
            type="button"
            class="suggestion"
            onClick={() => setEdits([...edits, preset.edit])}
          >
            {presetWords(preset)}
          </button>
        ))}
      </div>
    </section>
  );
}
