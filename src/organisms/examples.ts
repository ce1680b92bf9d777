import { Rng } from '../base/rng.ts';
import { documentText, mechanisms, promptOf } from './world/types.ts';
import type { World } from './world/world.ts';

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** A Markdown table with documents of every mechanism, for the page about the world. */
export function exampleTable(world: World, perMechanism = 2): string {
  const rows = mechanisms.flatMap((mechanism) => {
    const rng = new Rng(world.seed).fork(`examples ${mechanism}`);
    return Array.from({ length: perMechanism }, () => {
      const document = world.write(mechanism, rng, 'train');
      const { prompt, answer } = promptOf(document);
      if (!document.truth) return `| ${mechanism} | ${code(documentText(document))} | |`;
      return `| ${mechanism} | ${code(prompt.trimStart())} | ${code(answer)} |`;
    });
  });
  return ['| mechanism | prompt | what follows |', '|---|---|---|', ...rows].join('\n');
}
