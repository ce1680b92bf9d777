import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resembles } from './likeness.ts';

const EXAMPLE = 'One Sunday, Glen met Petra at the zoo. Glen brought a key to';

test('an edited prompt is a version of its example, another prompt is not', () => {
  assert.ok(resembles(EXAMPLE, EXAMPLE));
  assert.ok(resembles('One Monday, Ruth met Petra at the zoo. Ruth brought a key to', EXAMPLE));
  assert.ok(resembles('One Sunday, Glen met Petra at the zoo. Glen', EXAMPLE), 'half typed');
  assert.ok(!resembles('When Simon and Ruth were at the castle, Ruth gave a wheel to', EXAMPLE));
  assert.ok(!resembles('W', EXAMPLE));
  assert.ok(resembles('大的反义词是', '小的反义词是'), 'a character changed');
  assert.ok(!resembles('37 + 48 =', '小的反义词是'));
});
