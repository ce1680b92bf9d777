import type { AnalysedPrompt, AnalyseResponse } from '../../../src/lab/api.ts';
import type { Exports } from '../../components/actions.ts';
import type { Cell } from '../../components/csv.ts';
import { tokenText } from '../../components/token.tsx';
import { locale, t } from '../../i18n.ts';
import { state } from '../../state/index.ts';
import { measureAt } from './measures.ts';

function rows(name: string, prompt: AnalysedPrompt): Cell[][] {
  return prompt.tokens.map(({ id, text }, position) => [
    name,
    position,
    id,
    text,
    prompt.loss[position],
    prompt.prob[position],
    prompt.rank[position],
    prompt.entropy[position],
    prompt.next[position][0]?.text ?? null,
    prompt.next[position][0]?.prob ?? null,
  ]);
}

/** What the panel gives away: all measures as a table, the chosen one as a figure. */
export function tokenExports(data: AnalyseResponse): Exports {
  const prompts = [data.prompt, ...(data.promptB === null ? [] : [data.promptB])];
  return {
    table: () => ({
      columns: [
        'prompt',
        'position',
        'id',
        'token',
        'loss (nats)',
        'probability',
        'rank (0 is best)',
        'entropy (nats)',
        'next token',
        'next probability',
      ],
      rows: prompts.flatMap((prompt, index) => rows('AB'[index], prompt)),
    }),
    json: () => data,
    svg: async (palette) => {
      const { heatmap } = await import('../../../src/figures/index.ts');
      const shade = state.shade.peek();
      const width = prompts.reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
      const columns = Array.from({ length: width }, (_, position) => String(position));
      const each = <T>(of: (prompt: AnalysedPrompt, position: number) => T, none: T) =>
        prompts.map((prompt) =>
          columns.map((_, position) =>
            position < prompt.tokens.length ? of(prompt, position) : none,
          ),
        );
      return heatmap(
        {
          rows: prompts.map((_, index) => 'AB'[index]),
          columns,
          values: each(
            (prompt, position) => measureAt(prompt, shade, position) ?? Number.NaN,
            Number.NaN,
          ),
          labels: each((prompt, position) => tokenText(prompt.tokens[position].text), ''),
        },
        {
          title: `${t().tokens.title}: ${t().tokens.shades[shade]}`,
          palette,
          lang: locale.value,
          scale: 'sequential',
          rowTitle: t().common.prompt,
          columnTitle: t().terms.position,
          unit: t().tokens.units[shade],
          notAssessed: t().common.notAssessed,
        },
      );
    },
  };
}
