/** The notebook as a file that needs nothing else: HTML for reading and printing, Markdown for writing on. */
import type { Cell } from '../components/csv.ts';
import type { Finding } from './finding.ts';

/** Words of a report, and how it writes numbers. */
export interface ReportWords {
  readonly lang: string;
  readonly title: string;
  readonly made: string;
  readonly prompt: string;
  readonly command: string;
  readonly open: string;
  readonly rows: (shown: number, total: number) => string;
  readonly source: (finding: NonNullable<Finding['source']>) => string;
  readonly date: (iso: string) => string;
}

/** Text as HTML shows it, also inside attributes. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => names[character]);
}

function cellText(cell: Cell): string {
  if (cell === null) return '–';
  if (typeof cell !== 'number') return cell;
  // Six digits are more than any measurement here has; integers are written whole.
  return Number.isInteger(cell) ? String(cell) : String(Number(cell.toPrecision(6)));
}

/** A figure as an address: in an `img` it can neither run anything nor clash with another figure. */
export function svgAddress(svg: string): string {
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
}

const STYLE = `body{max-width:60rem;margin:2rem auto;padding:0 1rem;font:15px/1.55 system-ui,'Noto Sans TC','Noto Sans SC',sans-serif;color:#1d1f23;background:#fdfcf9}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.5rem 0 .2rem;border-top:1px solid #dad8d2;padding-top:1.2rem}
p{margin:.4rem 0}.muted{color:#63666d;font-size:13px}.note{white-space:pre-wrap;font-size:16px}
img{max-width:100%;height:auto}table{border-collapse:collapse;font-size:12px;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #dad8d2;padding:2px 8px;text-align:left}code{font:12px ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.wide{overflow-x:auto}@media print{body{margin:0}section{break-inside:avoid}}`;

/**
 * The findings as one HTML file without scripts or anything from elsewhere.
 *
 * @param page the address of the page without fragment; links lead back to each view while a lab runs there
 */
export function reportHtml(
  findings: readonly Finding[],
  words: ReportWords,
  context: { readonly page: string; readonly at: string },
): string {
  const x = escapeHtml;
  const sections = findings.map(
    ({ title, about, note, prompt, svg, table, source, ...rest }, i) => {
      const parts = [
        `<h2>${i + 1}. ${x(title)}</h2>`,
        `<p class="muted">${x(about)} · ${x(words.date(rest.at))}</p>`,
        note === '' ? '' : `<p class="note">${x(note)}</p>`,
        prompt === '' ? '' : `<p class="muted">${x(words.prompt)}: <code>${x(prompt)}</code></p>`,
        svg === null ? '' : `<p><img alt="${x(title)}" src="${svgAddress(svg)}"></p>`,
        table === null ? '' : tableHtml(table, words),
        source === null ? '' : `<p class="muted">${x(words.source(source))}</p>`,
        source?.command
          ? `<p class="muted">${x(words.command)}: <code>${x(source.command)}</code></p>`
          : '',
        `<p class="muted"><a href="${x(`${context.page}#${rest.fragment}`)}">${x(words.open)}</a></p>`,
      ];
      return `<section>\n${parts.filter(Boolean).join('\n')}\n</section>`;
    },
  );
  return `<!doctype html>
<html lang="${x(words.lang)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${x(words.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${x(words.title)}</h1>
<p class="muted">${x(words.made)} ${x(words.date(context.at))}</p>
${sections.join('\n')}
</body>
</html>
`;
}

function tableHtml({ columns, rows, total }: NonNullable<Finding['table']>, words: ReportWords) {
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const caption = `<caption class="muted">${escapeHtml(words.rows(rows.length, total))}</caption>`;
  const body = rows.map((row) => cells('td', row.map(cellText))).join('\n');
  return `<div class="wide"><table>${caption}<thead>${cells('th', columns)}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** A text as Markdown shows it letter by letter, in one line. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~]/g, '\\$&').replace(/\s*\n\s*/g, ' ');
}

/** A text as code, whatever backticks are in it. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence} ${text.replaceAll('\n', ' ')} ${fence}`;
}

/** The findings as Markdown, figures inside as addresses. */
export function reportMarkdown(
  findings: readonly Finding[],
  words: ReportWords,
  context: { readonly page: string; readonly at: string },
): string {
  const sections = findings.map(({ title, about, note, prompt, svg, table, source, ...rest }, i) =>
    [
      `## ${i + 1}\\. ${plain(title)}`,
      `${plain(about)} · ${plain(words.date(rest.at))}`,
      // A note is the reader's own Markdown.
      note,
      prompt === '' ? '' : `${plain(words.prompt)}: ${code(prompt)}`,
      svg === null
        ? ''
        : `![${plain(title)}](${svgAddress(svg).replace(/[()]/g, (c) => (c === '(' ? '%28' : '%29'))})`,
      table === null ? '' : tableMarkdown(table, words),
      source === null ? '' : plain(words.source(source)),
      source?.command ? `${plain(words.command)}: ${code(source.command)}` : '',
      `[${plain(words.open)}](<${context.page}#${rest.fragment}>)`,
    ]
      .filter(Boolean)
      .join('\n\n'),
  );
  const head = `# ${plain(words.title)}\n\n${plain(words.made)} ${plain(words.date(context.at))}`;
  return `${[head, ...sections].join('\n\n')}\n`;
}

function tableMarkdown(
  { columns, rows, total }: NonNullable<Finding['table']>,
  words: ReportWords,
) {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  const rule = `|${columns.map(() => ' --- |').join('')}`;
  const body = rows.map((row) => line(row.map(cellText)));
  return [plain(words.rows(rows.length, total)), '', line(columns), rule, ...body].join('\n');
}
