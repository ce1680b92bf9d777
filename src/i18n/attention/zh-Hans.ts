import type { Messages } from '../en.ts';

/** Words of the attention panel in Simplified Chinese, by the vocabulary of mainland China. */
export const attention = {
  quote: (text: string) => `“${text}”`,
  about: '每个注意力头读取了哪些靠前的词元：行是读取者，列是被读取者',
  heads: '注意力头',
  sort: '排序',
  sorts: {
    effect: '对答案的效应',
    layer: '层',
    previousToken: '前一词元得分',
    duplicateToken: '重复词元得分',
    induction: '归纳得分',
  },
  view: '模式图',
  views: { head: '单个注意力头', average: '同层平均', maximum: '同层最大值' },
  viewHints: {
    head: '鼠标所指的注意力头，或点击锁定的那一个',
    average: '该层所有注意力头逐格取平均',
    maximum: '该层所有注意力头逐格取最大值',
  },
  destination: '目的位置',
  source: '来源位置',
  unit: '注意力（概率）',
  effectUnit: 'logit',
  effectOn: (direction: string, position: string) =>
    `各注意力头在 ${position} 处对 ${direction} 的直接效应，单位为 logit；+ 表示偏向目标`,
  overMean: 'logit 均值',
  noEffect: '选定目标词元后才能计算效应',
  scoreUnit: '概率',
  scoreAbout: (n: string) => `在重复的随机词元上的平均注意力及 95% 置信区间，n = ${n} 条序列`,
  pooled: (tokens: string, cells: string) =>
    `${tokens} 个词元的缩略图取每块的最大权重（${cells} × ${cells}）`,
  readout: (destination: string, source: string, value: string) =>
    `${destination} 关注 ${source}：${value}`,
  future: (destination: string, source: string) => `${destination} 看不到 ${source}：它在后面`,
  attendsTo: (token: string) => `${token} 关注的词元`,
  attendedFrom: (token: string) => `关注 ${token} 的词元`,
  rest: (count: string) => `其余 ${count} 个`,
  gridKeys: '方向键切换注意力头，Enter 锁定',
  patternKeys: '方向键移动单元格，Enter 锁定目的位置',
  pointHint: '鼠标移到单元格上查看数值，点击锁定该行',
  orderHint: '鼠标移到注意力头上预览，点击锁定',
  empty: '输入提示词，即可看到各词元关注什么',
  chart: '按得分排列',
} satisfies Messages['attention'];
