import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseGoUrl } from './go-url.ts';

test('what Go takes for a URL is taken apart as Go does it', () => {
  for (const [text, parts] of [
    ['https://a:b@x:80/p?q=1#f%20g', { scheme: 'https', user: 'a:b', host: 'x:80', query: 'q=1', fragment: 'f g' }],
    ['HTTPS://x?', { scheme: 'https', user: undefined, host: 'x', query: '', fragment: '' }],
    ['unix:///run/kms.sock', { scheme: 'unix', user: undefined, host: '', query: '', fragment: '' }],
    ['mailto:a@b', { scheme: 'mailto', user: undefined, host: '', query: '', fragment: '' }],
    ['//x/y', { scheme: '', user: undefined, host: 'x', query: '', fragment: '' }],
    ['///x', { scheme: '', user: undefined, host: '', query: '', fragment: '' }],
    ['https://exa<mple:99999', { scheme: 'https', user: undefined, host: 'exa<mple:99999', query: '', fragment: '' }],
    ['https://[fe80::1%25en0]:443/', { scheme: 'https', user: undefined, host: '[fe80::1%25en0]:443', query: '', fragment: '' }],
    ['etcd://a:1,b:2', { scheme: 'etcd', user: undefined, host: 'a:1,b:2', query: '', fragment: '' }],
    ['', { scheme: '', user: undefined, host: '', query: '', fragment: '' }],
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
    ['https://[::g]', 'invalid host: ParseAddr("::g"): unable to parse IP'],
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
