import { attention } from './attention/zh-Hant.ts';
import { attributions } from './attributions/zh-Hant.ts';
import { circuits } from './circuits/zh-Hant.ts';
import { dictionaries } from './dictionaries/zh-Hant.ts';
import type { Messages } from './en.ts';
import { features } from './features/zh-Hant.ts';
import { graph } from './graph/zh-Hant.ts';
import { interventions } from './interventions/zh-Hant.ts';
import { lens } from './lens/zh-Hant.ts';
import { notebook } from './notebook/zh-Hant.ts';
import { errors, keys, mechanisms, roles, shell } from './shell/zh-Hant.ts';
import { tokens } from './tokens/zh-Hant.ts';

/** Words in Traditional Chinese, by the vocabulary of Taiwan. */
export const zhHant = {
  app: {
    name: 'Glassbox 明箱',
    tagline: '看見語言模型的內部',
    language: '語言',
    theme: '外觀主題',
    themeAuto: '自動',
    themeLight: '淺色',
    themeDark: '深色',
    themeSystem: '跟隨系統',
    help: '鍵盤快速鍵',
  },
  common: {
    copy: '複製',
    copyByHand: '請複製這段文字：',
    commandLine: '命令列',
    export: '匯出',
    library: '函式庫',
    linkCopied: '已複製連結',
    restore: '還原',
    cancel: '取消',
    close: '關閉',
    copyLink: '複製連結',
    copied: '已複製',
    exportCsv: '匯出 CSV',
    exportJson: '匯出 JSON',
    exportSvg: '匯出 SVG',
    left: (seconds: string) => `約剩 ${seconds} 秒`,
    loading: '載入中……',
    maximise: '放到最大',
    model: '模型',
    notAssessed: '未評估',
    prompt: '提示詞',
    retry: '再試一次',
    showCode: '顯示程式碼',
  },
  attention,
  attributions,
  circuits,
  errors,
  dictionaries,
  features,
  graph,
  interventions,
  keys,
  lens,
  notebook,
  mechanisms,
  roles,
  shell,
  tokens,
  terms: {
    microscope: '顯微鏡',
    attention: '注意力',
    before: '介入前',
    after: '介入後',
    effect: '效應',
    head: '注意力頭',
    layer: '層',
    logitDifference: 'Logit 差',
    loss: '損失',
    position: '位置',
    probability: '機率',
    seed: '隨機種子',
    token: '詞元',
  },
} satisfies Messages;
