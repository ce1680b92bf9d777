import assert from 'node:assert/strict';
import type { LabError, LabGets, LabPosts } from '../api.ts';

/** An answer and its status, typed as if it were the one that is expected. */
export interface Reply<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T & LabError;
}

/** Typed requests to a lab, for tests. */
export function labClient(url: string) {
  const base = new URL(url).origin;
  const reply = async <T>(response: Response): Promise<Reply<T>> => ({
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as T & LabError,
  });
  const send = (path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`${base}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    });
  const post = async <P extends keyof LabPosts>(
    path: P,
    body: LabPosts[P]['request'],
    init?: RequestInit,
  ): Promise<Reply<LabPosts[P]['response']>> => reply(await send(path, body, init));
  return {
    base,
    send,
    post,
    /** The answer itself; it must be one. */
    async ask<P extends keyof LabPosts>(
      path: P,
      body: LabPosts[P]['request'],
    ): Promise<LabPosts[P]['response']> {
      const answer = await post(path, body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body.error));
      return answer.body;
    },
    async get<P extends keyof LabGets>(path: P, query = ''): Promise<Reply<LabGets[P]>> {
      return reply(await fetch(`${base}${path}${query}`));
    },
    /** All lines of an answer in JSON lines. */
    async lines(
      path: string,
      body: unknown,
      init?: RequestInit,
    ): Promise<Record<string, unknown>[]> {
      const headers = { accept: 'application/x-ndjson' };
      const response = await send(path, body, { headers, ...init });
      const text = await response.text();
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    },
  };
}
