import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../std/coded-error.ts';
import { createCertificateRequest, parseCertificateRequest, parseSpecRequest } from './certificate-request.ts';
import { generatePrivateKey, type KeyAlgorithm } from './keys.ts';
import { formatPem, parsePem } from './pem.ts';

const openssl = (args: string[], input: string) =>
  execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'] }).toString();

async function nodeRequest() {
  const key = await generatePrivateKey();
  return createCertificateRequest({
    key,
    commonName: 'system:node:worker-1',
    organizations: ['system:nodes'],
    dnsNames: ['worker-1'],
    ipAddresses: ['10.0.0.1', 'fe80::1:0:0:2'],
  });
}

for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048', 'ed25519'] satisfies KeyAlgorithm[]) {
  test(`a request of an ${algorithm} key says what was put in, and openssl agrees`, async () => {
    const key = await generatePrivateKey(algorithm);
    const pem = await createCertificateRequest({
      key,
      commonName: 'system:node:n',
      organizations: ['system:nodes', 'Ünïcode *'],
      dnsNames: ['n.example'],
      ipAddresses: ['192.0.2.7', '2001:db8::'],
      emailAddresses: ['a@b.c'],
      uris: ['spiffe://x/y'],
    });
    const { verifySignature, publicKeyDer, subjectDer, ...request } = parseCertificateRequest(pem);
    assert.deepEqual(request, {
      commonName: 'system:node:n',
      organizations: ['Ünïcode *', 'system:nodes'], // a set, and DER sorts sets
      organizationalUnits: [],
      otherSubjectAttributes: [],
      dnsNames: ['n.example'],
      ipAddresses: ['192.0.2.7', '2001:db8::'],
      emailAddresses: ['a@b.c'],
      uris: ['spiffe://x/y'],
      extensionOids: ['2.5.29.17'],
      usages: [],
      pemHeaders: [],
    });
    assert.equal(subjectDer[0], 0x30);
    assert.ok(publicKeyDer.equals(key.publicKeyDer));
    assert.equal(await verifySignature(), true);
    const text = openssl(['req', '-verify', '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus'], pem);
    assert.match(text, /Subject: O=Ünïcode \*\+O=system:nodes,CN=system:node:n/);
    assert.match(
      text,
      /DNS:n\.example, email:a@b\.c, IP Address:192\.0\.2\.7, IP Address:2001:DB8:0:0:0:0:0:0, URI:spiffe:\/\/x\/y/,
    );
  });
}

test('a request that openssl made is read, with its usages, its other attributes and its challenge', () => {
  const pem = openssl(
    [
      ...[
        'req',
        '-new',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        '/dev/null',
        '-subj',
        '/C=DE/O=a/OU=unit/CN=first/CN=last',
        '-text',
      ],
      ...['-addext', 'subjectAltName=DNS:x', '-addext', 'keyUsage=digitalSignature', '-addext', 'extendedKeyUsage=clientAuth'],
    ],
    '',
  );
  const request = parseCertificateRequest(pem);
  assert.equal(request.commonName, 'last');
  assert.deepEqual(request.organizations, ['a']);
  assert.deepEqual(request.organizationalUnits, ['unit']);
  assert.deepEqual(request.otherSubjectAttributes, ['2.5.4.6=DE', '2.5.4.3=first']);
  assert.deepEqual(request.usages, ['digital signature', 'client auth']);
  assert.deepEqual(request.extensionOids, ['2.5.29.17', '2.5.29.15', '2.5.29.37']);
});

test('a request without names has no attributes, as Go writes it', async () => {
  const request = parseCertificateRequest(await createCertificateRequest({ key: await generatePrivateKey(), commonName: 'x' }));
  assert.deepEqual(request.extensionOids, []);
});

test('a signature of another key is no signature', async () => {
  const [one, two] = [await nodeRequest(), await nodeRequest()].map((pem) => parsePem(pem).blocks[0]!.der);
  // The frame of the first with the signature of the second, which is as long or two octets off.
  const mixed = Buffer.concat([one!.subarray(0, -32), two!.subarray(-32)]);
  assert.equal(await parseCertificateRequest(formatPem('CERTIFICATE REQUEST', mixed)).verifySignature(), false);
});

const withDer = async (change: (der: Buffer) => Buffer) =>
  formatPem('CERTIFICATE REQUEST', change(parsePem(await nodeRequest()).blocks[0]!.der));

for (const [what, make, code, message] of [
  ['text that is no PEM', async () => 'hello', 'REQUEST_NOT_PEM', /is not PEM/],
  ['nothing', async () => '', 'REQUEST_NOT_PEM', /is not PEM/],
  [
    'a certificate',
    async () => (await nodeRequest()).replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'),
    'REQUEST_WRONG_TYPE',
    /PEM block type must be CERTIFICATE REQUEST, not CERTIFICATE/,
  ],
  ['two requests', async () => (await nodeRequest()) + (await nodeRequest()), 'REQUEST_TRAILING_DATA', /trailing data/],
  ['text behind the request', async () => `${await nodeRequest()}x`, 'REQUEST_TRAILING_DATA', /trailing data/],
  ['no end', async () => (await nodeRequest()).split('-----END')[0]!, 'PEM_MALFORMED', /without its END/],
  [
    'another end',
    async () => (await nodeRequest()).replace('END CERTIFICATE REQUEST', 'END X'),
    'PEM_MALFORMED',
    /is not ended by/,
  ],
  ['a body that is no base64', async () => (await nodeRequest()).replace('MII', 'M!I'), 'PEM_MALFORMED', /not base64/],
  [
    'octets behind the structure',
    () => withDer((der) => Buffer.concat([der, Buffer.from([0])])),
    'DER_MALFORMED',
    /1 octets of trailing/,
  ],
  ['a cut structure', () => withDer((der) => der.subarray(0, -1)), 'DER_MALFORMED', /only \d+ are left/],
  [
    'an indefinite length',
    () => withDer((der) => Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(4)])),
    'DER_MALFORMED',
    /indefinite/,
  ],
  [
    'a length that is not minimal',
    () => withDer((der) => Buffer.concat([Buffer.from([0x30, 0x83, 0]), der.subarray(2)])),
    'DER_MALFORMED',
    /not minimal/,
  ],
  ['an empty structure', async () => formatPem('CERTIFICATE REQUEST', Buffer.from([0x30, 0])), 'DER_MALFORMED', /is missing/],
] as const) {
  test(`${what} is refused by name`, async () => {
    const pem = await make();
    assert.throws(
      () => parseCertificateRequest(pem),
      (error: unknown) => error instanceof CodedError && error.code === code && message.test(error.message),
    );
  });
}

test('an RSA key that is too small or a curve that is not in use is refused', () => {
  const request = (...newkey: string[]) =>
    openssl(['req', '-new', '-newkey', ...newkey, '-nodes', '-keyout', '/dev/null', '-subj', '/CN=x'], '');
  assert.throws(() => parseCertificateRequest(request('rsa:1024')), /RSA key of 1024 bits; 2048 to 8192 are allowed/);
  assert.throws(
    () => parseCertificateRequest(request('ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1')),
    /curve .* is not supported/,
  );
  assert.throws(
    () => parseCertificateRequest(request('ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit')),
    CodedError,
  );
});

test('a name of a kind that certificates here do not have is refused, not passed over', () => {
  const pem = openssl(
    [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=x',
      '-addext',
      'subjectAltName=RID:1.2.3',
    ],
    '',
  );
  assert.throws(() => parseCertificateRequest(pem), /subject alternative name: of a kind that is not supported/);
});

test('ten megabytes are refused without being read', () => {
  for (const input of ['A'.repeat(10_000_000), Buffer.alloc(10_000_000, '-')]) {
    assert.throws(() => parseCertificateRequest(input), { code: 'PEM_TOO_LARGE' });
  }
});

test('whatever happens to a request on its way, reading it ends in a request or a CodedError', async () => {
  const der = parsePem(await nodeRequest()).blocks[0]!.der;
  const change = fc.record({
    at: fc.nat(der.length - 1),
    octet: fc.nat(255),
    drop: fc.nat(3),
    insert: fc.uint8Array({ maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let bytes = Buffer.from(der);
      for (const { at, octet, drop, insert } of changes) {
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([octet]), insert, bytes.subarray(at + 1 + drop)]);
      }
      try {
        parseCertificateRequest(formatPem('CERTIFICATE REQUEST', bytes));
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('whatever text is given for PEM, reading it ends in a request or a CodedError', async () => {
  const pem = await nodeRequest();
  const piece = fc.constantFrom('-----BEGIN ', '-----END ', 'CERTIFICATE REQUEST', '-----', '\n', '\r\n', 'MIIB', '=', ':', pem);
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 12 }), (pieces) => {
      try {
        parseCertificateRequest(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a request that is kept keeps no more memory than its own', async () => {
  const spec = Buffer.from(await nodeRequest()).toString('base64');
  const { subjectDer, publicKeyDer } = parseSpecRequest(spec);
  for (const part of [subjectDer, publicKeyDer]) assert.ok(part.buffer.byteLength < 1024, `${part.buffer.byteLength} bytes`);
});

test('a request that was read before is not read again; one that cannot be read is refused each time, and a long one is not kept', async () => {
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const text = base64(await nodeRequest());
  const first = parseSpecRequest(text);
  assert.equal(parseSpecRequest(text), first);
  assert.ok(await first.verifySignature());
  const forged = parsePem(Buffer.from(text, 'base64'), 100_000).blocks[0]!.der;
  forged[forged.length - 1]! ^= 1;
  const other = parseSpecRequest(base64(formatPem('CERTIFICATE REQUEST', forged)));
  for (const _ of [1, 2]) assert.equal(await other.verifySignature(), false);
  for (const _ of [1, 2]) assert.throws(() => parseSpecRequest(base64('none')), { code: 'REQUEST_NOT_PEM' });
  const key = await generatePrivateKey();
  const dnsNames = Array.from({ length: 400 }, (_, i) => `a-name-of-some-length-${i}.example`);
  const long = base64(await createCertificateRequest({ key, commonName: 'n', dnsNames }));
  assert.notEqual(parseSpecRequest(long), parseSpecRequest(long));
  // Room for so many: the oldest goes.
  for (let i = 0; i < 300; i++) parseSpecRequest(base64(await createCertificateRequest({ key, commonName: `n${i}` })));
  assert.notEqual(parseSpecRequest(text), first);
});
