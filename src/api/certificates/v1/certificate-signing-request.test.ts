import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import { cloneJson } from '../../machinery/clone.ts';
import { decodeObject } from '../../machinery/decode.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { certificateSigningRequestKind as kind } from './certificate-signing-request.ts';
import { describeCondition } from './certificate-signing-request-columns.ts';
import { requestComplaint } from './verify-request.ts';

const context: WriteContext = {
  nowMs: Date.parse('2024-05-01T00:00:00Z'),
  user: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] },
};
const NOW = '2024-05-01T00:00:00Z';

const element = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const length =
    content.length < 128 ? Buffer.from([content.length]) : Buffer.from([0x82, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([Buffer.from([tag]), length, content]);
};
const OIDS = { ed25519: '2b6570', ecdsaSha256: '2a8648ce3d040302', rsaSha256: '2a864886f70d01010b' };

/** A request with an empty subject, made by hand. */
function makeRequest(type: 'ec' | 'rsa' | 'ed25519', options: { oid?: string; tamper?: boolean; pemType?: string } = {}): string {
  const { publicKey, privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 1024 })
        : generateKeyPairSync('ed25519');
  const oid = options.oid ?? { ec: OIDS.ecdsaSha256, rsa: OIDS.rsaSha256, ed25519: OIDS.ed25519 }[type];
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = element(0x30, element(0x02, Buffer.from([0])), element(0x30), spki, element(0xa0));
  const signature = sign(type === 'ed25519' ? null : 'sha256', info, privateKey);
  if (options.tamper) signature[signature.length - 1]! ^= 1;
  const der = element(
    0x30,
    info,
    element(0x30, element(0x06, Buffer.from(oid, 'hex'))),
    element(0x03, Buffer.from([0]), signature),
  );
  const name = options.pemType ?? 'CERTIFICATE REQUEST';
  const pem = `-----BEGIN ${name}-----\n${der.toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END ${name}-----\n`;
  return Buffer.from(pem).toString('base64');
}

const spec = {
  request: makeRequest('ec'),
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  usages: ['digital signature', 'client auth'],
};
const make = (changes: object = {}, status?: object): DynamicObject =>
  decodeObject(kind, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'a' },
    spec: { ...spec, ...changes },
    ...(status && { status }),
  }).object;
const complaints = (changes: object) =>
  kind.validate!(make(changes), context).map(({ field, message }) => `${field}: ${message}`);
const statusOf = (object: DynamicObject) => (object as unknown as V1CertificateSigningRequest).status;
const part = (name: string) => kind.parts.find((each) => each.name === name)!;
const write = (name: string, existing: DynamicObject, status: object) => {
  const requested = { ...cloneJson(existing), status };
  const updated = part(name).merge(cloneJson(existing), requested, context);
  return {
    updated,
    errors: part(name).validate!(updated, existing, context).map(({ field, message }) => `${field}: ${message}`),
  };
};
const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message: 'yes' };

test('requests signed by their own key are good, whatever the kind of key', () => {
  for (const type of ['ec', 'rsa', 'ed25519'] as const) assert.equal(requestComplaint(makeRequest(type)), undefined, type);
});

test('requests that are none, or signed by nobody, are refused', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  assert.equal(requestComplaint(''), 'PEM block type must be CERTIFICATE REQUEST');
  assert.equal(requestComplaint(base64('hello')), 'PEM block type must be CERTIFICATE REQUEST');
  assert.equal(requestComplaint(makeRequest('ec', { pemType: 'CERTIFICATE' })), 'PEM block type must be CERTIFICATE REQUEST');
  assert.match(
    requestComplaint(base64('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'))!,
    /^asn1: /,
  );
  assert.ok(requestComplaint(makeRequest('ec', { tamper: true })));
  assert.equal(requestComplaint(makeRequest('rsa', { tamper: true })), 'x509: signature verification failure');
  assert.equal(requestComplaint(makeRequest('ec', { oid: '2a03' })), 'x509: cannot verify signature: algorithm unimplemented');
});

test('any bytes at all are answered, not thrown on', () => {
  const whole = Buffer.from(spec.request, 'base64').toString();
  const der = Buffer.from(whole.replace(/-----.*?-----/g, ''), 'base64');
  for (let cut = 0; cut < der.length; cut += 7) {
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.subarray(0, cut).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    assert.equal(typeof requestComplaint(Buffer.from(pem).toString('base64')), 'string', `cut at ${cut}`);
  }
});

test('the spec is checked in upstream words', () => {
  assert.deepEqual(complaints({}), []);
  assert.deepEqual(complaints({ usages: [] }), ['spec.usages: Required value']);
  assert.match(
    complaints({ usages: ['client auth', 'frobbing'] })[0]!,
    /^spec\.usages\[1\]: Unsupported value: "frobbing": supported values: "any", "cert sign"/,
  );
  assert.deepEqual(complaints({ usages: ['client auth', 'client auth'] }), ['spec.usages[1]: Duplicate value: "client auth"']);
  assert.deepEqual(complaints({ expirationSeconds: 599 }), [
    'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)',
  ]);
  assert.deepEqual(complaints({ signerName: '' }), ['spec.signerName: Required value']);
  assert.deepEqual(complaints({ signerName: 'nobody' }), [
    'spec.signerName: Invalid value: "nobody": must be a fully qualified domain and path of the form \'example.com/signer-name\'',
  ]);
  const label = 'a lowercase RFC 1123 label must consist of';
  const subdomain = 'a lowercase RFC 1123 subdomain must consist of';
  const signers: [string, ...string[]][] = [
    ['a.b/c.d-e'],
    [`a.b/c.${'d'.repeat(253)}`],
    ['a.b/C', `spec.signerName: Invalid value: "C": validating label "C": ${subdomain}`],
    ['a.b/', `spec.signerName: Invalid value: "": validating label "": ${subdomain}`],
    ['a.B.-/c', `spec.signerName: Invalid value: "a.B.-": validating label "B": ${label}`],
    [
      '/c',
      `spec.signerName: Invalid value: "": validating label "": ${label}`,
      'spec.signerName: Invalid value: "": should be a domain with at least two segments separated by dots',
    ],
    [
      `${'x'.repeat(64)}.b/c`,
      `spec.signerName: Invalid value: "${'x'.repeat(64)}.b": validating label "${'x'.repeat(64)}": must be no more than 63`,
    ],
    [`${'a.'.repeat(130)}b/c`, 'spec.signerName: Too long: may not be more than 253 bytes'],
    [`a.b/${'c.'.repeat(300)}c`, 'spec.signerName: Too long: may not be more than 571 bytes'],
  ];
  for (const [signerName, ...wanted] of signers) {
    const told = complaints({ signerName });
    assert.equal(told.length, wanted.length, told.join('\n'));
    for (const [i, text] of wanted.entries()) assert.ok(told[i]!.startsWith(text), told[i]);
  }
  assert.match(
    complaints({ signerName: 'kubernetes.io/legacy-unknown' })[0]!,
    /the legacy signerName is not allowed via this API version$/,
  );
  assert.match(
    complaints({ request: 'aGVsbG8=' })[0]!,
    /^spec\.request: Invalid value: "aGVsbG8=": PEM block type must be CERTIFICATE REQUEST$/,
  );
});

test('the server records who asks, and nobody creates an approved request', () => {
  const object = make(
    { username: 'admin', groups: ['system:masters'], uid: '1', extra: { a: ['b'] } },
    { conditions: [approved] },
  );
  kind.prepareForCreate!(object, context);
  assert.deepEqual(object['spec'], { ...spec, username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] });
  assert.deepEqual(object['status'], {});
});

test('an update of the request itself leaves spec and status alone', () => {
  const existing = make({}, { conditions: [{ ...approved, lastUpdateTime: NOW }] });
  const updated = make({ signerName: 'example.com/other' });
  kind.prepareForUpdate!(updated, existing, context);
  assert.deepEqual([updated['spec'], updated['status']], [existing['spec'], existing['status']]);
});

test('approval sets conditions with their times, and nothing else', () => {
  const { updated, errors } = write('approval', make(), { conditions: [approved], certificate: 'AAAA' });
  assert.deepEqual(errors, []);
  assert.deepEqual(updated['status'], { conditions: [{ ...approved, lastUpdateTime: NOW, lastTransitionTime: NOW }] });
  assert.equal(describeCondition(updated as unknown as V1CertificateSigningRequest), 'Approved');
});

test('an approval cannot be taken back or turned into a denial', () => {
  const existing = write('approval', make(), { conditions: [approved] }).updated;
  assert.deepEqual(write('approval', existing, { conditions: [] }).errors, [
    'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
  ]);
  assert.deepEqual(write('approval', existing, { conditions: [approved, { type: 'Denied', status: 'True' }] }).errors, [
    'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
  ]);
  assert.deepEqual(write('approval', make(), { conditions: [{ ...approved, status: 'False' }] }).errors, [
    'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
  ]);
});

test('a signer sets the certificate once and does not approve', () => {
  const existing = write('approval', make(), { conditions: [approved] }).updated;
  assert.deepEqual(write('status', make(), { conditions: [approved] }).errors, [
    'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
  ]);
  assert.deepEqual(write('status', existing, { conditions: statusOf(existing)!.conditions, certificate: 'AAAA' }).errors, [
    'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
  ]);
  const issued = { ...existing, status: { ...statusOf(existing), certificate: 'BBBB' } };
  assert.match(
    write('status', issued, { conditions: statusOf(existing)!.conditions, certificate: 'AAAA' }).errors[0]!,
    /updates may not modify existing certificate content$/,
  );
  const touched = write('status', existing, { conditions: [{ ...approved, message: 'changed' }] });
  assert.deepEqual([touched.errors, statusOf(touched.updated)?.conditions], [[], statusOf(existing)?.conditions]);
});

test('a certificate that is empty or none is told as such', () => {
  const told = (der: string) =>
    write('status', make(), {
      certificate: Buffer.from(`-----BEGIN CERTIFICATE-----\n${der}-----END CERTIFICATE-----\n`).toString('base64'),
    }).errors;
  const wrong = 'status.certificate: Invalid value: "<certificate data>": ';
  assert.deepEqual(told(''), [`${wrong}found CERTIFICATE PEM block containing 0 certificates`]);
  assert.deepEqual(told('AAAA\n'), [`${wrong}x509: malformed certificate`]);
});

test('what is wrong with a certificate is told before who may not write it', () => {
  assert.deepEqual(write('approval', make(), { certificate: 'AAAA' }).errors, []);
  assert.deepEqual(write('approval', make(), {}).updated['status'], {}, 'nobody decided');
  const issued = { ...make(), status: { certificate: 'BBBB' } };
  // The one that is there is none either, so that its successor need not be one.
  assert.deepEqual(write('status', issued, { certificate: 'AAAA' }).errors, [
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ]);
});

test('a stored request that older versions and rules let through can still be given a label', () => {
  const usages = ['client auth', 'client auth', 'dancing'];
  const before = make({ signerName: 'kubernetes.io/legacy-unknown', usages }, { conditions: [{ type: '', status: 'True' }] });
  const after = cloneJson(before);
  after.metadata.labels = { a: 'b' };
  assert.equal(kind.validate?.(after, context)?.length, 4);
  assert.deepEqual(kind.validate?.(after, context, before), []);
  const good = make();
  assert.equal(kind.validate?.(after, context, good)?.length, 4, 'what is stored has no such faults');
});
