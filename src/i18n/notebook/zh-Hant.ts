import type { Messages } from '../en.ts';

/** Words of the notebook in Traditional Chinese, by the vocabulary of Taiwan. */
export const notebook = {
  title: '筆記本',
  about: '從各面板釘選的發現；只存在這個瀏覽器，不會傳送到任何地方',
  empty: '尚未釘選任何發現。面板標題列的圖釘會保留圖、數值與回到該畫面的連結。',
  pin: '釘選到筆記本',
  pinned: (count: string) => `已釘選到筆記本（${count}）`,
  full: '瀏覽器空間不足，無法保留這項發現。請先移除一些，或匯出報告。',
  note: '註記',
  notePlaceholder: '這說明了什麼？',
  up: '上移',
  down: '下移',
  remove: '移除',
  open: '開啟這個畫面',
  clear: '全部移除',
  clearAsk: '要移除筆記本中的所有發現嗎？',
  html: '匯出 HTML 報告',
  markdown: '匯出 Markdown 報告',
  report: 'Glassbox 明箱報告',
  made: '製作時間',
  rows: (shown: string, total: string) => `${total} 列中的 ${shown} 列`,
  source: (model: string, hash: string, version: string) =>
    `模型 ${model}（${hash}），Glassbox ${version}`,
  seed: (seed: string) => `隨機種子 ${seed}`,
  go: '前往筆記本',
  noFigure: '沒有圖：這個面板沒有圖，或圖太大無法保留。',
} satisfies Messages['notebook'];
