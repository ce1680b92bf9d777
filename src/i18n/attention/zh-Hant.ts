import type { Messages } from '../en.ts';

/** Words of the attention panel in Traditional Chinese, by the vocabulary of Taiwan. */
export const attention = {
  quote: (text: string) => `「${text}」`,
  about: '每個注意力頭讀取了哪些先前的詞元：列是讀取者，欄是被讀取者',
  heads: '注意力頭',
  sort: '排序',
  sorts: {
    effect: '對答案的效應',
    layer: '層',
    previousToken: '前一詞元分數',
    duplicateToken: '重複詞元分數',
    induction: '歸納分數',
  },
  view: '樣式',
  views: { head: '單一注意力頭', average: '同層平均', maximum: '同層最大值' },
  viewHints: {
    head: '游標所指的注意力頭，或點選固定的那一個',
    average: '該層所有注意力頭逐格取平均',
    maximum: '該層所有注意力頭逐格取最大值',
  },
  destination: '目的詞元',
  source: '來源詞元',
  unit: '注意力（機率）',
  effectUnit: 'logit',
  effectOn: (direction: string, position: string) =>
    `各注意力頭在 ${position} 對 ${direction} 的直接效應，單位為 logit；+ 表示偏向目標`,
  overMean: 'logit 平均值',
  noEffect: '需先選擇目標詞元才能計算效應',
  scoreUnit: '機率',
  scoreAbout: (n: string) => `在重複的隨機詞元上的平均注意力與 95% 信賴區間，n = ${n} 條序列`,
  pooled: (tokens: string, cells: string) =>
    `${tokens} 個詞元的縮圖以每個區塊的最大權重表示（${cells} × ${cells}）`,
  readout: (destination: string, source: string, value: string) =>
    `${destination} 注意 ${source}：${value}`,
  future: (destination: string, source: string) => `${destination} 看不到 ${source}：它在後面`,
  attendsTo: (token: string) => `${token} 注意的詞元`,
  attendedFrom: (token: string) => `注意 ${token} 的詞元`,
  rest: (count: string) => `其餘 ${count} 個`,
  gridKeys: '方向鍵切換注意力頭，Enter 固定',
  patternKeys: '方向鍵移動格子，Enter 固定目的詞元',
  pointHint: '游標移到格子上看數值，點一下固定該列',
  orderHint: '游標移到注意力頭上預覽，點一下固定',
  empty: '輸入提示詞，即可看到各詞元注意什麼',
  chart: '依分數排列',
} satisfies Messages['attention'];
