import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCALES, loadMessages } from './locale.ts';

type Tree = { readonly [key: string]: string | ((...args: string[]) => string) | Tree };

/** All texts by dotted key; a function is called with its own parameters' numbers as words. */
function flatten(tree: Tree, prefix = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const name = prefix + key;
    if (typeof value === 'string') out.set(name, value);
    else if (typeof value === 'function') {
      out.set(name, value(...Array.from({ length: value.length }, (_, i) => `{${i}}`)));
    } else for (const [inner, text] of flatten(value, `${name}.`)) out.set(inner, text);
  }
  return out;
}

async function texts(locale: (typeof LOCALES)[number]): Promise<Map<string, string>> {
  return flatten((await loadMessages(locale)) as unknown as Tree);
}

/** The two vocabularies: a word of Taiwan and the word that mainland China uses for the same. */
const VOCABULARY: readonly (readonly [hant: string, hans: string])[] = [
  ['檔案', '文件'],
  ['程式', '程序'],
  ['程式碼', '代码'],
  ['預設', '默认'],
  ['匯出', '导出'],
  ['匯入', '导入'],
  ['連結', '链接'],
  ['資料', '数据'],
  ['設定', '设置'],
  ['載入', '加载'],
  ['介入', '干预'],
  ['機率', '概率'],
  ['信賴區間', '置信区间'],
  ['執行', '运行'],
  ['滑鼠', '鼠标'],
  ['螢幕', '屏幕'],
  ['視窗', '窗口'],
  ['資訊', '信息'],
  ['儲存', '保存'],
  ['列印', '打印'],
  ['快速鍵', '快捷键'],
  ['字元', '字符'],
  ['向量空間', '矢量空间'],
  ['伺服器', '服务器'],
  ['網路', '网络'],
  ['記憶體', '内存'],
  ['巢狀', '嵌套'],
  ['品質', '质量'],
];

/** The same mainland words written in Traditional characters, and the other way round. */
const CONVERTED_TO_HANT =
  /默認|代碼|導出|導入|鏈接|數據|設置|加載|干預|概率|置信區間|運行|鼠標|屏幕|窗口|信息|打印|快捷鍵|字符|服務器|網絡|內存|嵌套/;
const CONVERTED_TO_HANS =
  /档案|程式|预设|汇出|汇入|连结|资料|设定|载入|介入|机率|信赖区间|执行|滑鼠|荧幕|视窗|资讯|储存|列印|快速键|字元|伺服器|网路|记忆体|巢状/;
const ONLY_HANS = /[们这个为发过时对开关题显词头语应图层数据导载项码环统间输]/;
const ONLY_HANT = /[們這個為發過時對開關題顯詞頭語應圖層數據導載項碼環統間輸]/;

test('every language has the keys of English, each with a text', async () => {
  const english = await texts('en');
  assert.ok(english.size > 40);
  for (const locale of LOCALES) {
    const own = await texts(locale);
    assert.deepEqual([...own.keys()].sort(), [...english.keys()].sort(), locale);
    for (const [key, text] of own) assert.notEqual(text.trim(), '', `${locale} ${key}`);
  }
});

test('a parameter of the English text appears in every language', async () => {
  for (const [key, text] of await texts('en')) {
    const wanted = text.match(/\{\d\}/g) ?? [];
    for (const locale of LOCALES) {
      const own = (await texts(locale)).get(key) ?? '';
      for (const hole of wanted) assert.ok(own.includes(hole), `${locale} ${key} lacks ${hole}`);
    }
  }
});

test('the Chinese languages differ in vocabulary, not in characters only', async () => {
  const hant = await texts('zh-Hant');
  const hans = await texts('zh-Hans');
  let differing = 0;
  for (const [key, text] of hant) {
    const other = hans.get(key) ?? '';
    assert.doesNotMatch(text, ONLY_HANS, `zh-Hant ${key}`);
    assert.doesNotMatch(other, ONLY_HANT, `zh-Hans ${key}`);
    assert.doesNotMatch(text, CONVERTED_TO_HANT, `zh-Hant ${key} uses a mainland word`);
    assert.doesNotMatch(other, CONVERTED_TO_HANS, `zh-Hans ${key} uses a Taiwan word`);
    if (VOCABULARY.some(([a, b]) => text.includes(a) && other.includes(b))) differing++;
  }
  assert.ok(differing >= 8, `only ${differing} texts differ by vocabulary`);
});

test('what stays in Latin letters in Chinese is a unit or a symbol', async () => {
  for (const locale of ['zh-Hant', 'zh-Hans'] as const) {
    for (const [key, text] of await texts(locale)) {
      const words = text.replaceAll(/\{\d\}/g, '').match(/[A-Za-z]{2,}/g) ?? [];
      if (/\p{Script=Han}/u.test(text)) continue;
      assert.ok(
        words.every((word) => /^(logits?|KL|MLP|SAE)$/i.test(word)),
        `${locale} ${key} is not translated: ${text}`,
      );
    }
  }
});
