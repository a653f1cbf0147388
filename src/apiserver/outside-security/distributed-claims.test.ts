import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock as clock } from '../../std/clock.ts';
import { createJwtAuthenticator } from '../authentication/oidc/jwt-authenticator.ts';
import { ec, jwk, rsa, serve, startIssuer, token } from './outside-fixture.ts';

/** Somebody else, who knows groups: signs them with keys of his own. */
async function startGroupIssuer(claims: object) {
  let url = '';
  const tokens: (string | undefined)[] = [];
  const server = await serve((path, _body, headers) => {
    if (path === '/keys') return { keys: [jwk(ec.publicKey, 'e1', 'ES256')] };
    if (path !== '/groups') return { issuer: url, jwks_uri: `${url}/keys` };
    tokens.push(headers.authorization);
    const exp = Math.floor(Date.now() / 1000) + 600;
    return Buffer.from(token({ iss: url, aud: 'muster', exp, ...claims }, ec.privateKey, { alg: 'ES256', kid: 'e1' }));
  });
  url = server.url;
  return { ...server, tokens };
}

async function authenticate(
  issuer: Awaited<ReturnType<typeof startIssuer>>,
  more: object,
  config: Parameters<typeof issuer.config>[0] = {},
) {
  const authenticator = createJwtAuthenticator(issuer.config(config), clock);
  const signed = token(issuer.claims(more), rsa.privateKey, { alg: 'RS256', kid: 'r1' });
  return (await authenticator.authenticateToken(signed, []))?.user;
}

const pointing = (endpoint: string) => ({
  groups: undefined,
  _claim_names: { groups: 'src' },
  _claim_sources: { src: { endpoint, access_token: 'for-groups' } },
});

test('groups that a token only points to are fetched, and believed when their own issuer signed them', async () => {
  await using issuer = await startIssuer();
  await using others = await startGroupIssuer({ groups: ['far', 'away'] });
  const user = await authenticate(issuer, pointing(`${others.url}/groups`));
  assert.deepEqual(user?.groups, ['oidc:far', 'oidc:away']);
  assert.deepEqual(others.tokens, ['Bearer for-groups']);
});

test('groups in the token itself count, and nobody is asked; claims packed into the token are passed over', async () => {
  await using issuer = await startIssuer();
  await using others = await startGroupIssuer({ groups: ['far'] });
  const own = await authenticate(issuer, { ...pointing(`${others.url}/groups`), groups: ['near'] });
  assert.deepEqual(own?.groups, ['oidc:near']);
  const packed = { groups: undefined, _claim_names: { groups: 'src' }, _claim_sources: { src: { JWT: 'a.b.c' } } };
  assert.deepEqual((await authenticate(issuer, packed))?.groups, []);
  const unconfigured = await authenticate(issuer, pointing(`${others.url}/groups`), { groups: undefined });
  assert.deepEqual(unconfigured?.groups, []);
  assert.deepEqual(others.tokens, []);
});

test('what cannot be fetched or believed refuses the token, and says why', async () => {
  await using issuer = await startIssuer();
  const refused = async (more: object, why: RegExp) => assert.rejects(authenticate(issuer, more), why);
  {
    await using others = await startGroupIssuer({ groups: ['far'], aud: 'somebody else' });
    await refused(
      pointing(`${others.url}/groups`),
      /could not expand distributed claims: verify distributed claim token: .*audience/,
    );
    const several = issuer.config().issuer;
    const user = await authenticate(issuer, pointing(`${others.url}/groups`), {
      issuer: { ...several, audiences: ['muster', 'other'] },
    });
    assert.deepEqual(user?.groups, ['oidc:far']);
  }
  {
    await using others = await startGroupIssuer({ words: ['far'] });
    await refused(pointing(`${others.url}/groups`), /did not contain claim: groups/);
    await refused(pointing(`${others.url}/keys`), /getting untrusted issuer from endpoint/);
  }
  await refused(pointing('http://127.0.0.1/groups'), /no https address/);
  await refused({ groups: undefined, _claim_names: { groups: 'src' } }, /verify token: oidc: source does not exist/);
  await refused({ groups: undefined, _claim_names: 'x', _claim_sources: {} }, /verify token: oidc: failed to unmarshal claims/);
  await refused(
    { groups: undefined, _claim_names: { groups: 'src' }, _claim_sources: {} },
    /verify token: oidc: source does not exist/,
  );
  const strange = { groups: { toString: 1 } };
  await refused({ groups: undefined, _claim_names: strange, _claim_sources: {} }, /verify token: oidc: failed to obtain source/);
});
