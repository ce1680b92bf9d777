import { setTimeout as sleep } from 'node:timers/promises';
import { GlassboxError } from '../../../../base/error.ts';

/** Where another model answers, by the chat-completions protocol that most servers speak. */
export interface EndpointOptions {
  /** Up to and including the version, e.g. `http://127.0.0.1:8080/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token; local servers need none. */
  readonly key?: string;
  /** Attempts after a failure that may pass: busy, server error, no connection. Default 3. */
  readonly retries?: number;
  /** Milliseconds before the first further attempt; each next one waits twice as long. Default 500. */
  readonly wait?: number;
  /** Milliseconds until an attempt is given up. Default 60,000. */
  readonly timeout?: number;
}

/** A turn of a question. */
export interface Message {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** One generated token with the log-probabilities of the likeliest tokens in its place. */
export interface TokenLogprobs {
  readonly token: string;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/** What came back; `failed` says why nothing did. */
export type Reply =
  | { readonly ok: true; readonly text: string; readonly logprobs: readonly TokenLogprobs[] | null }
  | { readonly ok: false; readonly failed: string };

/** Another model that can be asked. */
export interface Endpoint {
  readonly model: string;
  /** Asks once, at temperature 0. Failures are returned, never thrown. */
  ask(
    messages: readonly Message[],
    options: {
      readonly maxTokens: number;
      readonly logprobs?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<Reply>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Connects to an OpenAI-compatible endpoint. Nothing is sent until it is asked.
 *
 * @throws GlassboxError `bad-endpoint` when the address is not an http(s) URL
 */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const { model, key, retries = 3, wait = 500, timeout = 60_000 } = options;
  if (!URL.canParse(options.baseUrl) || !/^https?:/i.test(options.baseUrl)) {
    throw new GlassboxError(`'${options.baseUrl}' is not the address of an endpoint`, {
      code: 'bad-endpoint',
      remedy: 'Give an http or https address such as http://127.0.0.1:8080/v1.',
    });
  }
  const url = `${options.baseUrl.replace(/\/+$/, '')}/chat/completions`;
  // A server that refuses log-probabilities is asked without them from then on.
  let refusesLogprobs = false;
  const once = async (body: Json, signal?: AbortSignal) => {
    const limit = AbortSignal.timeout(timeout);
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    return { status: response.status, text: await response.text() };
  };
  return {
    model,
    async ask(messages, { maxTokens, logprobs = false, signal }) {
      let failed = 'not asked';
      for (let attempt = 0; attempt <= retries; attempt++) {
        if (signal?.aborted) return { ok: false, failed: 'stopped' };
        if (attempt > 0) await sleep(wait * 2 ** (attempt - 1));
        const wanted = logprobs && !refusesLogprobs;
        const body = {
          model,
          messages,
          temperature: 0,
          max_tokens: maxTokens,
          ...(wanted && { logprobs: true, top_logprobs: 5 }),
        };
        try {
          const { status, text } = await once(body, signal);
          if (status === 200) return parseReply(text);
          failed = `HTTP ${status}: ${text.slice(0, 200)}`;
          if (status === 400 && wanted && /logprob/i.test(text)) refusesLogprobs = true;
          else if (status !== 429 && status < 500) break;
        } catch (error) {
          failed = `no answer: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
      return { ok: false, failed };
    },
  };
}

function parseReply(text: string): Reply {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { ok: false, failed: `the answer is not JSON: ${text.slice(0, 100)}` };
  }
  const choice = ((body as Json).choices as Json[] | undefined)?.[0];
  const content = (choice?.message as Json | undefined)?.content;
  if (typeof content !== 'string') return { ok: false, failed: 'the answer holds no message' };
  const entries = (choice?.logprobs as Json | null | undefined)?.content;
  const logprobs = Array.isArray(entries)
    ? entries.map((entry: Json) => ({
        token: String(entry.token),
        top: ((entry.top_logprobs as Json[] | undefined) ?? []).map((one) => ({
          token: String(one.token),
          logprob: Number(one.logprob),
        })),
      }))
    : null;
  return { ok: true, text: content, logprobs };
}
