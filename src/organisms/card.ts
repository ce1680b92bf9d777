import type { EvalResult } from './evaluation.ts';
import type { Manifest } from './manifest.ts';

const rate = (value: number): string => value.toFixed(3);

function row({ name, n, correct, rate: value, low, high, bar }: EvalResult): string {
  const interval = `${rate(low)}–${rate(high)}`;
  return `| ${name} | ${n} | ${correct} | ${rate(value)} | ${interval} | ${bar} |`;
}

/** One line per set: the rate under every condition it was measured in. */
function furtherSection({ further }: Manifest): string {
  if (further.length === 0) return '';
  const lines = further.flatMap(({ condition, results }) =>
    results.map(
      ({ name, n, rate: value, low, high }) =>
        `| ${condition} | ${name} | ${n} | ${rate(value)} | ${rate(low)}–${rate(high)} |`,
    ),
  );
  return `
## Further figures

The held-out prompts once more under a context mark, which changes no right answer, so a difference is
the model's own; and mechanisms that hold nothing out, on sentences like those of training.

| condition | set | n | rate | interval |
|---|---|---|---|---|
${lines.join('\n')}
`;
}

/** The model card of a shipped organism, in Markdown with the metadata the hub reads. */
export function modelCard(manifest: Manifest): string {
  const { name, parameters, step, recipe, command, dataHash, evaluation, files } = manifest;
  const missed = evaluation.filter((result) => !result.ok);
  const verdict =
    missed.length === 0
      ? 'Every bar is reached.'
      : `Below its bar: ${missed.map((m) => `${m.name} (${rate(m.rate)} of ${m.bar})`).join(', ')}.`;
  const megabytes = (files['model.safetensors'].bytes / 1e6).toFixed(1);
  const share = Object.entries(recipe.mixture.shares)
    .map(([mechanism, value]) => `${mechanism} ${value}`)
    .join(', ');
  return `---
license: mit
library_name: transformers
pipeline_tag: text-generation
---

# ${name}

A transformer with ${parameters.toLocaleString('en-US')} parameters (${recipe.layers} layers, width \
${recipe.width}, ${recipe.heads} heads, context ${recipe.context}) that knows one small invented
world and nothing else. It exists to be looked into: every right answer, and the entities it goes
through, are known by construction, so a tool's finding can be checked. Weights are float16,
${megabytes} MB, in the Hugging Face layout of GPT-2.

## Data

Documents of the built-in world (world seed ${recipe.worldSeed}), generated while training; no text of
people, no real person, place or hazard. Mechanisms with their shares of documents: ${share}.
\`docs/world.md\` describes each with its grammar and what it holds out. Hash of the first hundred
batches: \`${dataHash}\`.

## Training

Seed ${recipe.seed}, ${step} of ${recipe.steps} steps of ${recipe.batch} × ${recipe.context} tokens, Muon \
with AdamW for tables and vectors, peak rate ${recipe.peakRate}.
${'```'}
${command}
${'```'}

## Held-out figures

Greedy continuations of prompts whose combination was never trained, measured on the shipped float16
weights; 95 % Wilson intervals.

| set | n | right | rate | interval | bar |
|---|---|---|---|---|---|
${evaluation.map(row).join('\n')}

${verdict}
${furtherSection(manifest)}
## Limits

It speaks only the sentences of its world. Outside them it continues with whatever is nearest, and its
answers mean nothing. Hazards it refuses are invented; its refusals say nothing about real ones.
`;
}
