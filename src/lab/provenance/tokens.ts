/** A token of a request: text, `#id` or id. */
export type Token = string | number;

/** A prompt of a request: text or ids. */
export type Prompt = string | readonly number[];

export interface Chosen {
  readonly target?: Token;
  readonly distractor?: Token;
}

const nameOf = (token: Token | undefined): string | undefined =>
  typeof token === 'number' ? `#${token}` : token;

/** Target and distractor as the command line and the library take them. */
export function tokenNames({ target, distractor }: Chosen) {
  return { target: nameOf(target), distractor: nameOf(distractor) };
}
