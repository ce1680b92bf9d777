import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../src/cli/run.ts';

const PROMPT = 'The river of the state containing Daekwell is';

async function glassbox(argv: readonly string[]) {
  let out = '';
  const code = await run(argv, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => {} },
  });
  return { code, out };
}

// Ctrl-C was reported as "internal: this is a bug of Glassbox" with exit code 1.
test('a trace that Ctrl-C stopped says so and exits with 130', async () => {
  const stopping = glassbox(['trace', PROMPT, '--json']);
  setTimeout(() => process.emit('SIGINT'), 0);
  const { code, out } = await stopping;
  assert.equal(code, 130, out);
  assert.equal(JSON.parse(out).error.code, 'interrupted');
});

// The label of an explained token was looked up in the prompt, so files said `Output "#1250"`.
test('a graph file names the tokens it explains', async () => {
  const { out } = await glassbox(['trace', PROMPT, '--json', '--max-logits', '1']);
  const { graph, targets } = JSON.parse(out);
  const logit = graph.nodes.find((node: { feature_type: string }) => node.feature_type === 'logit');
  assert.match(logit.clerp, /^Output " [A-Z]\w+" \(p=[\d.]+\)$/);
  assert.ok(logit.clerp.includes(targets[0].text));
});

// A distractor alone was ignored in silence, a share of 1.5 taken as it was.
test('a distractor without a target and a share above 1 are refused', async () => {
  for (const wrong of [
    ['--distractor', 'Simon'],
    ['--node-share', '1.5'],
    ['--edge-share', '-1'],
    ['--target', 'Simon', '--distractor', 'Simon'],
  ]) {
    const { code, out } = await glassbox(['trace', PROMPT, '--json', ...wrong]);
    assert.equal(code, 2, wrong.join(' '));
    assert.ok(JSON.parse(out).error.remedy);
  }
});
