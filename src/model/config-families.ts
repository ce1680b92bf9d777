import { GlassboxError } from '../base/error.ts';
import type { ConfigBody } from './config-base.ts';
import { isRecord, type JsonFields, show } from './config-fields.ts';
import {
  readGemma2,
  readGemma3,
  readGpt2,
  readLlama,
  readMistral,
  readNeox,
  readPhi3,
  readQwen,
} from './config-readers.ts';
import type { TokenDefaults } from './config-tokens.ts';
import type { Family } from './config-types.ts';

/** One family: how it is recognised and how its `config.json` is read. */
export interface FamilySpec {
  readonly name: Family;
  readonly architectures: readonly string[];
  readonly modelTypes: readonly string[];
  readonly tokens: TokenDefaults;
  readonly read: (fields: JsonFields) => ConfigBody;
}

/** The table of families. A new family is one more row. */
export const FAMILIES: readonly FamilySpec[] = [
  {
    name: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    modelTypes: ['gpt2'],
    tokens: { bos: 50256, eos: 50256, pad: null },
    read: readGpt2,
  },
  {
    name: 'gpt_neox',
    architectures: ['GPTNeoXForCausalLM'],
    modelTypes: ['gpt_neox'],
    tokens: { bos: 0, eos: 2, pad: null },
    read: readNeox,
  },
  {
    name: 'llama',
    architectures: ['LlamaForCausalLM'],
    modelTypes: ['llama'],
    tokens: { bos: 1, eos: 2, pad: null },
    read: readLlama,
  },
  {
    name: 'mistral',
    architectures: ['MistralForCausalLM'],
    modelTypes: ['mistral'],
    tokens: { bos: 1, eos: 2, pad: null },
    read: readMistral,
  },
  {
    name: 'qwen2',
    architectures: ['Qwen2ForCausalLM'],
    modelTypes: ['qwen2'],
    tokens: { bos: null, eos: null, pad: null },
    read: (fields) => readQwen(fields, 2),
  },
  {
    name: 'qwen3',
    architectures: ['Qwen3ForCausalLM'],
    modelTypes: ['qwen3'],
    tokens: { bos: null, eos: null, pad: null },
    read: (fields) => readQwen(fields, 3),
  },
  {
    name: 'gemma2',
    architectures: ['Gemma2ForCausalLM'],
    modelTypes: ['gemma2'],
    tokens: { bos: 2, eos: 1, pad: 0 },
    read: readGemma2,
  },
  {
    name: 'gemma3',
    architectures: ['Gemma3ForCausalLM', 'Gemma3ForConditionalGeneration'],
    modelTypes: ['gemma3_text', 'gemma3'],
    tokens: { bos: 2, eos: 1, pad: 0 },
    read: readGemma3,
  },
  {
    name: 'phi3',
    architectures: ['Phi3ForCausalLM'],
    modelTypes: ['phi3'],
    tokens: { bos: 1, eos: 32000, pad: 32000 },
    read: readPhi3,
  },
];

/** Finds the family by `architectures`, or by `model_type` where that list is absent. */
export function familyOf(
  json: Readonly<Record<string, unknown>>,
  file: string,
): { readonly family: FamilySpec; readonly architecture: string } {
  const named = json.architectures;
  const list = Array.isArray(named) ? named.filter((name) => typeof name === 'string') : [];
  const type = typeof json.model_type === 'string' ? json.model_type : undefined;
  const byType = FAMILIES.find((f) => type !== undefined && f.modelTypes.includes(type));
  if (list.length === 0 && byType) {
    const nested = isRecord(json.text_config);
    return {
      family: byType,
      architecture: byType.architectures[nested ? 1 : 0] ?? byType.architectures[0],
    };
  }
  const architecture = list.find((name) => FAMILIES.some((f) => f.architectures.includes(name)));
  const family = FAMILIES.find((f) => architecture && f.architectures.includes(architecture));
  if (!family || !architecture) {
    const shown = list.length > 0 ? list.join(', ') : type;
    throw new GlassboxError(
      shown === undefined
        ? `${file}: "architectures" and "model_type" are both missing`
        : `${file}: architecture ${show(shown)} is not supported`,
      {
        code: 'unsupported-architecture',
        remedy: `Use a model of one of: ${FAMILIES.flatMap((f) => f.architectures).join(', ')}.`,
        details: { file, architectures: list, modelType: type ?? null },
      },
    );
  }
  if (type !== undefined && !family.modelTypes.includes(type)) {
    throw new GlassboxError(
      `${file}: "model_type" is ${show(type)}, but "architectures" says ${architecture}`,
      {
        code: 'bad-config',
        remedy: `Set "model_type" to ${family.modelTypes.map((t) => `"${t}"`).join(' or ')}.`,
        details: { file, key: 'model_type' },
      },
    );
  }
  return { family, architecture };
}
