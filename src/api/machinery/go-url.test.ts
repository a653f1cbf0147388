import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoUrl } from './go-url.ts';

test('URLs fall into the parts that Go sees', () => {
  const none = { scheme: '', host: '', user: undefined, query: '', fragment: '' };
  const cases: [string, object][] = [
    ['', none],
    ['a.b/c', none],
    ['HTTPS://a.b:443/c', { ...none, scheme: 'https', host: 'a.b:443' }],
    ['https://[::1]:80', { ...none, scheme: 'https', host: '[::1]:80' }],
    ['https://', { ...none, scheme: 'https' }],
    ['https:///x', { ...none, scheme: 'https' }],
    ['mailto:a@b', { ...none, scheme: 'mailto' }],
    ['//a/b', { ...none, host: 'a' }],
    ['https://u:p@a?q=1#f%20g', { scheme: 'https', host: 'a', user: 'u:p', query: 'q=1', fragment: 'f g' }],
    ['https://a?#', { ...none, scheme: 'https', host: 'a' }],
  ];
  for (const [text, parts] of cases) assert.deepEqual(parseGoUrl(text), parts, text);
});

test('what Go takes for no URL is refused in its words', () => {
  const cases: [string, string][] = [
    [':x', 'parse ":x": missing protocol scheme'],
    ['a:b/c', ''],
    ['1:b', 'parse "1:b": first path segment in URL cannot contain colon'],
    ['https://a:b', 'parse "https://a:b": invalid port ":b" after host'],
    ['https://a b', 'parse "https://a b": invalid character " " in host name'],
    ['https://a%41', 'parse "https://a%41": invalid URL escape "%41"'],
    ['https://[::1', 'parse "https://[::1": missing \']\' in host'],
    ['https://a/%zz', 'parse "https://a/%zz": invalid URL escape "%zz"'],
    ['https://u p@a', 'parse "https://u p@a": net/url: invalid userinfo'],
    ['https://a\n', 'parse "https://a\\n": net/url: invalid control character in URL'],
  ];
  for (const [text, error] of cases) {
    const parsed = parseGoUrl(text);
    assert.equal('error' in parsed ? parsed.error : '', error, text);
  }
});
