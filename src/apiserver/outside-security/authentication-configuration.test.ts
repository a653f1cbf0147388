/** Verdicts and words are those of Kubernetes 1.36.4's own validation (apiserver/pkg/apis/apiserver). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthenticationConfiguration } from './authentication-configuration.ts';
import { pki } from './outside-fixture.ts';

const HEAD = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration' };
const ISSUER = { url: 'https://issuer.example.com', audiences: ['a'] };
const MAPPINGS = { username: { claim: 'sub', prefix: '' } };
const JWT = { issuer: ISSUER, claimMappings: MAPPINGS };

const readText = (text: string) => readAuthenticationConfiguration({ path: '/f', text, ownIssuers: ['https://own.example.com'] });
const read = (document: object) => readText(JSON.stringify({ ...HEAD, ...document }));
const refused = (document: object, why: string) =>
  assert.rejects(read(document), { code: 'CONFIGURATION_FILE', message: `--authentication-config /f: ${why}` });
const refusedJwt = (jwt: object, ...why: string[]) => {
  const whole = why.map((problem) => `jwt[0].${problem}`);
  return refused({ jwt: [{ ...JWT, ...jwt }] }, whole.length === 1 ? whole[0]! : `[${whole.join(', ')}]`);
};

test('every version is read, and a file may name no issuer', async () => {
  for (const version of ['v1', 'v1beta1', 'v1alpha1'])
    assert.equal((await read({ apiVersion: `apiserver.config.k8s.io/${version}`, jwt: [JWT] })).jwt.length, 1);
  for (const jwt of [undefined, null, []]) assert.deepEqual(await read({ jwt }), { jwt: [] });
  await assert.rejects(readText(''), { message: '--authentication-config /f: empty config data' });
});

test('issuers that are wrong are refused in upstream’s words', async () => {
  const url = (value: string, why: string) =>
    refusedJwt({ issuer: { ...ISSUER, url: value } }, `issuer.url: Invalid value: ${JSON.stringify(value)}: ${why}`);
  await url('x', 'URL scheme must be https');
  await url('https://a@x', 'URL must not contain a username or password');
  await url('https://x?q=1', 'URL must not contain a query');
  await url('https://x#f', 'URL must not contain a fragment');
  await url('https://x:y', 'parse "https://x:y": invalid port ":y" after host');
  await url('https://own.example.com', 'URL must not overlap with disallowed issuers: [https://own.example.com]');
  const same = 'https://issuer.example.com//';
  await refusedJwt(
    { issuer: { ...ISSUER, discoveryURL: same } },
    `issuer.discoveryURL: Invalid value: "${same}": discoveryURL must be different from URL`,
  );
  await refused(
    { jwt: [null, {}] },
    `[${[0, 1]
      .flatMap((i) => [
        `jwt[${i}].issuer.url: Required value`,
        `jwt[${i}].issuer.audiences: Required value: at least one jwt[${i}].issuer.audiences is required`,
        `jwt[${i}].claimMappings.username: Required value: claim or expression is required`,
      ])
      .join(', ')}, jwt[1].issuer.url: Duplicate value: ""]`,
  );
  await refusedJwt(
    { issuer: { ...ISSUER, audiences: ['', ''] } },
    'issuer.audiences[0]: Required value',
    'issuer.audiences[1]: Required value',
    'issuer.audiences[1]: Duplicate value: ""',
    'issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
  );
  await refusedJwt(
    { issuer: { ...ISSUER, egressSelectorType: 'etcd' } },
    'issuer.egressSelectorType: Invalid value: "etcd": egress selector must be either controlplane or cluster',
  );
  await refusedJwt(
    { issuer: { ...ISSUER, egressSelectorType: 'cluster' } },
    'issuer.egressSelectorType: oidc: egress lookup required with egress selector type "cluster"',
  );
});

test('an issuer’s authority is taken when a certificate can be read from it', async () => {
  const { caPem } = pki;
  for (const certificateAuthority of [caPem, `# ours\n${caPem}`, caPem + caPem, caPem.replaceAll('\n', '\r\n')])
    await read({ jwt: [{ ...JWT, issuer: { ...ISSUER, certificateAuthority } }] });
  const none = 'data does not contain any valid RSA or ECDSA certificates';
  const begin = '-----BEGIN CERTIFICATE-----\n';
  for (const [certificateAuthority, why] of [
    ['x', none],
    [`x${caPem}`, none],
    [begin, none],
    [caPem.slice(0, -30), none],
    [caPem.replace(begin, `${begin}A: b\n\n`), none],
    [caPem.replaceAll('CERTIFICATE', 'PRIVATE KEY'), none],
    [`${begin}!!!!\n-----END CERTIFICATE-----\n`, none],
    [`${begin}AAAA\n-----END CERTIFICATE-----\n`, 'x509: malformed certificate'],
    [`${caPem}${begin}AAAA\n-----END CERTIFICATE-----\n`, 'x509: malformed certificate'],
  ] as const)
    await refusedJwt(
      { issuer: { ...ISSUER, certificateAuthority } },
      `issuer.certificateAuthority: Invalid value: "<omitted>": ${why}`,
    );
});

test('mappings that are wrong are refused in upstream’s words', async () => {
  const at = 'claimMappings';
  const mappings = (more: object, ...why: string[]) => refusedJwt({ claimMappings: { ...MAPPINGS, ...more } }, ...why);
  await mappings({ username: null }, `${at}.username: Required value: claim or expression is required`);
  await mappings(
    { username: { claim: 'x', prefix: null } },
    `${at}.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
  );
  await mappings(
    { groups: { claim: 'x', expression: 'claims.x' } },
    `${at}.groups: Invalid value: "": claim and expression can't both be set`,
  );
  await mappings(
    { uid: { claim: 'x', expression: 'claims.x' } },
    `${at}.uid: Invalid value: "": claim and expression can't both be set`,
  );
  const key = (name: string, ...why: string[]) =>
    mappings({ extra: [{ key: name, valueExpression: 'claims.x' }] }, ...why.map((problem) => `${at}.extra[0].key: ${problem}`));
  await key(
    'k8s.io/X',
    'Invalid value: "k8s.io/X": must be lowercase',
    'Invalid value: "k8s.io/X": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
  );
  await mappings(
    { extra: [{ key: 'example.org/a' }, { key: 'example.org/a' }] },
    `${at}.extra[0].valueExpression: Required value`,
    `${at}.extra[1].key: Duplicate value: "example.org/a"`,
  );
});

test('rules are compiled once, and loops go over no claim whose type nobody knows', async () => {
  const rules = (...expressions: string[]) => ({ claimValidationRules: expressions.map((expression) => ({ expression })) });
  await read({
    jwt: [{ ...JWT, ...rules('claims.x == 1 && claims.y', 'dyn(claims.x).all(i, i > 1)', 'claims.exists(c, c == "x")') }],
  });
  await refusedJwt(
    rules('1', '1'),
    'claimValidationRules[1].expression: Duplicate value: "1"',
    'claimValidationRules[0].expression: Invalid value: "1": must evaluate to bool',
  );
  await assert.rejects(
    read({ jwt: [{ ...JWT, ...rules('claims.x.all(i, i > 1)') }] }),
    /expression of type 'any' cannot be range of a comprehension \(must be list, map, or dynamic\)/,
  );
  await refusedJwt({ userValidationRules: [null] }, 'userValidationRules[0].expression: Required value');
});

test('an address counts as verified by expressions that can be compiled alone', async () => {
  const byAddress = { claimMappings: { username: { expression: 'claims.email' } } };
  const unverified =
    'claimMappings.username.expression: Invalid value: "claims.email": claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';
  await read({ jwt: [{ ...JWT, ...byAddress, claimValidationRules: [{ expression: 'claims.email_verified == true' }] }] });
  await refusedJwt(byAddress, unverified);
  await refusedJwt(
    { ...byAddress, claimValidationRules: [{ expression: 'claims.email_verified' }] },
    'claimValidationRules[0].expression: Invalid value: "claims.email_verified": must evaluate to bool',
    unverified,
  );
});

test('who may come without credentials is said by paths, or by none', async () => {
  const rule = async (anonymous: unknown) => (await read({ anonymous })).anonymous;
  assert.equal(await rule(null), undefined);
  assert.equal((await rule({}))!('/healthz'), false);
  assert.equal((await rule({ enabled: true, conditions: [] }))!('/x'), true);
  const some = (await rule({ enabled: true, conditions: [{ path: '/healthz' }, {}] }))!;
  assert.deepEqual([some('/healthz'), some('/healthz/etcd'), some('/x')], [true, false, false]);
  await refused(
    { anonymous: { conditions: [{ path: '/a' }, {}] } },
    'anonymous.conditions: Invalid value: [{"Path":"/a"},{"Path":""}]: enabled should be set to true when conditions are defined',
  );
});
