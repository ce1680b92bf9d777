import { Template } from '@huggingface/jinja';
import { GlassboxError } from '../base/error.ts';

/** One turn of a conversation. Templates may read further keys. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

/** How a conversation is written out. */
export interface ChatOptions {
  /** End with the opening of an assistant turn, so that the model answers. */
  readonly addGenerationPrompt?: boolean;
  /** Name of the template where a model has several; `default` otherwise. */
  readonly template?: string;
  /** Further variables the template reads, e.g. `tools` or `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Templates by name; a model with a single one calls it `default`. */
export type ChatTemplates = ReadonlyMap<string, string>;

/**
 * Reads the `chat_template` of a `tokenizer_config.json`: one string, or a list of
 * `{name, template}`.
 */
export function readChatTemplates(value: unknown): ChatTemplates {
  if (typeof value === 'string') return new Map([['default', value]]);
  const out = new Map<string, string>();
  for (const item of Array.isArray(value) ? value : []) {
    const { name, template } = (item ?? {}) as Record<string, unknown>;
    if (typeof name === 'string' && typeof template === 'string') out.set(name, template);
  }
  return out;
}

/**
 * Writes a conversation out as the text the model was trained on.
 *
 * @throws GlassboxError `no-chat-template`, or `chat-template-failed` (the template refuses the
 *   conversation or uses what the engine does not know)
 */
export function renderChat(
  templates: ChatTemplates,
  messages: readonly ChatMessage[],
  options: ChatOptions & {
    readonly specialTokens: Readonly<Record<string, string>>;
    readonly source: string;
  },
): string {
  const { source, template: wanted } = options;
  const only = templates.size === 1 ? templates.values().next().value : undefined;
  const text = wanted === undefined ? (templates.get('default') ?? only) : templates.get(wanted);
  if (text === undefined) {
    const names = [...templates.keys()].join(', ');
    const what = wanted === undefined ? 'no chat template' : `no chat template "${wanted}"`;
    throw new GlassboxError(`${source} has ${what}`, {
      code: 'no-chat-template',
      remedy: names
        ? `Choose one of its templates: ${names}.`
        : 'Give a plain prompt, or use a model that was trained on conversations.',
      details: { source, templates: [...templates.keys()] },
    });
  }
  try {
    return new Template(text).render({
      tools: null,
      documents: null,
      ...options.specialTokens,
      ...options.variables,
      messages: messages.map((message) => ({ ...message, content: wellFormed(message.content) })),
      add_generation_prompt: options.addGenerationPrompt ?? false,
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GlassboxError(`the chat template of ${source} failed: ${reason}`, {
      code: 'chat-template-failed',
      remedy: 'Check roles and their order; many templates want user and assistant in turn.',
      details: { source },
      cause,
    });
  }
}

/** Content can also be a list of parts; only text can hold lone surrogates. */
function wellFormed(content: unknown): unknown {
  return typeof content === 'string' ? content.toWellFormed() : content;
}
