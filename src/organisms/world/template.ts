/** A sentence with slots, e.g. `The {relation} of {state} is`. */
export type Template = string;

/** Values for the slots of a template. */
export type Slots = Readonly<Record<string, string>>;

const slotPattern = /\{(\w+)\}/g;

/** The template with every slot replaced; a slot without a value stays visible as `{slot}`. */
export function fill(template: Template, slots: Slots): string {
  return template.replace(slotPattern, (whole, name: string) => slots[name] ?? whole);
}

const compiled = new Map<Template, RegExp>();

/**
 * The slot values that turn `template` into `text`, or undefined when it is another sentence.
 * A slot never spans a full stop, so a match stays inside one sentence.
 */
export function match(template: Template, text: string): Slots | undefined {
  let pattern = compiled.get(template);
  if (!pattern) {
    const source = template
      .split(slotPattern)
      .map((part, i) =>
        i % 2 ? `(?<${part}>[^.]+?)` : part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
      )
      .join('');
    pattern = new RegExp(`^${source}$`, 'u');
    compiled.set(template, pattern);
  }
  const found = pattern.exec(text);
  return found ? { ...found.groups } : undefined;
}
