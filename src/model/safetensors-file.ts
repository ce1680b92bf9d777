export * from '../base/safetensors/file.ts';
