export * from '../base/safetensors/header.ts';
