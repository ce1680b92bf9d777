import { GlassboxError } from '../../base/error.ts';
import { writeFileAtomic } from '../../base/files.ts';
import {
  analyseIoi,
  checkIoiReference,
  compareAcdc,
  type IoiAnalysis,
  type IoiReference,
  type IoiRow,
  ioiDataset,
  ioiReferenceOf,
  ioiRoles,
  ioiRows,
  type ReferenceFigure,
  showEstimate,
} from '../../microscope/ioi/index.ts';
import { oneOf } from '../../microscope/prompt.ts';
import type { Model } from '../../model/index.ts';
import { ioiSentences, sentenceSets } from '../../organisms/ioi-sentences.ts';
import { type CommandSpec, EXIT } from '../command.ts';
import { openModel, withModel } from '../model.ts';
import { wholeNumber } from '../parse.ts';
import { fixed, table } from '../table.ts';

const columns: readonly (readonly [title: string, of: keyof IoiRow])[] = [
  ['head', 'head'],
  ['role', 'roles'],
  ['attends', 'attends'],
  ['copies', 'copies'],
  ['→ logits', 'toLogits'],
  ['→ movers’ q', 'toNameMovers'],
  ['movers out', 'withoutNameMovers'],
  ['→ inhibition v', 'toInhibition'],
  ['→ induction k', 'toInduction'],
  ['random tokens', 'score'],
];

/** What the figures are, for people. */
function summary({ n, logitDiff, correct }: IoiAnalysis): string {
  const rate = `${correct.correct}/${correct.n} = ${fixed(correct.rate)} [${fixed(correct.low)}, ${fixed(correct.high)}]`;
  return [
    `n = ${n} sentences, half of each order; the indirect object has the higher logit in ${rate}`,
    `logit difference: clean ${showEstimate(logitDiff.clean)}, without a repeated name ${showEstimate(logitDiff.corrupted)}`,
  ].join('\n');
}

/** Each role with the heads found and those of the paper. */
function againstPaper(found: IoiAnalysis, { roles }: IoiReference): (readonly string[])[] {
  return ioiRoles.flatMap((role) => {
    const expected = roles[role];
    if (!expected) return [];
    const heads = found.heads.filter((head) => head.roles.includes(role)).map(({ name }) => name);
    const both = heads.filter((name) => expected.includes(name)).length;
    return [[role, heads.join(' ') || '–', expected.join(' '), `${both}/${expected.length}`]];
  });
}

function analysisText(found: IoiAnalysis): string[] {
  const rows = ioiRows(found).map((row) => columns.map(([, of]) => row[of]));
  const titles = columns.map(([title]) => title);
  return [
    summary(found),
    '',
    rows.length > 0 ? table(titles, rows) : 'no head has evidence for a role',
  ];
}

function page(model: Model, found: IoiAnalysis, line: string): string {
  const titles = columns.map(([title]) => title);
  const rows = ioiRows(found).map((row) => columns.map(([, of]) => row[of]));
  const { effect, attention, score, copy } = found.thresholds;
  return `# Indirect object identification in ${model.name}

"When Mary and John were at the park, John gave a ball to": which heads make the model say *Mary*? The method is that of
Wang et al. (2022), *Interpretability in the Wild*; every figure has its 95 % interval.

${summary(found)
  .split('\n')
  .map((text) => `- ${text}`)
  .join('\n')}

| ${titles.join(' | ')} |
|${titles.map(() => '---').join('|')}|
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}

IO is the indirect object, S1 and S2 the two mentions of the subject, END the last token. *attends*: mean attention on the sentences
(from ${attention} on). *copies*: share of names that are among the top 5 tokens of what the head writes when it attends to them.
The arrows are direct path patching with norms held: the share of the mean logit difference that is lost (negative) or gained when only
this path carries what it carries on a sentence of three different people. *movers out*: how much the head's own direct effect grows when the
name movers carry that, as a share of the same (backups step in). *random tokens*: mean attention on random tokens
repeated twice.

A role needs effects of ${effect} with an interval that excludes zero, attention of ${attention}, copying of ${copy}, or scores of ${score};
\`glassbox ioi --json\` has the evidence for every head. \`candidate copier\` and \`subject suppressor\` are no roles of the paper:
a head that copies both people alike, and one that attends to the second subject and lowers its name directly instead of
steering a name mover.

This page is generated: \`${line}\`.
`;
}

/** Published figures of this size are printed; of the rest only those that are off. */
const LARGE = 0.2;

function referenceTable(figures: readonly ReferenceFigure[]): string {
  const judged = figures.filter(({ ok }) => ok !== null);
  const passed = judged.filter(({ ok }) => ok).length;
  const shown = figures.filter(
    ({ expected, ok }) => ok !== true || figures.length < 100 || Math.abs(expected) >= LARGE,
  );
  const rows = shown.map(({ what, expected, found, ok }) => [
    what,
    fixed(expected),
    fixed(found),
    ok === null ? 'not judged' : ok ? 'ok' : 'OFF',
  ]);
  const rest = figures.length - shown.length;
  return [
    table(['figure', 'published', 'here', ''], rows),
    `${passed} of ${judged.length} published figures agree${
      rest === 0 ? '' : `; not shown: ${rest} that agree and are below ${LARGE} (--json has them)`
    }`,
  ].join('\n');
}

/** The analysis, or why there is none; only that the model does not do the task is an answer. */
async function analysed(work: Promise<IoiAnalysis>): Promise<IoiAnalysis | GlassboxError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GlassboxError && error.code === 'no-difference') return error;
    throw error;
  }
}

export const ioi: CommandSpec = {
  name: 'ioi',
  writes: { files: ['out'] },
  summary: 'indirect object identification: which heads do it, in which role, with evidence',
  examples: [
    { line: 'ioi', does: 'heads of the built-in model on its own sentences' },
    { line: 'ioi --out docs/ioi.md', does: 'the same as a page' },
    {
      line: 'ioi -m openai-community/gpt2 --reference',
      does: 'also compares GPT-2 small with the published figures, tolerance 0.01',
    },
  ],
  define: (command) =>
    withModel(command)
      .option('-n, --count <n>', 'sentences', wholeNumber('--count', 2), 64)
      .option('--seed <n>', 'seed of the sentences', wholeNumber('--seed'), 0)
      .option('--sentences <set>', `one of ${sentenceSets.join(', ')}`, 'auto')
      .option('--reference', 'compare with the published figures of GPT-2 small or distilgpt2')
      .option(
        '--acdc <n>',
        'with --reference: also ACDC on that many sentences, hours on GPT-2 small',
        wholeNumber('--acdc', 1),
      )
      .option('-o, --out <file>', 'write the table as a Markdown page'),
  async action(context, { options }) {
    if (options.acdc && !options.reference) {
      throw new GlassboxError('--acdc is given without --reference', {
        code: 'bad-option',
        remedy: 'Add --reference: ACDC is compared with the published circuit.',
      });
    }
    const set = oneOf('sentences', options.sentences, sentenceSets);
    if (options.acdc && !options.reference) {
      throw new GlassboxError('--acdc compares with the published figures', {
        code: 'bad-option',
        remedy: 'Give --reference too.',
      });
    }
    const model = await openModel(context, options);
    const { name, templates } = ioiSentences(model, set);
    const { count, seed } = options;
    const examples = ioiDataset(model, { count, seed, templates });
    const { progress, signal } = context;
    const published = ioiReferenceOf(model);
    // First, because it refuses models that the figures are not about.
    const figures = options.reference
      ? await checkIoiReference(model, published, { progress, signal })
      : [];
    if (options.reference && options.acdc) {
      const all = ioiDataset(model, { count: 2 * options.acdc, seed, templates });
      const abba = all.filter(({ order }) => order === 'ABBA');
      figures.push(...(await compareAcdc(model, published, { examples: abba, progress, signal })));
    }
    const found = await analysed(analyseIoi(model, examples, { seed, progress, signal }));
    const missing = found instanceof GlassboxError;
    // Figures that took minutes are told all the same.
    if (missing && !options.reference) throw found;
    if (options.out && !missing) {
      const chosen = set === 'auto' ? '' : ` --sentences ${set}`;
      const line = `glassbox ioi -m ${options.model} -n ${count} --seed ${seed}${chosen} --out ${options.out}`;
      await writeFileAtomic(options.out, page(model, found, line));
      context.note(`wrote ${options.out}`);
    }
    const heads = missing ? { problem: { code: found.code, message: found.message } } : found;
    const roles = missing ? [] : againstPaper(found, published);
    const reference = options.reference ? { figures, roles } : null;
    context.result({ model: model.name, sentences: name, ...heads, reference }, () =>
      [
        ...(missing ? [found.message] : analysisText(found)),
        ...(options.reference ? ['', referenceTable(figures)] : []),
        ...(roles.length > 0
          ? ['', table(['role', 'found', 'in the paper', 'of them found'], roles)]
          : []),
      ].join('\n'),
    );
    if (missing) return EXIT.failed;
    return figures.every(({ ok }) => ok !== false) ? EXIT.ok : EXIT.failed;
  },
};
