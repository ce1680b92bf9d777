import { attention } from './attention/zh-Hans.ts';
import { attributions } from './attributions/zh-Hans.ts';
import { circuits } from './circuits/zh-Hans.ts';
import { dictionaries } from './dictionaries/zh-Hans.ts';
import type { Messages } from './en.ts';
import { features } from './features/zh-Hans.ts';
import { graph } from './graph/zh-Hans.ts';
import { interventions } from './interventions/zh-Hans.ts';
import { lens } from './lens/zh-Hans.ts';
import { notebook } from './notebook/zh-Hans.ts';
import { errors, keys, mechanisms, roles, shell } from './shell/zh-Hans.ts';
import { tokens } from './tokens/zh-Hans.ts';

/** Words in Simplified Chinese, by the vocabulary of mainland China. */
export const zhHans = {
  app: {
    name: 'Glassbox 明箱',
    tagline: '看清语言模型的内部',
    language: '语言',
    theme: '主题',
    themeAuto: '自动',
    themeLight: '浅色',
    themeDark: '深色',
    themeSystem: '跟随系统',
    help: '键盘快捷键',
  },
  common: {
    copy: '复制',
    copyByHand: '请复制这段文本：',
    commandLine: '命令行',
    export: '导出',
    library: '代码库',
    linkCopied: '已复制链接',
    restore: '还原',
    cancel: '取消',
    close: '关闭',
    copyLink: '复制链接',
    copied: '已复制',
    exportCsv: '导出 CSV',
    exportJson: '导出 JSON',
    exportSvg: '导出 SVG',
    left: (seconds: string) => `约剩 ${seconds} 秒`,
    loading: '加载中……',
    maximise: '最大化',
    model: '模型',
    notAssessed: '未评估',
    prompt: '提示词',
    retry: '重试',
    showCode: '显示代码',
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
    microscope: '显微镜',
    attention: '注意力',
    before: '干预前',
    after: '干预后',
    effect: '效应',
    head: '注意力头',
    layer: '层',
    logitDifference: 'Logit 差',
    loss: '损失',
    position: '位置',
    probability: '概率',
    seed: '随机种子',
    token: '词元',
  },
} satisfies Messages;
