import { type Chosen, type Prompt, tokenNames } from './tokens.ts';

/** Source text that is not to be quoted again. */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A value as TypeScript source. */
export const source = (value: unknown): string => JSON.stringify(value);

/** `{ a: 1, b: "x" }` of what is given; '' when nothing is. */
export function optionsOf(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  const fields = given.map(([name, value]) =>
    name === value ? name : `${name}: ${value instanceof Raw ? value.text : source(value)}`,
  );
  return `{ ${fields.join(', ')} }`;
}

export const args = (...parts: readonly string[]): string => parts.filter(Boolean).join(', ');

/** What a snippet needs: names from `glassbox/microscope`, lines, and the call that answers. */
export interface Snippet {
  readonly uses: readonly string[];
  /** Names from `glassbox/model` besides `openModel`. */
  readonly modelUses?: readonly string[];
  /** Names from `glassbox/organisms`. */
  readonly organismUses?: readonly string[];
  readonly lines: readonly string[];
  readonly call: string;
}

export function promptLine(name: string, prompt: Prompt): { uses: string[]; line: string } {
  return typeof prompt === 'string'
    ? { uses: ['encodePrompt'], line: `const ${name} = encodePrompt(model, ${source(prompt)});` }
    : { uses: [], line: `const ${name} = ${source(prompt)};` };
}

export function preferenceFields(request: Chosen): { uses: string[]; fields: Record<string, Raw> } {
  const given = Object.entries(tokenNames(request)).filter(([, token]) => token !== undefined);
  return {
    uses: given.length > 0 ? ['resolveToken'] : [],
    fields: Object.fromEntries(
      given.map(([name, token]) => [name, new Raw(`resolveToken(model, ${source(token)})`)]),
    ),
  };
}
