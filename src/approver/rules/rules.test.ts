import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../decide.ts';
import { address, csrOf, dns, joiningFacts, parsedAs, servingFacts } from '../facts.test-support.ts';
import type { RequestFacts } from '../request-facts.ts';
import type { Verdict } from '../rule.ts';
import { ALL_RULES } from './all-rules.ts';

type Case = [what: string, facts: RequestFacts, verdict: Verdict];
const { limits } = servingFacts();
const withExtra = (...ids: string[]) => csrOf({ extra: { 'authentication.kubernetes.io/credential-id': ids } });
/** When the Node was made, and when the request. */
const madeAt = (node: string, csr: string): Partial<RequestFacts> => ({
  node: { metadata: { name: 'node-1', creationTimestamp: node } },
  csr: { ...csrOf(), metadata: { name: 'csr-abcde', creationTimestamp: csr } },
});
const joining = (username: string, groups: string[]) =>
  joiningFacts({ csr: { ...joiningFacts().csr, spec: { ...joiningFacts().csr.spec, username, groups } } });

/** A request that was issued long ago, and when its Node was made. */
const joined = (node: string): RequestFacts => {
  const { node: made, csr } = madeAt(node, '2026-01-01T00:00:00Z');
  const { spec } = joiningFacts().csr;
  return joiningFacts({ node: made, csr: { ...csr!, spec, status: { certificate: 'x', ...APPROVED } } });
};
const APPROVED = { conditions: [{ type: 'Approved', status: 'True' }] };

/** For each rule what it is content with, and what not. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  'APV-101': [
    ['a serving request', servingFacts(), 'holds'],
    ['somebody else’s signer', servingFacts({ csr: csrOf({ signerName: 'example.com/own' }) }), 'broken'],
  ],
  'APV-102': [
    ['a node', servingFacts(), 'holds'],
    ['an administrator', servingFacts({ csr: csrOf({ username: 'admin' }) }), 'broken'],
    ['no name', servingFacts({ csr: csrOf({ username: 'system:node:' }) }), 'broken'],
    ['a name with a path in it', servingFacts({ csr: csrOf({ username: 'system:node:../a' }) }), 'broken'],
  ],
  'APV-103': [
    ['both groups', servingFacts(), 'holds'],
    ['not of the nodes', servingFacts({ csr: csrOf({ groups: ['system:authenticated'] }) }), 'broken'],
    ['not authenticated', servingFacts({ csr: csrOf({ groups: ['system:nodes'] }) }), 'broken'],
    ['a token needs only to be authenticated', joiningFacts(), 'holds'],
  ],
  'APV-104': [
    ['its own name', servingFacts(), 'holds'],
    ['a name that begins alike', servingFacts(parsedAs({ commonName: 'system:node:node-10' })), 'broken'],
    ['a token for a node', joiningFacts(), 'holds'],
    ['a token for an administrator', joiningFacts(parsedAs({ commonName: 'admin' })), 'broken'],
  ],
  'APV-105': [
    ['the nodes', servingFacts(), 'holds'],
    ['the masters as well', servingFacts(parsedAs({ organizations: ['system:nodes', 'system:masters'] })), 'broken'],
    ['nothing', servingFacts(parsedAs({ organizations: [] })), 'broken'],
  ],
  'APV-106': [
    ['CN and O', servingFacts(), 'holds'],
    ['a unit', servingFacts(parsedAs({ organizationalUnits: ['ops'] })), 'broken'],
    ['a country', servingFacts(parsedAs({ otherSubjectAttributes: ['2.5.4.6=DE'] })), 'broken'],
  ],
  'APV-107': [
    ['there', servingFacts(), 'holds'],
    ['not there yet', servingFacts({ node: undefined }), 'unproven'],
  ],
  'APV-108': [
    ['staying', servingFacts(), 'holds'],
    ['leaving', servingFacts({ node: { metadata: { name: 'node-1', deletionTimestamp: '2026-01-01T00:00:00Z' } } }), 'unproven'],
  ],
  'APV-109': [
    ['a certificate', servingFacts({ csr: withExtra('X509SHA256=aa') }), 'holds'],
    ['a server that records nothing', servingFacts(), 'holds'],
    ['a token', servingFacts({ csr: withExtra('JTI=aa') }), 'broken'],
    ['nothing, where others are recorded', servingFacts({ recordsCredentials: true }), 'unproven'],
  ],
  'APV-110': [
    ['a new node', joiningFacts(), 'holds'],
    ['a name that is taken', joiningFacts({ node: { metadata: { name: 'node-1' } } }), 'unproven'],
    ['a Node that came of it, in a report', joined('2026-01-01T00:00:09Z'), 'holds'],
    ['a Node that was there before it, in a report', joined('2025-01-01T00:00:00Z'), 'unproven'],
    ['one that may rejoin', joiningFacts({ node: {}, limits: { ...limits, allowRejoin: true } }), 'holds'],
  ],
  'APV-111': [
    ['expected', joiningFacts(), 'holds'],
    ['not expected', joiningFacts({ nodeExpected: false }), 'unproven'],
    ['nobody lists nodes', joiningFacts({ nodeExpected: undefined }), 'unproven'],
  ],
  'APV-112': [
    ['a token', joiningFacts(), 'holds'],
    ['a node that renews', joining('system:node:node-1', ['system:nodes', 'system:authenticated']), 'holds'],
    ['a user', joining('jane', ['system:bootstrappers', 'system:authenticated']), 'unproven'],
    ['a token without the group', joining('system:bootstrap:abcdef', ['system:authenticated']), 'unproven'],
  ],
  'APV-113': [
    ['asked after it registered', servingFacts(madeAt('2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z')), 'holds'],
    ['asked while it registered', servingFacts(madeAt('2026-01-01T00:01:00Z', '2026-01-01T00:00:00Z')), 'holds'],
    ['asked by a Node that is gone', servingFacts(madeAt('2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z')), 'unproven'],
    ['its Node was seen to go', servingFacts({ isOrphan: true }), 'unproven'],
  ],
  'APV-201': [
    ['readable', servingFacts(), 'holds'],
    [
      'not readable',
      servingFacts({ parsed: { ok: false, code: 'REQUEST_NOT_PEM', message: 'certificate request is not PEM' } }),
      'broken',
    ],
  ],
  'APV-202': [
    ['signed', servingFacts(), 'holds'],
    ['signed by another key', servingFacts(parsedAs({}, false)), 'broken'],
  ],
  'APV-203': [
    ['allowed', servingFacts(), 'holds'],
    [
      'RSA of 1024 bits',
      servingFacts({ parsed: { ok: false, code: 'DER_MALFORMED', message: 'public key: is an RSA key of 1024 bits' } }),
      'broken',
    ],
  ],
  'APV-204': [
    ['its own', servingFacts(), 'holds'],
    ['another node’s', servingFacts({ keyUsedBy: 'system:node:node-2' }), 'broken'],
  ],
  'APV-205': [
    ['names alone', servingFacts(), 'holds'],
    ['basic constraints', servingFacts(parsedAs({ extensionOids: ['2.5.29.17', '2.5.29.19'] })), 'broken'],
  ],
  'APV-206': [
    ['with key encipherment', servingFacts(), 'holds'],
    ['without', servingFacts({ csr: csrOf({ usages: ['digital signature', 'server auth'] }) }), 'holds'],
    ['client auth too', servingFacts({ csr: csrOf({ usages: ['digital signature', 'server auth', 'client auth'] }) }), 'broken'],
    ['none', servingFacts({ csr: csrOf({ usages: [] }) }), 'broken'],
  ],
  'APV-207': [
    ['not asked', servingFacts(), 'holds'],
    ['an hour', servingFacts({ csr: csrOf({ expirationSeconds: 3600 }) }), 'holds'],
    ['ten years', servingFacts({ csr: csrOf({ expirationSeconds: 10 * 365 * 86_400 }) }), 'broken'],
    ['a minute', servingFacts({ csr: csrOf({ expirationSeconds: 60 }) }), 'broken'],
  ],
  'APV-301': [
    ['two', servingFacts(), 'holds'],
    ['none', servingFacts({ names: [] }), 'broken'],
  ],
  'APV-302': [
    ['two', servingFacts(), 'holds'],
    ['seventeen', servingFacts({ names: Array.from({ length: 17 }, (_, i) => address(`10.0.0.${i + 1}`)) }), 'broken'],
  ],
  'APV-303': [
    ['neither', servingFacts(), 'holds'],
    ['a URI', servingFacts(parsedAs({ uris: ['spiffe://a'] })), 'broken'],
    ['an e-mail address', servingFacts(parsedAs({ emailAddresses: ['a@example.com'] })), 'broken'],
  ],
  'APV-304': [
    ['legal', servingFacts(), 'holds'],
    ...['Node-1', '*.example.com', '10.0.0.1', 'a..b', 'node-1.', 'a b', '1.2', '0x7f.1', '0x7f000001', '017.0.0.01'].map(
      (name): Case => [name, servingFacts({ names: [dns(name)] }), 'broken'],
    ),
    ...['face', '0xcafe.example', 'db8.fe80'].map((name): Case => [name, servingFacts({ names: [dns(name)] }), 'holds']),
  ],
  'APV-305': [
    ['legal', servingFacts(), 'holds'],
    [
      'loopback, where that is allowed',
      servingFacts({ names: [address('127.1.2.3')], limits: { ...limits, allowLoopback: true } }),
      'holds',
    ],
    [
      'localhost all the same',
      servingFacts({ names: [address('127.0.0.1')], limits: { ...limits, allowLoopback: true } }),
      'broken',
    ],
    ['of version 6', servingFacts({ names: [address('2001:db8::1'), address('fd00::1')] }), 'holds'],
    ...[
      '127.0.0.1',
      '169.254.1.1',
      '224.0.0.1',
      '0.0.0.0',
      '255.255.255.255',
      '::1',
      'fe80::1',
      'ff02::1',
      '::',
      '2001:DB8::1',
    ].map((value): Case => [value, servingFacts({ names: [address(value)] }), 'broken']),
  ],
  'APV-306': [
    ['none denied', servingFacts(), 'holds'],
    ['a denied one', servingFacts({ names: [dns('kubernetes', { denied: 'the API server’s' })] }), 'broken'],
    ['another node’s', servingFacts({ names: [address('10.0.0.2', { ownership: 'foreign', by: 'node-2' })] }), 'broken'],
    ['the API server’s, of which nobody says more', servingFacts({ names: [dns('api', { reserved: 'it is…' })] }), 'unproven'],
  ],
  'APV-307': [
    ['claimed once', servingFacts(), 'holds'],
    ['claimed twice', servingFacts({ names: [address('10.0.0.1', { ownership: 'contested' })] }), 'unproven'],
  ],
  'APV-308': [
    ['proven', servingFacts(), 'holds'],
    ['nobody says so', servingFacts({ names: [address('10.0.0.1', { ownership: 'unknown' })] }), 'unproven'],
    ['only the node says so', servingFacts({ names: [address('10.0.0.1', { ownership: 'consistent' })] }), 'unproven'],
    [
      'only the node, which the operator accepts',
      servingFacts({ names: [address('10.0.0.1', { ownership: 'consistent' })], limits: { ...limits, acceptNodeStatus: true } }),
      'holds',
    ],
    [
      'the same name as now',
      servingFacts({
        names: [address('10.0.0.1', { ownership: 'unknown' })],
        current: { names: ['10.0.0.1', 'node-1'], notAfterMs: 1 },
      }),
      'holds',
    ],
    [
      'one name more than now',
      servingFacts({
        names: [address('10.0.0.1', { ownership: 'unknown' }), address('10.0.0.2', { ownership: 'unknown' })],
        current: { names: ['10.0.0.1'], notAfterMs: 1 },
      }),
      'unproven',
    ],
    ['a source is away', servingFacts({ names: [address('10.0.0.1', { ownership: 'unavailable' })] }), 'unproven'],
  ],
  'APV-309': [
    ['none', joiningFacts(), 'holds'],
    ['one', joiningFacts({ names: [dns('node-1')] }), 'broken'],
  ],
  'APV-501': [
    ['the newest', servingFacts(), 'holds'],
    ['an older one', servingFacts({ newerRequest: 'csr-zzzzz' }), 'unproven'],
  ],
  'APV-502': [
    ['one', servingFacts(), 'holds'],
    ['a flood', servingFacts({ pendingOfNode: 21 }), 'unproven'],
  ],
};

for (const rule of ALL_RULES)
  test(`${rule.code} ${rule.sentence}`, () => {
    const cases = CASES[rule.code] ?? [];
    for (const [what, facts, verdict] of cases) {
      const finding = rule.check(facts);
      assert.equal(finding.verdict, verdict, `${what}: ${finding.seen}`);
      if (verdict !== 'holds') assert.notEqual(decide(facts).outcome, 'approve', what);
    }
    const verdicts = cases.map(([, , verdict]) => verdict);
    assert.ok(
      verdicts.includes('holds') && verdicts.some((verdict) => verdict !== 'holds'),
      'a case that passes and one that fails',
    );
  });

test('codes and names are there once, and codes come in order', () => {
  const codes = ALL_RULES.map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length);
  assert.deepEqual(codes, [...codes].sort());
  assert.equal(new Set(ALL_RULES.map(({ name }) => name)).size, codes.length);
  for (const { name } of ALL_RULES) assert.match(name, /^[A-Z][A-Za-z]+$/);
});
