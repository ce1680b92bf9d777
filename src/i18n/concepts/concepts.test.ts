import assert from 'node:assert/strict';
import { test } from 'node:test';
import { worldConcepts } from '../../organisms/labels/concepts.ts';
import { createTokenizer } from '../../organisms/tokenizer.ts';
import { createWorld } from '../../organisms/world/world.ts';
import { conceptWords } from './index.ts';

test('every planted concept has words of its own in both Chinese languages', async () => {
  const world = createWorld();
  const { concepts } = worldConcepts(world, createTokenizer(world));
  assert.ok(concepts.length > 400);
  for (const locale of ['zh-Hant', 'zh-Hans'] as const) {
    const words = await conceptWords(locale);
    const seen = new Map<string, string>();
    for (const { id, label } of concepts) {
      const text = words(id);
      assert.ok(text && /\p{Script=Han}/u.test(text), `${locale}: ${id} is not translated`);
      // Two concepts with the same words could not be told apart.
      assert.equal(seen.get(text), undefined, `${locale}: ${id} and ${seen.get(text)}: ${text}`);
      seen.set(text, id);
      // Names of the world and numbers stand in every language as they are.
      const name = /^(?:state|place-of|thing-of|next-fact)\/(.+)$/.exec(id)?.[1];
      if (name) assert.ok(text.includes(name) && label.includes(name));
      const number = /=(\d+)$/.exec(id)?.[1];
      if (number) assert.ok(text.includes(number));
    }
    assert.equal(words('no/such'), undefined);
    assert.equal(words('word/no-such'), undefined);
  }
  const english = await conceptWords('en');
  assert.equal(english('turn/system'), undefined);
});

test('the two languages differ by vocabulary', async () => {
  const [hant, hans] = [await conceptWords('zh-Hant'), await conceptWords('zh-Hans')];
  assert.deepEqual([hant('turn/user'), hans('turn/user')], ['使用者訊息之中', '用户消息之内']);
  assert.deepEqual(
    [hant('io/object'), hans('io/object')].map((text) => text?.slice(0, 4)),
    ['間接受詞', '间接宾语'],
  );
});

test('tokens that a concept narrows down stand before its words as they are', async () => {
  const words = await conceptWords('zh-Hant');
  const concept = words('turn/user');
  assert.equal(words("'.', ' & ' & turn/user"), `'.', ' & ' & ${concept}`);
  assert.equal(words("'.' & no/such"), undefined);
  assert.equal(words("before '7', ' after '"), "後接 '7', ' after '");
  assert.equal(words("' the' & after ' to'"), "' the' & 前接 ' to'");
  assert.equal(words("? after ' state' & turn/user"), `? 前接 ' state' & ${concept}`);
  assert.equal(words("' ='"), undefined);
});
