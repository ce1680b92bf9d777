import { type ModelConfig, parseModelConfig } from '../model/config.ts';

/** How large everything is that a run of the benches computes. */
export interface Sizes {
  readonly name: 'full' | 'tiny';
  /** The model of all benches but training. */
  readonly model: ModelConfig;
  readonly long: number;
  readonly short: number;
  /** Tokens generated one by one, and how many of them make one sample. */
  readonly decode: number;
  readonly decodeSample: number;
  readonly train: { readonly config: ModelConfig; readonly batch: number; readonly pos: number };
  /** Side of the square matrices of the roofline. */
  readonly matmul: number;
  /** Bytes that the bandwidth roofline reads. */
  readonly readBytes: number;
  /** How long each roofline is measured at a time, about. */
  readonly sampleSeconds: number;
}

interface Gpt2Shape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  readonly positions: number;
}

/** A GPT-2 of any size. */
function gpt2({ layers, width, heads, vocab, positions }: Gpt2Shape): ModelConfig {
  return parseModelConfig({
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    n_layer: layers,
    n_embd: width,
    n_head: heads,
    vocab_size: vocab,
    n_positions: positions,
  });
}

/** The shape of GPT-2 small, and a small model to train. */
export const fullSizes: Sizes = {
  name: 'full',
  model: gpt2({ layers: 12, width: 768, heads: 12, vocab: 50257, positions: 1024 }),
  long: 512,
  short: 16,
  decode: 256,
  decodeSample: 32,
  train: {
    config: gpt2({ layers: 4, width: 256, heads: 4, vocab: 4096, positions: 128 }),
    batch: 16,
    pos: 128,
  },
  matmul: 1024,
  readBytes: 1 << 28,
  sampleSeconds: 0.2,
};

/** The same kinds of work in a second, to test the benches themselves; the figures mean nothing. */
export const tinySizes: Sizes = {
  name: 'tiny',
  model: gpt2({ layers: 2, width: 48, heads: 3, vocab: 211, positions: 64 }),
  long: 24,
  short: 4,
  decode: 8,
  decodeSample: 4,
  train: {
    config: gpt2({ layers: 1, width: 32, heads: 2, vocab: 97, positions: 16 }),
    batch: 2,
    pos: 16,
  },
  matmul: 64,
  readBytes: 1 << 20,
  sampleSeconds: 0.001,
};
