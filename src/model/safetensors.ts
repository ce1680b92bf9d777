export * from '../base/safetensors/codec.ts';
