import { formatCount, t } from '../../i18n.ts';
import type { GraphView } from './view.ts';

/** What is shown of what, and why the rest is not. */
export function hiddenWords({ shown, total, hidden }: GraphView): string {
  const words = t().graph;
  const reasons = hidden.map(({ what, why, count }) => words.hidden[why][what](formatCount(count)));
  const list = new Intl.ListFormat(document.documentElement.lang, { type: 'conjunction' });
  const [nodes, allNodes] = [shown.nodes, total.nodes].map(formatCount);
  const [links, allLinks] = [shown.links, total.links].map(formatCount);
  const because = reasons.length === 0 ? '' : words.because(list.format(reasons));
  return words.showing(nodes, allNodes, links, allLinks) + because;
}

/** What was read from a file in a way that its reader should know of. */
export function fileNotes({ file, origin }: GraphView): string[] {
  if (file === null) return [];
  const words = t().graph;
  const { attention = 0, unsure = 0, lost = 0 } = origin ?? {};
  const counts = { attention, unsure, lost };
  const notes = (['attention', 'unsure', 'lost'] as const).filter((kind) => counts[kind] > 0);
  return [
    words.fromFile(file),
    ...notes.map((kind) => words.fileNotes[kind](formatCount(counts[kind]))),
  ];
}
