import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { AuthenticationV1TokenRequest } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { forbidden } from '../../api/machinery/status-error.ts';
import { createTokenSigner, createTokenVerifier } from '../../pki/service-account-token.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createServiceAccountTokenAuthenticator } from '../authentication/service-account-token.ts';
import type { Admission, AdmissionAttributes, RequestContext, ServerResponse } from '../contracts.ts';
import { createIssuerDiscovery } from './issuer-discovery.ts';
import { createTokenRequest } from './token-request.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const OPTIONS = { issuer: 'https://issuer', apiAudiences: ['https://issuer'] };
const verifier = createTokenVerifier([KEY]);

function setUp(
  options: { maxExpirationMs?: number; extendExpiration?: boolean } = {},
  refuse?: (attributes: AdmissionAttributes) => void,
  admit?: (attributes: AdmissionAttributes) => void,
) {
  const objects = new MemoryObjects();
  objects.put(serviceAccountKind, { metadata: { name: 'sa', namespace: 'ns' } });
  objects.put(nodeKind, { metadata: { name: 'n1' } });
  objects.put(podKind, { metadata: { name: 'web', namespace: 'ns' }, spec: { serviceAccountName: 'sa', nodeName: 'n1' } });
  objects.put(podKind, { metadata: { name: 'other', namespace: 'ns' }, spec: { serviceAccountName: 'default' } });
  objects.put(secretKind, { metadata: { name: 'sec', namespace: 'ns' } });
  const clock = new VirtualClock(NOW);
  const admission: Admission = {
    admit: async (attributes) => admit?.(attributes),
    validate: async (attributes) => refuse?.(attributes),
  };
  const handler = createTokenRequest(
    { ...OPTIONS, ...options },
    { signer: createTokenSigner(KEY), reader: objects, admission, clock },
  );
  const tokens = createServiceAccountTokenAuthenticator(
    { issuers: ['https://issuer'], apiAudiences: ['https://issuer'], lookup: true },
    { verifier, reader: objects, clock },
  );
  const warnings: string[] = [];
  const notes: [string, string][] = [];
  const ask = async (spec: object | undefined, { name = 'sa', verb = 'create', body = {} } = {}) => {
    warnings.length = 0;
    const context = {
      info: { verb, namespace: 'ns', name, subresource: 'token' },
      user: { name: 'jane', groups: [] },
      warnings,
      audit: { addAuditAnnotation: (key: string, value: string) => void notes.push([key, value]) },
      request: { query: new URLSearchParams(), headers: { 'user-agent': 'kubelet/v1' } },
    } as unknown as RequestContext;
    const object = { metadata: {}, ...(spec && { spec }), ...body } as DynamicObject;
    const answer = await handler.handle(context, object, {} as ServerResponse);
    assert.equal(answer?.status, 201);
    return answer.object as AuthenticationV1TokenRequest;
  };
  return { ask, tokens, clock, warnings, notes };
}

const POD = { apiVersion: 'v1', kind: 'Pod', name: 'web' };

test('a token is made for the API server and an hour, and is the account', async () => {
  const { ask, tokens } = setUp();
  const { kind, apiVersion, spec, status, metadata } = await ask(undefined);
  assert.deepEqual([apiVersion, kind], ['authentication.k8s.io/v1', 'TokenRequest']);
  assert.deepEqual(spec, { boundObjectRef: null, audiences: ['https://issuer'], expirationSeconds: 3600 });
  assert.equal(status?.expirationTimestamp, '2026-01-01T01:00:00Z');
  const { managedFields, ...rest } = metadata!;
  const time = '2026-01-01T00:00:00Z';
  assert.deepEqual(rest, { name: 'sa', namespace: 'ns', uid: 'uid-sa', creationTimestamp: time });
  const apiVersionOfRequest = 'authentication.k8s.io/v1';
  assert.deepEqual(managedFields, [
    {
      ...{ manager: 'kubelet', operation: 'Update', apiVersion: apiVersionOfRequest, time, subresource: 'token' },
      ...{ fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:expirationSeconds': {} } } },
    },
  ]);
  const answer = await tokens.authenticateToken(status!.token!);
  assert.equal(answer?.user.name, 'system:serviceaccount:ns:sa');
});

test('a token bound to a pod names pod and node', async () => {
  const { ask } = setUp();
  const { status, metadata } = await ask({
    boundObjectRef: { ...POD, uid: 'uid-web' },
    audiences: ['vault'],
    expirationSeconds: 3607,
  });
  assert.deepEqual(metadata!.managedFields![0]!.fieldsV1, {
    'f:spec': {
      'f:audiences': {},
      'f:boundObjectRef': { 'f:apiVersion': {}, 'f:kind': {}, 'f:name': {}, 'f:uid': {} },
      'f:expirationSeconds': {},
    },
  });
  const claims = verifier.verify(status!.token!)!;
  assert.deepEqual(claims.aud, ['vault']);
  assert.deepEqual([claims.iat, claims.nbf, claims.exp], [NOW / 1000, NOW / 1000, NOW / 1000 + 3607]);
  assert.deepEqual(claims['kubernetes.io'], {
    namespace: 'ns',
    node: { name: 'n1', uid: 'uid-n1' },
    pod: { name: 'web', uid: 'uid-web' },
    serviceaccount: { name: 'sa', uid: 'uid-sa' },
  });
});

test('a token may be bound to a Secret or a node', async () => {
  const { ask } = setUp();
  const bound = async (kind: string, name: string) =>
    verifier.verify((await ask({ boundObjectRef: { apiVersion: 'v1', kind, name } })).status!.token!)!['kubernetes.io']!;
  assert.deepEqual((await bound('Secret', 'sec')).secret, { name: 'sec', uid: 'uid-sec' });
  assert.deepEqual((await bound('Node', 'n1')).node, { name: 'n1', uid: 'uid-n1' });
});

test('no two tokens have one id', async () => {
  const { ask } = setUp();
  const id = async () => verifier.verify((await ask(undefined)).status!.token!)!.jti;
  assert.notEqual(await id(), await id());
});

test('longer than the longest allowed is cut, as upstream', async () => {
  const { ask, warnings } = setUp({ maxExpirationMs: 1800_000 });
  assert.equal((await ask({ expirationSeconds: 3600 })).spec!.expirationSeconds, 1800);
  assert.deepEqual(warnings, ['requested expiration of 3600 seconds shortened to 1800 seconds']);
  assert.equal((await ask({ expirationSeconds: 700 })).spec!.expirationSeconds, 700);
  assert.deepEqual(warnings, []);
});

test("pods' tokens of an hour work for a year where that is set, and say when they should have been read anew", async () => {
  const { ask } = setUp({ extendExpiration: true });
  const asked = async (spec: object) => {
    const { status } = await ask({ boundObjectRef: POD, expirationSeconds: 3607, ...spec });
    assert.equal(status!.expirationTimestamp, 'expirationSeconds' in spec ? '2026-01-01T01:00:00Z' : '2026-01-01T01:00:07Z');
    const claims = verifier.verify(status!.token!)!;
    return [
      claims.exp! - NOW / 1000,
      (claims['kubernetes.io']!.warnafter ?? 0) && claims['kubernetes.io']!.warnafter! - NOW / 1000,
    ];
  };
  assert.deepEqual(await asked({}), [365 * 24 * 3600, 3607]);
  assert.deepEqual(await asked({ expirationSeconds: 3600 }), [3600, 0], 'another time');
  assert.deepEqual(await asked({ audiences: ['https://issuer', 'vault'] }), [3607, 0], 'not for the API server alone');
  assert.deepEqual(await asked({ boundObjectRef: { ...POD, kind: 'Secret', name: 'sec' } }), [3607, 0], 'not of a pod');
});

test('the audit log learns which token was given', async () => {
  const { ask, notes } = setUp();
  const { jti } = verifier.verify((await ask(undefined)).status!.token!)!;
  assert.deepEqual(notes, [['authentication.kubernetes.io/issued-credential-id', `JTI=${jti}`]]);
});

test('the account may be named by its uid', async () => {
  const { ask } = setUp();
  await ask({}, { body: { metadata: { name: 'sa', namespace: 'ns', uid: 'uid-sa' } } });
  await assert.rejects(ask({}, { body: { metadata: { uid: 'old' } } }), {
    code: 409,
    message:
      'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "sa": the UID in the token request (old) does not match the UID of the service account (uid-sa)',
  });
});

test('what a token is bound to is found by its kind', async () => {
  const { ask } = setUp();
  await ask({ boundObjectRef: { kind: 'Pod', name: 'web' } });
  await ask({ boundObjectRef: { apiVersion: 'v2', kind: 'Pod', name: 'web' } });
  await ask({ boundObjectRef: { apiVersion: 'a/b/c', kind: 'Pod', name: 'web' } });
});

for (const [spec, options, message] of [
  [
    { expirationSeconds: 599 },
    {},
    /TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
  ],
  [{ expirationSeconds: 2 ** 32 + 1 }, {}, /may not specify a duration larger than 2\^32 seconds/],
  [{}, { name: 'gone' }, /serviceaccounts "gone" not found/],
  [
    {},
    { body: { metadata: { name: 'web' } } },
    /TokenRequest.authentication.k8s.io "sa" is invalid: metadata.name: Invalid value: "web": must match the service account name if specified/,
  ],
  [{}, { body: { metadata: { namespace: 'x' } } }, /the namespace of the provided object does not match the namespace sent/],
  [{ boundObjectRef: { ...POD, name: 'gone' } }, {}, /pods "gone" not found/],
  [{ boundObjectRef: { kind: 'Pod' } }, {}, /: Name parameter required\.$/],
  [{ boundObjectRef: { ...POD, apiVersion: 'a/b/c', kind: 'X' } }, {}, /cannot bind token to object of type \/, Kind=X/],
  [{ boundObjectRef: { ...POD, name: 'other' } }, {}, /cannot bind token for serviceaccount "sa" to pod running with different/],
  [
    { boundObjectRef: { ...POD, uid: 'old' } },
    {},
    /fulfilled on Pod "web": the UID in the bound object reference \(old\) does not match/,
  ],
  [
    { boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' } },
    {},
    /cannot bind token to object of type \/v1, Kind=ConfigMap/,
  ],
  [
    { boundObjectRef: { apiVersion: 'v1', kind: 'constructor', name: 'x' } },
    {},
    /cannot bind token to object of type \/v1, Kind=constructor/,
  ],
] as const) {
  test(`${JSON.stringify({ ...spec, ...options })} is refused`, async () => {
    await assert.rejects(setUp().ask(spec, options), message);
  });
}

test('admission is asked, with the account and what is requested', async () => {
  const { ask } = setUp({}, ({ kind, subresource, namespace, name, object }) => {
    throw forbidden(kind, name, JSON.stringify([subresource, namespace, (object as { spec?: unknown } | undefined)?.spec]));
  });
  await assert.rejects(ask({ audiences: ['a'] }), {
    message:
      'serviceaccounts "sa" is forbidden: ["token","ns",{"boundObjectRef":null,"audiences":["a"],"expirationSeconds":3600}]',
  });
});

test('who mutates sees what was asked for, who validates what is filled in: a node that names no audience means none', async () => {
  const seen: unknown[] = [];
  const note = ({ object }: AdmissionAttributes) => void seen.push(structuredClone(object?.['spec']));
  const { ask } = setUp({}, note, note);
  await ask({ boundObjectRef: POD });
  assert.deepEqual(seen, [
    { boundObjectRef: POD },
    { boundObjectRef: POD, audiences: ['https://issuer'], expirationSeconds: 3600 },
  ]);
});

test('keys are published where the issuer is an https URL, and nowhere else', async () => {
  const paths = createIssuerDiscovery({ issuer: 'https://host:6443/', verifier });
  assert.deepEqual([...paths.keys()], ['/.well-known/openid-configuration', '/openid/v1/jwks']);
  const bodies: string[] = [];
  const response = { writeHead() {}, end: (chunk: Buffer) => void bodies.push(chunk.toString()) } as unknown as ServerResponse;
  const asked = (method: string) => ({ request: { method } }) as RequestContext;
  for (const handler of paths.values()) await handler(asked('GET'), response);
  assert.equal(JSON.parse(bodies[0]!).jwks_uri, 'https://host:6443/openid/v1/jwks');
  assert.deepEqual(JSON.parse(bodies[0]!).id_token_signing_alg_values_supported, ['ES256']);
  assert.deepEqual(JSON.parse(bodies[1]!).keys, verifier.jwks.keys);
  for (const handler of paths.values()) await assert.rejects(handler(asked('HEAD'), response), { code: 405 });
  assert.equal(createIssuerDiscovery({ issuer: 'kubernetes', verifier }).size, 0);
});
