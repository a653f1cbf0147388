import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { goEscapedPath, goHostParts, goQueryValues, goRequestUriProblem, parseGoUrl } from './go-url.ts';

test('what Go takes for a URL is taken apart as Go does it', () => {
  for (const [text, parts] of [
    ['https://a:b@x:80/p?q=1#f%20g', { scheme: 'https', user: 'a:b', host: 'x:80', path: '/p', query: 'q=1', fragment: 'f g' }],
    ['HTTPS://x?', { scheme: 'https', user: undefined, host: 'x', path: '', query: '', fragment: '' }],
    ['unix:///run/kms.sock', { scheme: 'unix', user: undefined, host: '', path: '/run/kms.sock', query: '', fragment: '' }],
    ['mailto:a@b', { scheme: 'mailto', user: undefined, host: '', path: '', query: '', fragment: '' }],
    ['//x/y', { scheme: '', user: undefined, host: 'x', path: '/y', query: '', fragment: '' }],
    ['///x', { scheme: '', user: undefined, host: '', path: '///x', query: '', fragment: '' }],
    ['https://exa<mple:99999', { scheme: 'https', user: undefined, host: 'exa<mple:99999', path: '', query: '', fragment: '' }],
    [
      'https://[fe80::1%25en0]:443/',
      { scheme: 'https', user: undefined, host: '[fe80::1%25en0]:443', path: '/', query: '', fragment: '' },
    ],
    ['etcd://a:1,b:2', { scheme: 'etcd', user: undefined, host: 'a:1,b:2', path: '', query: '', fragment: '' }],
    ['', { scheme: '', user: undefined, host: '', path: '', query: '', fragment: '' }],
  ] as const)
    assert.deepEqual(parseGoUrl(text), parts, text);
});

test('what Go refuses is refused in its words', () => {
  for (const [text, why] of [
    [':x', 'missing protocol scheme'],
    [' https://x', 'first path segment in URL cannot contain colon'],
    ['1https://x', 'first path segment in URL cannot contain colon'],
    ['https://x:y', 'invalid port ":y" after host'],
    ['https://a:1,b:2', 'invalid port ":1,b:2" after host'],
    ['https://[::1]:80x', 'invalid port ":80x" after host'],
    ['https://[::1', "missing ']' in host"],
    ['https://x[::1]', 'invalid IP-literal'],
    ['https://[::g]', 'invalid host: ParseAddr("::g"): each colon-separated field must have at least one digit (at "g")'],
    ['https://[1.2.3.4]', 'invalid IP-literal'],
    ['https://x y', 'invalid character " " in host name'],
    ['https://a b@x', 'net/url: invalid userinfo'],
    ['https://x%41', 'invalid URL escape "%41"'],
    ['https://x/%zz', 'invalid URL escape "%zz"'],
    ['%', 'invalid URL escape "%"'],
    ['https://x\n', 'net/url: invalid control character in URL'],
    ['https://x#%', 'invalid URL escape "%"'],
  ] as const)
    assert.throws(() => parseGoUrl(text), { message: `parse ${JSON.stringify(text)}: ${why}` });
});

test('what is no URI of a request is refused in the words of Go', () => {
  for (const [text, why] of [
    ['', 'empty url'],
    ['x', 'invalid URI for request'],
    ['x:80/p', undefined],
    ['1x:80', 'invalid URI for request'],
    ['http://a#b', 'invalid character "#" in host name'],
    ['http://::1/', 'invalid port "::1" after host'],
    ['/\u007f', 'net/url: invalid control character in URL'],
    ['//a b/%', 'invalid URL escape "%"'],
    ['//a b/', undefined],
    ['*', undefined],
  ] as const)
    assert.equal(goRequestUriProblem(text), why && `parse ${text === '/\u007f' ? '"/\\x7f"' : JSON.stringify(text)}: ${why}`);
});

test('hosts, paths and queries are taken apart as Go does it', () => {
  assert.deepEqual(goHostParts('[::1]:80'), { name: '::1', port: '80' });
  assert.deepEqual(goHostParts('a:x'), { name: 'a:x', port: '' });
  assert.equal(goEscapedPath("/a'(b)%2f[c]"), "/a'(b)%2f[c]");
  assert.equal(goEscapedPath('/é b!%41'), '/%C3%A9%20b%21A');
  assert.deepEqual(goQueryValues('a+b=c%20d&x=%zz&y;z=1&&e&=f'), [
    ['a b', 'c d'],
    ['e', ''],
    ['', 'f'],
  ]);
});

test('any text is either taken apart or refused by name', () => {
  const piece = fc.constantFrom(
    'https',
    ':',
    '/',
    '//',
    '@',
    '[',
    ']',
    '%',
    '%25',
    '%41',
    '::1',
    '?',
    '#',
    ' ',
    'x',
    '80',
    '{',
    '\u00e9',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        try {
          assert.equal(typeof parseGoUrl(text).scheme, 'string');
        } catch (error) {
          assert.match((error as Error).message, /^parse ".*": ./s);
        }
      },
    ),
  );
});
