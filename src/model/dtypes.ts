export * from '../base/safetensors/dtypes.ts';
