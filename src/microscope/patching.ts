/** Exchanging activations between two prompts. */
export * from './patching/index.ts';
