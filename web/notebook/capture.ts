import type { Provenance } from '../../src/lab/api.ts';
import type { Exports } from '../components/actions.ts';
import { toast } from '../components/toast.tsx';
import { formatCount, t } from '../i18n.ts';
import { linkTo, state } from '../state/url.ts';
import { add, findings } from './store.ts';

/** Rows of a panel's numbers that a finding keeps: a report is read, the whole is one click away. */
const ROWS = 20;
/** Characters of the largest figure that is kept; browsers give a page some five million in all. */
const MOST_SVG = 1_500_000;

/** Puts what a panel shows now into the notebook. */
export async function pinFinding(panel: {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly exports: Exports | undefined;
  readonly provenance: Provenance | undefined;
}): Promise<void> {
  const words = t().notebook;
  const { id, title, about, exports, provenance } = panel;
  const { palettes, renderSvg } = await import('../../src/figures/index.ts');
  // Reports are read on paper, whatever the theme.
  const drawn = exports?.svg && renderSvg(await exports.svg(palettes.light));
  const table = exports?.table?.();
  const link = linkTo({ panel: id, theme: 'auto', lang: 'auto' });
  const added = add({
    id: crypto.randomUUID(),
    panel: id,
    title,
    about,
    prompt: state.prompt.value,
    fragment: link.slice(link.indexOf('#') + 1),
    at: new Date().toISOString(),
    svg: drawn !== undefined && drawn.length <= MOST_SVG ? drawn : null,
    table: table
      ? { columns: table.columns, rows: table.rows.slice(0, ROWS), total: table.rows.length }
      : null,
    source: provenance
      ? {
          model: provenance.model,
          modelHash: provenance.modelHash,
          dataHash: provenance.dataHash,
          seed: provenance.seed,
          glassboxVersion: provenance.glassboxVersion,
          commit: provenance.commit,
          command: provenance.command,
        }
      : null,
    note: '',
  });
  toast(added ? words.pinned(formatCount(findings.value.length)) : words.full);
}
