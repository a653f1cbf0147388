import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { createTokenSigner, createTokenVerifier, legacyTokenClaims, type TokenClaims } from '../../pki/service-account-token.ts';
import { VirtualClock } from '../../std/clock.ts';
import { countedReads } from '../../std/counted-reads.test-support.ts';
import { silentLogger } from '../../std/logger.ts';
import type { ObjectWriter } from '../contracts.ts';
import { LegacyTokenUses } from './legacy-token-uses.ts';
import { createServiceAccountTokenAuthenticator } from './service-account-token.ts';
import { withSignatureCache } from './token-claims-cache.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const now = NOW / 1000;
const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const KEY = newKey();
const signer = createTokenSigner(KEY);
const BOUND = { namespace: 'ns', serviceaccount: { name: 'sa', uid: 'uid-sa' } };
const CLAIMS: TokenClaims = {
  iss: 'https://issuer',
  sub: 'system:serviceaccount:ns:sa',
  aud: ['https://issuer'],
  exp: now + 3600,
  nbf: now,
  iat: now,
  jti: 'id-1',
  'kubernetes.io': BOUND,
};

function setUp(lookup = true) {
  const objects = new MemoryObjects();
  objects.put(serviceAccountKind, { metadata: { name: 'sa', namespace: 'ns' } });
  objects.put(podKind, { metadata: { name: 'web', namespace: 'ns' } });
  objects.put(secretKind, { metadata: { name: 'sec', namespace: 'ns' } });
  objects.put(nodeKind, { metadata: { name: 'n1' } });
  const clock = new VirtualClock(NOW);
  const verifier = withSignatureCache(createTokenVerifier([KEY]), 2);
  const tokens = createServiceAccountTokenAuthenticator(
    { issuers: ['https://issuer', 'https://old'], apiAudiences: ['https://issuer'], lookup },
    { verifier, reader: objects, clock },
  );
  return { objects, clock, tokens, of: (claims: TokenClaims) => tokens.authenticateToken(signer.sign(claims)) };
}

test('audiences that are asked for are not gone through for each of a token’s', async () => {
  const many = Array.from({ length: 200 }, (_, i) => `a${i}`);
  const { list, reads } = countedReads(many);
  const answer = await setUp().tokens.authenticateToken(signer.sign({ ...CLAIMS, aud: many.toReversed() }), list);
  assert.deepEqual(answer?.audiences, many.toReversed());
  assert.ok(reads() <= 400, `${reads()} reads`);
});

test('a bound token is the account, its groups, and says by which token', async () => {
  assert.deepEqual(await setUp().of(CLAIMS), {
    user: {
      name: 'system:serviceaccount:ns:sa',
      uid: 'uid-sa',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:ns'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=id-1'] },
    },
    audiences: ['https://issuer'],
  });
});

test('a token bound to a pod says so, and where the pod was', async () => {
  const bound = { ...BOUND, pod: { name: 'web', uid: 'uid-web' }, node: { name: 'gone', uid: 'uid-gone' } };
  const answer = await setUp().of({ ...CLAIMS, 'kubernetes.io': bound });
  assert.deepEqual(answer?.user.extra, {
    'authentication.kubernetes.io/pod-name': ['web'],
    'authentication.kubernetes.io/pod-uid': ['uid-web'],
    'authentication.kubernetes.io/node-name': ['gone'],
    'authentication.kubernetes.io/node-uid': ['uid-gone'],
    'authentication.kubernetes.io/credential-id': ['JTI=id-1'],
  });
});

test('a further accepted issuer is accepted; others are somebody else\u2019s tokens', async () => {
  const { of, tokens } = setUp();
  assert.ok(await of({ ...CLAIMS, iss: 'https://old' }));
  assert.equal(await of({ ...CLAIMS, iss: 'https://other' }), undefined);
  assert.equal(await tokens.authenticateToken('abcdef.0123456789abcdef'), undefined);
});

const rejected: Record<string, [TokenClaims, RegExp]> = {
  'that ended more than a minute ago': [{ ...CLAIMS, exp: now - 61 }, /expired/],
  'that begins in more than a minute': [{ ...CLAIMS, nbf: now + 61 }, /not valid yet/],
  'from the future': [{ ...CLAIMS, iat: now + 61 }, /issued in the future/],
  'without an end': [{ ...CLAIMS, exp: undefined }, /lacks a claim/],
  'with an end that is text': [{ ...CLAIMS, exp: '9999999999' as unknown as number }, /malformed exp/],
  'for another audience': [{ ...CLAIMS, aud: ['vault'] }, /target audiences/],
  'for no audience': [{ ...CLAIMS, aud: undefined }, /target audiences/],
  'whose sub is another account': [{ ...CLAIMS, sub: 'system:serviceaccount:ns:other' }, /does not match/],
  'without the account in it': [{ ...CLAIMS, 'kubernetes.io': undefined }, /lacks a claim/],
  'of an account that is not there': [
    { ...CLAIMS, sub: 'system:serviceaccount:ns:x', 'kubernetes.io': { ...BOUND, serviceaccount: { name: 'x', uid: 'u' } } },
    /ServiceAccount "ns\/x" does not exist/,
  ],
  'of an account made anew': [
    { ...CLAIMS, 'kubernetes.io': { ...BOUND, serviceaccount: { name: 'sa', uid: 'uid-before' } } },
    /has uid uid-sa/,
  ],
  'bound to a pod that is gone': [
    { ...CLAIMS, 'kubernetes.io': { ...BOUND, pod: { name: 'x', uid: 'u' } } },
    /Pod "ns\/x" does not/,
  ],
  'bound to a Secret made anew': [{ ...CLAIMS, 'kubernetes.io': { ...BOUND, secret: { name: 'sec', uid: 'u' } } }, /uid/],
  'bound to a node that is gone': [{ ...CLAIMS, 'kubernetes.io': { ...BOUND, node: { name: 'n2', uid: 'u' } } }, /Node "n2"/],
};
for (const [what, [claims, why]] of Object.entries(rejected)) {
  test(`a token ${what} is rejected`, async () => {
    await assert.rejects(setUp().of(claims), why);
  });
}

test('a token signed by another key is rejected', async () => {
  await assert.rejects(setUp().tokens.authenticateToken(createTokenSigner(newKey()).sign(CLAIMS)), /not signed by a known key/);
});

test('a known token is still looked at every time: it ends, and goes with its account', async () => {
  const { of, clock, objects } = setUp();
  assert.ok(await of(CLAIMS));
  objects.remove(serviceAccountKind, 'sa', 'ns');
  await assert.rejects(of(CLAIMS), /does not exist/);
  objects.put(serviceAccountKind, { metadata: { name: 'sa', namespace: 'ns' } });
  await clock.advance(3600_000 + 61_000);
  await assert.rejects(of(CLAIMS), /expired/);
});

test('a token outlives the start of its pod\u2019s deletion by a minute', async () => {
  const { of, clock, objects } = setUp();
  const claims = { ...CLAIMS, 'kubernetes.io': { ...BOUND, pod: { name: 'web', uid: 'uid-web' } } };
  objects.put(podKind, { metadata: { name: 'web', namespace: 'ns', deletionTimestamp: formatTime(NOW) } });
  await clock.advance(60_000);
  assert.ok(await of(claims));
  await clock.advance(1000);
  await assert.rejects(of(claims), /has been deleted/);
});

test('without lookup nothing need be there', async () => {
  const { of, objects } = setUp(false);
  objects.remove(serviceAccountKind, 'sa', 'ns');
  assert.ok(await of(CLAIMS));
});

const legacy = legacyTokenClaims({ namespace: 'ns', name: 'sa', uid: 'uid-sa', secretName: 'sa-token-abcde' });
const legacyToken = signer.sign(legacy);
const legacySecret = (token: string) => ({
  metadata: { name: 'sa-token-abcde', namespace: 'ns' },
  type: 'kubernetes.io/service-account-token',
  data: { token: Buffer.from(token).toString('base64') },
});

test('a legacy token counts while its Secret holds it, with no end', async () => {
  const { tokens, objects, clock } = setUp();
  await assert.rejects(tokens.authenticateToken(legacyToken), /secret "ns\/sa-token-abcde" has been removed/);
  objects.put(secretKind, legacySecret(legacyToken));
  await clock.advance(10 * 365 * 24 * 3600_000);
  const answer = await tokens.authenticateToken(legacyToken);
  assert.equal(answer?.user.name, 'system:serviceaccount:ns:sa');
  assert.deepEqual(answer?.audiences, ['https://issuer']);
  objects.put(secretKind, legacySecret('another'));
  await assert.rejects(tokens.authenticateToken(legacyToken), /is not the one in/);
});

test('the day on which a legacy token was last used is noted once; one that is marked invalid is refused', async () => {
  const { objects, clock } = setUp();
  const claims = legacyTokenClaims({ namespace: 'ns', name: 'sa', uid: 'uid-sa', secretName: 'sec' });
  const token = signer.sign(claims);
  const put = (labels: Record<string, string>) =>
    objects.put(secretKind, {
      metadata: { name: 'sec', namespace: 'ns', labels },
      data: { token: Buffer.from(token).toString('base64') },
    });
  put({});
  let writes = 0;
  const writer: Pick<ObjectWriter, 'modify'> = {
    async modify(_kind, namespace, name, change) {
      writes++;
      const changed = change(structuredClone(objects.get(secretKind, namespace, name)!))!;
      put(changed.metadata.labels ?? {});
      return changed;
    },
  };
  const tokens = createServiceAccountTokenAuthenticator(
    { issuers: [], apiAudiences: ['https://issuer'], lookup: true },
    {
      ...{ verifier: createTokenVerifier([KEY]), reader: objects, clock },
      uses: new LegacyTokenUses(writer, clock, silentLogger),
    },
  );
  const labels = () => objects.get(secretKind, 'ns', 'sec')!.metadata.labels;
  await Promise.all([tokens.authenticateToken(token), tokens.authenticateToken(token)]);
  await tokens.authenticateToken(token);
  assert.deepEqual([labels(), writes], [{ 'kubernetes.io/legacy-token-last-used': '2026-01-01' }, 1]);
  await clock.advance(86_400_000);
  await tokens.authenticateToken(token);
  assert.deepEqual([labels(), writes], [{ 'kubernetes.io/legacy-token-last-used': '2026-01-02' }, 2]);
  put({ 'kubernetes.io/legacy-token-last-used': '2026-01-03' });
  await tokens.authenticateToken(token);
  assert.equal(writes, 2, 'another server is ahead');
  put({ 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' });
  await assert.rejects(tokens.authenticateToken(token), {
    message: /^the token in secret ns\/sec for service account ns\/sa has been marked invalid\./,
  });
});

test('a legacy token is for no other audience, and goes with its account', async () => {
  const { tokens, objects } = setUp();
  objects.put(secretKind, legacySecret(legacyToken));
  await assert.rejects(tokens.authenticateToken(legacyToken, ['vault']), /audiences/);
  objects.remove(serviceAccountKind, 'sa', 'ns');
  await assert.rejects(tokens.authenticateToken(legacyToken), /ServiceAccount "ns\/sa" does not exist/);
});
