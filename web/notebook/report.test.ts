import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Finding, isFinding } from './finding.ts';
import { type ReportWords, reportHtml, reportMarkdown } from './report.ts';

const words: ReportWords = {
  lang: 'zh-Hant',
  title: 'Report',
  made: 'Made',
  prompt: 'Prompt',
  command: 'Command',
  open: 'Open',
  rows: (shown, total) => `${shown} of ${total}`,
  source: ({ model }) => model,
  date: (iso) => iso.slice(0, 10),
};
const context = { page: 'http://127.0.0.1:4567/', at: '2026-11-20T12:00:00Z' };

const finding: Finding = {
  id: 'a',
  panel: 'graph',
  title: 'Attribution graph',
  about: 'From prompt to answer',
  prompt: 'a < b & `c`',
  fragment: 'prompt=a+%3C+b&panel=graph',
  at: '2026-11-19T08:00:00Z',
  svg: '<svg xmlns="http://www.w3.org/2000/svg"><text>(1)</text></svg>',
  table: {
    columns: ['source', 'weight (logits)'],
    rows: [
      ['x|y', 0.123456789],
      ['z', null],
    ],
    total: 40,
  },
  source: {
    model: 'glassbox-atlas',
    modelHash: 'f'.repeat(64),
    dataHash: null,
    seed: null,
    glassboxVersion: '0.1.0',
    commit: null,
    command: "glassbox trace 'a < b & `c`'",
  },
  note: 'It <b>works</b>.',
};

test('a report holds everything and nothing that runs or is fetched', () => {
  const html = reportHtml([finding], words, context);
  assert.match(html, /<html lang="zh-Hant">/);
  assert.match(html, /a &lt; b &amp; `c`/);
  assert.match(html, /It &lt;b&gt;works&lt;\/b&gt;\./);
  assert.match(html, /2 of 40/);
  assert.match(html, /<td>0\.123457<\/td>/);
  assert.match(html, /href="http:\/\/127\.0\.0\.1:4567\/#prompt=a\+%3C\+b&amp;panel=graph"/);
  assert.match(html, /<img alt="Attribution graph" src="data:image\/svg\+xml/);
  assert.doesNotMatch(html, /<script|<link|<iframe/);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
  assert.ok(addresses.every((address) => /^(data:|http:\/\/127\.0\.0\.1)/.test(address)));
});

test('whatever a finding says, the report’s own structure stays', () => {
  const text = fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '`', '|', '\n', 'a') });
  fc.assert(
    fc.property(text, text, text, (title, note, prompt) => {
      const html = reportHtml([{ ...finding, title, note, prompt }], words, context);
      assert.equal(html.match(/<section>/g)?.length, 1);
      assert.equal(html.match(/<h2>/g)?.length, 1);
      assert.equal(html.match(/<img /g)?.length, 1);
      const markdown = reportMarkdown([{ ...finding, title, note: '', prompt }], words, context);
      assert.equal(markdown.match(/^## /gm)?.length, 1);
      assert.equal(markdown.match(/^\| --- \|/gm)?.length ?? 1, 1);
    }),
  );
});

test('Markdown: the note as written, cells that cannot leave their column', () => {
  const markdown = reportMarkdown([finding], words, context);
  assert.match(markdown, /^# Report$/m);
  assert.match(markdown, /^It <b>works<\/b>\.$/m);
  assert.match(markdown, /^\| x\\\|y \| 0\\\.123457 \|$/m);
  assert.match(markdown, /`` a < b & `c` ``/);
  assert.match(markdown, /^\[Open\]\(<http:\/\/127\.0\.0\.1:4567\/#prompt=/m);
  assert.doesNotMatch(markdown, /\]\(data:[^)]*\([^)]*\)/);
});

test('only findings are read back', () => {
  assert.ok(isFinding(JSON.parse(JSON.stringify(finding))));
  assert.ok(isFinding({ ...finding, svg: null, table: null, source: null }));
  for (const bad of [
    null,
    [],
    {},
    { ...finding, note: 3 },
    { ...finding, svg: {} },
    { ...finding, table: { columns: ['a'], rows: [[{}]], total: 1 } },
    { ...finding, source: { model: 'x' } },
  ]) {
    assert.equal(isFinding(bad), false, JSON.stringify(bad));
  }
});
