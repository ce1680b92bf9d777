export const lens = {
  title: 'Logit 透镜',
  about: '假如每一层就是最后一层，它会预测什么：把最后的归一化与反嵌入作用于残差流。',
  shadeBy: '底色',
  shades: {
    top: '首选词元的概率',
    target: '目标的概率',
    rank: '目标的排名',
    entropy: '熵',
  },
  guesses: '候选数',
  embed: '嵌入',
  layerName: (layer: string) => `L${layer}`,
  follows: '目标是提示词中紧接着的词元。',
  followed: (token: string) => `所有位置的目标都是“${token}”。`,
  cell: (layer: string, position: string, token: string) =>
    `${layer}，位置 ${position}，在“${token}”之后`,
  targetProb: 'p(目标)',
  rankShare: '排名，第 1 名为满色',
  topToken: '首选词元',
  rankOf: (rank: string) => `第 ${rank} 名`,
  otherLayers: '此位置的各层',
  grid: '层与位置。方向键移动，Enter 锁定。',
} as const;
