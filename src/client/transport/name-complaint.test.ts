import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { nameComplaint } from './name-complaint.ts';

const CASES: readonly [
  name: string,
  commonName: string,
  dnsNames: string[],
  ipAddresses: string[],
  complaint: string | undefined,
][] = [
  ['a.example', 'x', ['a.example'], [], undefined],
  ['a.example', 'x', ['*.example'], [], undefined],
  ['A.Example.', 'x', ['a.eXample'], [], undefined],
  ['a.b.example', 'x', ['*.example'], [], 'certificate is valid for *.example, not a.b.example'],
  ['ab.example', 'x', ['a*.example'], [], 'certificate is valid for a*.example, not ab.example'],
  ['a.b.example', 'x', ['a.*.example'], [], 'certificate is valid for a.*.example, not a.b.example'],
  ['10.0.0.1', 'x', [], ['10.0.0.1'], undefined],
  ['fd00::1', 'x', [], ['fd00::1'], undefined],
  ['b.example', 'x', ['a.example', 'c.example'], [], 'certificate is valid for a.example, c.example, not b.example'],
  ['10.0.0.2', 'x', ['a.example'], ['10.0.0.1', 'fd00::1'], 'certificate is valid for 10.0.0.1, fd00::1, not 10.0.0.2'],
  ['10.0.0.2', 'x', ['10.0.0.2'], [], "cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs"],
  ['a.example', 'x', [], ['10.0.0.1'], 'certificate is not valid for any names, but wanted to match a.example'],
  ['a.example', 'a.example', [], [], 'certificate relies on legacy Common Name field, use SANs instead'],
  ['a.example', 'Some Body', [], [], 'certificate is not valid for any names, but wanted to match a.example'],
];
for (const [name, commonName, dnsNames, ipAddresses, complaint] of CASES)
  test(`${name} and a certificate of ${commonName} for ${[...dnsNames, ...ipAddresses].join(' ') || 'nobody'}`, async () => {
    const { certificatePem } = await createSelfSigned({ commonName, dnsNames, ipAddresses, notBeforeMs: 0, notAfterMs: 1e13 });
    const found = nameComplaint(name, new X509Certificate(certificatePem).toLegacyObject());
    assert.equal(found?.message, complaint);
  });
