import { GlassboxError } from '../base/error.ts';
import { FAMILIES, familyOf } from './config-families.ts';
import { isRecord, JsonFields } from './config-fields.ts';
import { readTokens } from './config-tokens.ts';
import type { ModelConfig } from './config-types.ts';

export type {
  Activation,
  Family,
  LayerAttention,
  ModelConfig,
  Positions,
  RopeScaling,
  RotaryPositions,
  SpecialTokenIds,
} from './config-types.ts';

/** Architecture names accepted in `architectures`. */
export const SUPPORTED_ARCHITECTURES: readonly string[] = FAMILIES.flatMap((f) => f.architectures);

/**
 * Reads the content of a Hugging Face `config.json`. Omitted keys take the defaults of
 * `transformers` for that family; the sizes of the model must be given (Gemma 3 excepted, whose
 * published files leave them out). Old (`rope_theta`, `rope_scaling`) and new (`rope_parameters`)
 * spellings are understood.
 *
 * @param json the parsed file
 * @param file its name, for messages
 * @throws GlassboxError `unsupported-architecture` (lists the supported ones) or `bad-config`
 *   (names the key)
 */
export function parseModelConfig(json: unknown, file = 'config.json'): ModelConfig {
  if (!isRecord(json)) {
    throw new GlassboxError(`${file} holds no JSON object`, {
      code: 'bad-config',
      remedy: 'Point to the folder of a Hugging Face model whose config.json is complete.',
      details: { file },
    });
  }
  const { family, architecture } = familyOf(json, file);
  const top = new JsonFields(json, file);
  if (json.quantization_config !== undefined && json.quantization_config !== null) {
    top.fail('quantization_config', 'is set, but quantised weights cannot be read', {
      remedy: 'Use the float32, float16 or bfloat16 version of this model.',
    });
  }
  const nested = json.text_config !== undefined && architecture.endsWith('ConditionalGeneration');
  const fields = nested ? top.child('text_config') : top;
  const body = family.read(fields);
  if (nested && json.tie_word_embeddings !== undefined) {
    body.tieEmbeddings = top.bool('tie_word_embeddings', true);
  }
  const tokens = readTokens({ fields, top, dVocab: body.dVocab, defaults: family.tokens });
  return { family: family.name, architecture, ...body, tokens, raw: json };
}

/** Parses the text of a `config.json`; see {@link parseModelConfig}. */
export function parseModelConfigText(text: string, file = 'config.json'): ModelConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GlassboxError(`${file} is not valid JSON: ${reason}`, {
      code: 'bad-config',
      remedy: 'Download the file again; it may be truncated.',
      details: { file },
      cause,
    });
  }
  return parseModelConfig(json, file);
}
