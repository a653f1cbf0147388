import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createStaticTokenAuthenticator, openStaticTokenFile, parseStaticTokens } from './static-token-file.ts';

const parse = (text: string) => Object.fromEntries(parseStaticTokens(text, 'tokens.csv'));

test('a line is token, user, uid and quoted groups', () => {
  assert.deepEqual(parse('0fb61c46f8991b718eb38d27b605b008,kubelet-bootstrap,10001,"system:kubelet-bootstrap"\n'), {
    '0fb61c46f8991b718eb38d27b605b008': { name: 'kubelet-bootstrap', uid: '10001', groups: ['system:kubelet-bootstrap'] },
  });
});

test('groups may be several, or none, and uid may be empty', () => {
  assert.deepEqual(parse('a,u,1,"g1, g2"\r\nb,v,\nc,w,3,g\n'), {
    a: { name: 'u', uid: '1', groups: ['g1', 'g2'] },
    b: { name: 'v', groups: [] },
    c: { name: 'w', uid: '3', groups: ['g'] },
  });
});

test('comments and empty lines are left out', () => {
  assert.deepEqual(parse('# token,user,uid\n\n   \n  # again\na,u,1\n'), { a: { name: 'u', uid: '1', groups: [] } });
});

for (const [text, why] of [
  ['a,u', /token auth file 'tokens.csv' line 1: must have at least 3 columns .*found 2$/],
  ['a,u,1\n,u,1', /line 2: the token is empty/],
  ['a,,1', /line 1: the user name is empty/],
  ['a,u,1,"g', /line 1: a quote is not closed/],
  ['a,u"x",1', /line 1: a quote/],
  ['# c\n\nEOF之后', /line 3: must have/],
] as const) {
  test(`${JSON.stringify(text)} is refused with its place`, () => {
    assert.throws(() => parse(text), why);
  });
}

test('a file that is not there is named', () => {
  assert.throws(() => openStaticTokenFile('/nonexistent/tokens.csv'), /--token-auth-file: cannot read \/nonexistent\/tokens.csv/);
});

test('any text is a token, quoted if need be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1 }).filter((text) => !/[\r\n]/.test(text) && text.trim() === text),
      async (token) => {
        const tokens = createStaticTokenAuthenticator(parseStaticTokens(`"${token.replaceAll('"', '""')}",u,1`, 'f'));
        assert.deepEqual((await tokens.authenticateToken(token))?.user.name, 'u');
        assert.equal(await tokens.authenticateToken(`${token}x`), undefined);
      },
    ),
    { verbose: true },
  );
});
