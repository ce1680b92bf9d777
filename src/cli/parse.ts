import { readFile } from 'node:fs/promises';
import { GlassboxError } from '../base/error.ts';

function bad(message: string, remedy: string): GlassboxError {
  return new GlassboxError(message, { code: 'bad-option', remedy });
}

/** For commander: a whole number of at least `min` and at most `max`. */
export function wholeNumber(
  name: string,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    const least = Number.isFinite(min) ? ` of at least ${min}` : '';
    const range = Number.isFinite(max) ? ` from ${min} to ${max}` : least;
    throw bad(`${name} is '${text}', expected a whole number${range}`, `Give ${name} as a number.`);
  };
}

/** For commander: a number of at least `min`. */
export function realNumber(name: string, min = Number.NEGATIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value;
    const range = Number.isFinite(min) ? ` of at least ${min}` : '';
    throw bad(`${name} is '${text}', expected a number${range}`, `Give ${name} as a number.`);
  };
}

/** For commander: a share of a whole, from 0 to 1. */
export function shareOf(name: string) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= 0 && value <= 1) return value;
    throw bad(`${name} is '${text}', expected a share from 0 to 1`, `Give ${name} as 0.8, say.`);
  };
}

/** For commander: whole numbers of at least `min` between commas. */
export function wholeNumberList(name: string, min?: number) {
  const one = wholeNumber(name, min);
  return (text: string): number[] => text.split(',').map(one);
}

/** For commander: numbers between commas. */
export function numberList(name: string) {
  const one = realNumber(name);
  return (text: string): number[] => text.split(',').map(one);
}

/** JSON given in place, or in a file as `@path`. Throws `bad-json`. */
export async function jsonArgument(name: string, text: string): Promise<unknown> {
  const isFile = text.startsWith('@');
  let content = text;
  if (isFile) {
    content = await readFile(text.slice(1), 'utf8').catch((cause) => {
      throw new GlassboxError(`${name}: cannot read ${text.slice(1)}: ${cause.message}`, {
        code: 'no-file',
        remedy: 'Give the path of a JSON file after @.',
        cause,
      });
    });
  }
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new GlassboxError(`${name} is not JSON: ${(cause as Error).message}`, {
      code: 'bad-json',
      remedy: 'Put the JSON in single quotes, or in a file and give @path.',
      cause,
    });
  }
}
