import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csrOf } from './facts.test-support.ts';
import { PastRequests } from './past-requests.ts';

const NODE = { username: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] };
const SPEC = { ...csrOf().spec, request: 'cGVt' };
const event = (changes: object) =>
  JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    stage: 'ResponseComplete',
    verb: 'create',
    user: NODE,
    requestURI: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    objectRef: { resource: 'certificatesigningrequests', apiGroup: 'certificates.k8s.io', apiVersion: 'v1' },
    responseStatus: { code: 201 },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    ...changes,
  });
const made = (name: string, spec: object = SPEC) =>
  event({ responseObject: { metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' }, spec } });
const decided = (name: string, status: object) =>
  event({
    verb: 'update',
    responseStatus: { code: 200 },
    objectRef: { resource: 'certificatesigningrequests', name, subresource: 'approval' },
    responseObject: { status },
  });
const read = (...lines: string[]) => {
  const past = new PastRequests();
  for (const line of lines) past.add(line);
  return past;
};

test('a request comes with who asked and what became of it', () => {
  const condition = { type: 'Approved', status: 'True', reason: 'KubectlApprove' };
  const past = read(
    made('csr-1'),
    decided('csr-1', { conditions: [condition] }),
    decided('csr-1', { conditions: [condition], certificate: 'Y3J0' }),
    made('csr-2'),
  );
  const [first, second] = past.list(new Set());
  assert.deepEqual(first!.status, { conditions: [condition], certificate: 'Y3J0' });
  assert.equal(first!.spec.username, 'system:node:node-1');
  assert.deepEqual(second!.status, { conditions: [] });
  assert.deepEqual(
    past.list(new Set(['csr-1'])).map(({ metadata }) => metadata?.name),
    ['csr-2'],
  );
  assert.deepEqual(past.gaps(), []);
});

test('who asked is what the API server says, not what the body claims, and with impersonation the one who was impersonated', () => {
  const forged = event({
    requestObject: { metadata: { generateName: 'csr-' }, spec: { ...SPEC, username: 'system:node:other' } },
    level: 'Request',
  });
  assert.equal(read(forged).list(new Set())[0]!.spec.username, 'system:node:node-1');
  const impersonated = event({ responseObject: { metadata: { name: 'a' }, spec: SPEC }, impersonatedUser: { username: 'x' } });
  assert.equal(read(impersonated).list(new Set())[0]!.spec.username, 'x');
});

test('what was refused, only tried, or is for other signers is no request; what has no content is counted', () => {
  const past = read(
    event({ responseStatus: { code: 403 }, responseObject: { metadata: { name: 'refused' }, spec: SPEC } }),
    event({ requestURI: '/x?dryRun=All', responseObject: { metadata: { name: 'tried' }, spec: SPEC } }),
    event({ stage: 'RequestReceived' }),
    made('other', { ...SPEC, signerName: 'example.com/signer' }),
    event({ level: 'Metadata' }),
    '{"kind":"Event","objectRef":{"resource":"pods"}}',
    '{"kind":"Event","objectRef":{"resource":"certificatesigningrequests"',
    'not json',
  );
  assert.deepEqual(past.list(new Set()), []);
  assert.deepEqual(past.gaps(), [
    '1 requests are in the log without their content: give certificatesigningrequests the level RequestResponse in the audit policy',
    '2 lines are no audit events',
  ]);
});

test('no line of any shape makes the reader fail', () => {
  const anyEvent = fc
    .json()
    .chain((json) =>
      fc.constantFrom(
        json,
        `{"certificatesigningrequests":${json}}`,
        event({ responseObject: JSON.parse(json), objectRef: JSON.parse(json) }),
        event({ responseObject: { spec: JSON.parse(json), metadata: JSON.parse(json) } }),
      ),
    );
  fc.assert(
    fc.property(fc.array(fc.oneof(anyEvent, fc.string())), (lines) => {
      const past = read(...lines);
      past.list(new Set());
      past.gaps();
    }),
  );
});
