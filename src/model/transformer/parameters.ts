import type { ModelConfig } from '../config.ts';

/** How a parameter starts in a new model. */
export type ParameterRole = 'weight' | 'bias' | 'norm';

/** One named parameter of a model. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

/** Widths of the linear layers of one block, `[in, out]`. */
function linearShapes(config: ModelConfig): Record<string, readonly [number, number]> {
  const { dModel, nHeads, nKvHeads, dHead, dMlp } = config;
  return {
    'attn.q': [dModel, nHeads * dHead],
    'attn.k': [dModel, nKvHeads * dHead],
    'attn.v': [dModel, nKvHeads * dHead],
    'attn.o': [nHeads * dHead, dModel],
    ...(config.mlp === 'gated' ? { 'mlp.gate': [dModel, dMlp] as const } : {}),
    'mlp.in': [dModel, dMlp],
    'mlp.out': [dMlp, dModel],
  };
}

function hasBias(config: ModelConfig, layer: string): boolean {
  const { qkv, attnOut, mlp } = config.biases;
  return layer === 'attn.o' ? attnOut : layer.startsWith('attn.') ? qkv : mlp;
}

/** The linear layers of one block that this model has, e.g. `attn.q`, `mlp.out`, in order of use. */
export function linearLayers(config: ModelConfig): string[] {
  return Object.keys(linearShapes(config));
}

/**
 * Every parameter of a model, in order of use. Linear weights are `[in, out]`, so that `x @ W` needs
 * no transpose; `embed.weight` and `unembed.weight` are both `[d_vocab, d_model]`, so that tied
 * models hold one array (`unembed.weight` is then absent).
 */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const { dModel, dVocab, nCtx, dHead } = config;
  const specs: ParameterSpec[] = [];
  const put = (name: string, shape: readonly number[], role: ParameterRole) =>
    specs.push({ name, shape, role });
  const norm = (name: string) => {
    put(`${name}.weight`, [dModel], 'norm');
    if (config.norm === 'layer') put(`${name}.bias`, [dModel], 'bias');
  };
  const shapes = linearShapes(config);
  const linear = (block: string, layer: string) => {
    put(`${block}.${layer}.weight`, shapes[layer], 'weight');
    if (hasBias(config, layer)) put(`${block}.${layer}.bias`, [shapes[layer][1]], 'bias');
  };
  put('embed.weight', [dVocab, dModel], 'weight');
  if (config.positions.kind === 'learned') put('pos_embed.weight', [nCtx, dModel], 'weight');
  for (let l = 0; l < config.nLayers; l++) {
    const block = `blocks.${l}`;
    norm(`${block}.ln1`);
    for (const layer of ['attn.q', 'attn.k', 'attn.v']) linear(block, layer);
    if (config.qkNorm) {
      put(`${block}.attn.q_norm.weight`, [dHead], 'norm');
      put(`${block}.attn.k_norm.weight`, [dHead], 'norm');
    }
    linear(block, 'attn.o');
    if (config.postNorms) norm(`${block}.ln1_post`);
    norm(`${block}.ln2`);
    for (const layer of Object.keys(shapes)) if (layer.startsWith('mlp.')) linear(block, layer);
    if (config.postNorms) norm(`${block}.ln2_post`);
  }
  norm('ln_final');
  if (!config.tieEmbeddings) put('unembed.weight', [dVocab, dModel], 'weight');
  if (config.biases.unembed) put('unembed.bias', [dVocab], 'bias');
  return specs;
}

/** The number of parameters of a model; tied embeddings count once. */
export function parameterCount(config: ModelConfig): number {
  return parameterSpecs(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
}
