import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccess, type Visit } from './access.ts';

const TOKEN = 'a-long-random-text-of-tests';
const plain: Visit = {
  host: '127.0.0.1:5757',
  origin: undefined,
  site: undefined,
  token: undefined,
};
const code = (access: ReturnType<typeof createAccess>, visit: Partial<Visit>) =>
  access.refusal({ ...plain, ...visit })?.code ?? null;

test('only the exact host and origin pass', () => {
  const access = createAccess({ host: '127.0.0.1', port: 5757 });
  assert.equal(code(access, {}), null);
  assert.equal(code(access, { host: 'localhost:5757', origin: 'http://localhost:5757' }), null);
  for (const host of [
    undefined,
    '127.0.0.1',
    '127.0.0.1:80',
    'evil.example:5757',
    '127.0.0.1.nip.io:5757',
  ]) {
    assert.equal(code(access, { host }), 'foreign-host', String(host));
  }
  for (const origin of [
    'null',
    'http://evil.example',
    'https://127.0.0.1:5757',
    'http://127.0.0.1:5758',
    'http://127.0.0.1:5757.evil.example',
  ]) {
    assert.equal(code(access, { origin }), 'foreign-origin', origin);
  }
});

test('a request that a browser marks as from another site is refused', () => {
  const access = createAccess({ host: '127.0.0.1', port: 5757 });
  assert.equal(code(access, { site: 'cross-site' }), 'foreign-origin');
  assert.equal(code(access, { site: 'same-site' }), 'foreign-origin');
  assert.equal(code(access, { site: 'same-origin' }), null);
});

test('off loopback needs a long token, and the right one', () => {
  assert.throws(() => createAccess({ host: '0.0.0.0', port: 1 }), { code: 'token-needed' });
  const short = { host: '10.0.0.1', port: 1, token: 'short' };
  assert.throws(() => createAccess(short), { code: 'token-needed' });
  const access = createAccess({ host: '10.0.0.1', port: 5757, token: TOKEN });
  assert.equal(access.knows(undefined), false);
  assert.equal(access.knows(`${TOKEN}x`), false);
  assert.equal(access.knows(TOKEN), true);
  assert.equal(code(access, { host: '10.0.0.1:5757' }), null);
  assert.equal(code(access, { host: '127.0.0.1:5757' }), 'foreign-host');
});

test('a further origin passes with its host, and must be an origin', () => {
  const origin = 'https://lab.example.org';
  const access = createAccess({ host: '127.0.0.1', port: 5757, origins: [origin] });
  assert.equal(code(access, { host: 'lab.example.org', origin }), null);
  const wrong = { host: '127.0.0.1', port: 5757, origins: [`${origin}/path`] };
  assert.throws(() => createAccess(wrong), { code: 'bad-origin' });
});
