import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from './csv.ts';

test('cells are quoted where they must be, numbers stay exact', () => {
  const rows = [
    ['token', 'loss (nats)'],
    [' a', 0.1 + 0.2],
    ['"b", c', null],
    ['d\ne', Number.NaN],
  ];
  assert.equal(
    toCsv(rows),
    'token,loss (nats)\r\n" a",0.30000000000000004\r\n"""b"", c",\r\n"d\ne",\r\n',
  );
});

test('a token that looks like a formula stays text', () => {
  assert.equal(toCsv([['=1+1'], ['-'], ['@x']]), "'=1+1\r\n'-\r\n'@x\r\n");
});
