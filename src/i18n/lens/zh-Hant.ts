export const lens = {
  title: 'Logit 透鏡',
  about: '假如每一層就是最後一層，它會預測什麼：將最後的正規化與反嵌入套用到殘差流。',
  shadeBy: '底色',
  shades: {
    top: '首選詞元的機率',
    target: '目標的機率',
    rank: '目標的名次',
    entropy: '熵',
  },
  guesses: '候選數',
  embed: '嵌入',
  layerName: (layer: string) => `L${layer}`,
  follows: '目標是提示詞中緊接著的詞元。',
  followed: (token: string) => `所有位置的目標都是「${token}」。`,
  cell: (layer: string, position: string, token: string) =>
    `${layer}，位置 ${position}，在「${token}」之後`,
  targetProb: 'p(目標)',
  rankShare: '名次，第 1 名為滿色',
  topToken: '首選詞元',
  rankOf: (rank: string) => `第 ${rank} 名`,
  otherLayers: '此位置的各層',
  grid: '層與位置。方向鍵移動，Enter 鎖定。',
} as const;
