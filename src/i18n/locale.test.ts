import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiateLocale } from './locale.ts';

const CASES: readonly (readonly [requested: string[], locale: string])[] = [
  [['zh-TW'], 'zh-Hant'],
  [['zh-HK'], 'zh-Hant'],
  [['zh-MO'], 'zh-Hant'],
  [['yue'], 'zh-Hant'],
  [['zh-Hant-CN'], 'zh-Hant'],
  [['zh'], 'zh-Hans'],
  [['zh-CN'], 'zh-Hans'],
  [['zh-SG'], 'zh-Hans'],
  [['zh-Hans-TW'], 'zh-Hans'],
  [['en-GB', 'zh-TW'], 'en'],
  [['fr', 'zh-TW', 'en'], 'zh-Hant'],
  [['ja'], 'en'],
  [['not a tag', '', 'zh-TW'], 'zh-Hant'],
  [[], 'en'],
];

for (const [requested, locale] of CASES) {
  test(`[${requested.join(', ')}] reads ${locale}`, () => {
    assert.equal(negotiateLocale(requested), locale);
  });
}
