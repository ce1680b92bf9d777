import type { Messages } from '../en.ts';

/** Words of the notebook in Simplified Chinese, by the vocabulary of mainland China. */
export const notebook = {
  title: '笔记本',
  about: '从各面板固定的发现；只保存在此浏览器，不会发送到任何地方',
  empty: '尚未固定任何发现。面板标题栏的图钉会保留图、数值与返回该视图的链接。',
  pin: '固定到笔记本',
  pinned: (count: string) => `已固定到笔记本（${count}）`,
  full: '浏览器空间不足，无法保留该发现。请先移除一些，或导出报告。',
  note: '备注',
  notePlaceholder: '这说明了什么？',
  up: '上移',
  down: '下移',
  remove: '移除',
  open: '打开该视图',
  clear: '全部移除',
  clearAsk: '要移除笔记本中的所有发现吗？',
  html: '导出 HTML 报告',
  markdown: '导出 Markdown 报告',
  report: 'Glassbox 明箱报告',
  made: '生成时间',
  rows: (shown: string, total: string) => `${total} 行中的 ${shown} 行`,
  source: (model: string, hash: string, version: string) =>
    `模型 ${model}（${hash}），Glassbox ${version}`,
  seed: (seed: string) => `随机种子 ${seed}`,
  go: '前往笔记本',
  noFigure: '没有图：该面板没有图，或图过大无法保留。',
} satisfies Messages['notebook'];
