/** Requests as OpenSSL makes them for whoever wants more than a node may have, each with the rule that stops it. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runProgram } from '../host/run-program.ts';
import { contextTag } from '../pki/der/der-reader.ts';
import * as der from '../pki/der/der-writer.ts';
import { writeName } from '../pki/der/distinguished-name.ts';
import { writeExtensions } from '../pki/der/extensions.ts';
import { Oid } from '../pki/der/object-identifiers.ts';
import { writeSigned } from '../pki/der/signature.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { formatPem } from '../pki/pem.ts';
import { decide } from './decide.ts';
import { csrOf, servingFacts } from './facts.test-support.ts';
import { type ClusterView, gatherFacts } from './gather-facts.ts';

const scratch = await mkdtemp(join(tmpdir(), 'muster-test-'));
after(() => rm(scratch, { recursive: true }));

const SUBJECT = '/O=system:nodes/CN=system:node:node-1';
const OWN = 'IP:10.0.0.1';
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

interface Asked {
  readonly subject?: string;
  readonly names?: string;
  readonly key?: readonly string[];
  readonly more?: readonly string[];
}

async function request({ subject = SUBJECT, names = OWN, key = P256, more = [] }: Asked = {}): Promise<string> {
  const extensions = names === '' ? [] : ['-addext', `subjectAltName=${names}`];
  const args = ['req', '-new', '-nodes', '-keyout', '/dev/null', '-newkey', ...key, '-subj', subject, ...extensions, ...more];
  return (await runProgram('openssl', args)).stdout;
}

interface Raw {
  readonly version?: number;
  readonly subject?: Buffer;
  /** Instead of the signer's own. */
  readonly publicKeyDer?: Buffer;
}

/** What OpenSSL would not write. */
async function raw(
  attributes: readonly Buffer[],
  { version = 0, subject = subjectOf(), publicKeyDer }: Raw = {},
): Promise<string> {
  const key = await generatePrivateKey();
  const asked = der.sequence(
    ...[der.integer(version), subject, publicKeyDer ?? key.publicKeyDer],
    der.element(contextTag(0, true), ...attributes),
  );
  return formatPem('CERTIFICATE REQUEST', await writeSigned(asked, key.keyObject));
}
const subjectOf = (commonName = 'system:node:node-1') => writeName({ commonName, organizations: ['system:nodes'] });
/** RSA with a modulus of 2048 bits and this exponent. */
const rsaKey = (...exponent: number[]) =>
  der.sequence(
    der.sequence(der.objectIdentifier(Oid.rsaEncryption), der.nullValue()),
    der.bitString(der.sequence(der.integer(Buffer.alloc(256, 0xc1)), der.integer(Buffer.from(exponent)))),
  );
/** A point that is not on the curve. */
const noPoint = () =>
  der.sequence(
    der.sequence(der.objectIdentifier(Oid.ecPublicKey), der.objectIdentifier(Oid.secp256r1)),
    der.bitString(Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)])),
  );
const OWN_ADDRESS = () => extensionRequest(names(address(10, 0, 0, 1)));
const names = (...content: Buffer[]): { oid: string; critical: boolean; value: Buffer } => ({
  oid: Oid.subjectAltName,
  critical: false,
  value: der.sequence(...content),
});
const extensionRequest = (...extensions: ReturnType<typeof names>[]) =>
  der.sequence(der.objectIdentifier(Oid.extensionRequest), der.setOf([writeExtensions(extensions)]));
const microsoftRequest = () =>
  der.sequence(der.objectIdentifier(Oid.microsoftExtensionRequest), der.setOf([writeExtensions([names(dnsName('node-2'))])]));
const twoInOneSet = () => {
  const name = (text: string) => der.sequence(der.objectIdentifier(Oid.commonName), der.text(text));
  const nodes = der.sequence(der.objectIdentifier(Oid.organization), der.text('system:nodes'));
  return der.sequence(der.setOf([nodes]), der.setOf([name('system:node:node-0'), name('system:node:node-1')]));
};
const dnsName = (text: string) => der.element(contextTag(2, false), Buffer.from(text));
const address = (...octets: number[]) => der.element(contextTag(7, false), Buffer.from(octets));

const view: ClusterView = {
  node: (name) => (name === 'node-1' ? { metadata: { name } } : undefined),
  nodeNames: () => new Set(['node-1', 'node-2', 'node-1b']),
  claimants: () => [],
  claims: () => false,
  undecidedOf: (csr) => [csr],
  standingOf: (csr) => [csr],
  isOrphan: () => false,
  otherUserOfKey: () => undefined,
  recordsCredentials: false,
};
const NONE = { serviceRanges: [], moreNames: [], moreRanges: [], serviceAddresses: new Set(['10.96.0.1']) };
const cluster = {
  ...{ ...NONE, clusterDomain: 'cluster.local' },
  ...{ apiServerNames: new Set(['api.example.com']), apiServerAddresses: new Set<string>() },
};

async function judge(pem: string, spec: Parameters<typeof csrOf>[0] = {}) {
  const csr = csrOf({ request: Buffer.from(pem).toString('base64'), ...spec });
  const own = { name: 'inventory', ask: async () => await Promise.resolve(inventory) };
  const inventory = new Array<'own'>(64).fill('own');
  const facts = await gatherFacts(csr, {
    ...{ view, cluster, sources: [own], allowedPrefixes: [], limits: servingFacts().limits },
    servedCertificate: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
  });
  return decide(facts);
}

test('what a kubelet asks for is approved, whatever key it uses and whatever stands before its PEM', async () => {
  for (const key of [P256, ['ec', '-pkeyopt', 'ec_paramgen_curve:P-521'], ['ed25519'], ['rsa:3072']])
    assert.equal((await judge(await request({ key, names: 'DNS:node-1,IP:10.0.0.1,IP:2001:db8::1' }))).outcome, 'approve');
  assert.equal((await judge(`by hand\n${await request()}`)).outcome, 'approve');
});

const DENIED: readonly [what: string, code: string, pem: () => Promise<string>][] = [
  ['no PEM', 'APV-201', async () => 'hello'],
  ['text behind the block', 'APV-201', async () => `${await request()}and more`],
  ['two blocks', 'APV-201', async () => (await request()) + (await request())],
  [
    'a block that says it is encrypted',
    'APV-201',
    async () => (await request()).replace('REQUEST-----\n', 'REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n'),
  ],
  ['a block behind one that is set in', 'APV-201', async () => (await request()).replace(/^/gm, ' ') + (await request())],
  ['a block of the old type', 'APV-201', async () => (await request()).replaceAll('CERTIFICATE', 'NEW CERTIFICATE')],
  ['a private key', 'APV-201', async () => (await generatePrivateKey()).pem],
  ['a megabyte', 'APV-201', async () => `${'a'.repeat(1 << 20)}\n${await request()}`],
  ['names twice', 'APV-201', () => raw([extensionRequest(names(address(10, 0, 0, 1)), names(address(10, 0, 0, 9)))])],
  [
    'extensions twice',
    'APV-201',
    () => raw([extensionRequest(names(address(10, 0, 0, 1))), extensionRequest(names(dnsName('x')))]),
  ],
  ['an address of five octets', 'APV-201', () => raw([extensionRequest(names(address(10, 0, 0, 1, 0)))])],
  ['a registered ID', 'APV-201', () => request({ names: `RID:1.2.3,${OWN}` })],
  ['two common names in one set', 'APV-106', () => raw([OWN_ADDRESS()], { subject: twoInOneSet() })],
  [
    'himself in letters that look alike',
    'APV-104',
    () => raw([OWN_ADDRESS()], { subject: subjectOf('system:node:n\u043ede-1') }),
  ],
  ['himself in capitals', 'APV-104', () => raw([OWN_ADDRESS()], { subject: subjectOf('system:node:NODE-1') })],
  ['himself after a space', 'APV-104', () => raw([OWN_ADDRESS()], { subject: subjectOf(' system:node:node-1') })],
  ['himself before a space', 'APV-104', () => raw([OWN_ADDRESS()], { subject: subjectOf('system:node:node-1 ') })],
  ['himself with a dot at the end', 'APV-104', () => raw([OWN_ADDRESS()], { subject: subjectOf('system:node:node-1.') })],
  ['himself before a NUL', 'APV-201', () => raw([OWN_ADDRESS()], { subject: subjectOf('system:node:node-1\0') })],
  ['a version that does not exist', 'APV-201', () => raw([OWN_ADDRESS()], { version: 1 })],
  ['RSA with the exponent 1', 'APV-203', () => raw([OWN_ADDRESS()], { publicKeyDer: rsaKey(1) })],
  ['RSA with an even exponent', 'APV-203', () => raw([OWN_ADDRESS()], { publicKeyDer: rsaKey(1, 0, 0) })],
  ['RSA of another’s modulus', 'APV-202', () => raw([OWN_ADDRESS()], { publicKeyDer: rsaKey(1, 0, 1) })],
  ['no point of the curve', 'APV-202', () => raw([OWN_ADDRESS()], { publicKeyDer: noPoint() })],
  ['Ed448', 'APV-203', () => request({ key: ['ed448'] })],
  ['RSA-PSS', 'APV-203', () => request({ key: ['rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'] })],
  ['a signature by SHA-1', 'APV-201', () => request({ more: ['-sha1'] })],
  [
    'an extension that nobody knows, critical',
    'APV-205',
    () => raw([extensionRequest(names(address(10, 0, 0, 1)), { oid: '1.2.3.4', critical: true, value: der.integer(1) })]),
  ],
  ['extensions in Microsoft’s way', 'APV-205', () => raw([OWN_ADDRESS(), microsoftRequest()])],
  ['a null between the names', 'APV-201', () => raw([extensionRequest(names(der.nullValue()))])],
  ['octets behind the names', 'APV-201', () => raw([extensionRequest({ ...names(), value: Buffer.from([0x30, 0, 0]) })])],
  ['RSA of 1024 bits', 'APV-203', () => request({ key: ['rsa:1024'] })],
  ['P-224', 'APV-203', () => request({ key: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-224'] })],
  ['secp256k1', 'APV-203', () => request({ key: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'] })],
  ['another node', 'APV-104', () => request({ subject: '/O=system:nodes/CN=system:node:node-2' })],
  ['the masters as well', 'APV-105', () => request({ subject: `/O=system:masters${SUBJECT}` })],
  ['two common names', 'APV-106', () => request({ subject: `${SUBJECT}/CN=system:node:node-1` })],
  ['a unit', 'APV-106', () => request({ subject: `${SUBJECT}/OU=ops` })],
  ['to be an authority', 'APV-205', () => request({ more: ['-addext', 'basicConstraints=critical,CA:TRUE'] })],
  ['client auth by extension', 'APV-205', () => request({ more: ['-addext', 'extendedKeyUsage=clientAuth'] })],
  ['nothing', 'APV-301', () => request({ names: '' })],
  ['an empty list of names', 'APV-301', () => raw([extensionRequest(names())])],
  [
    'a thousand names',
    'APV-302',
    () => raw([extensionRequest(names(...Array.from({ length: 1000 }, (_, i) => dnsName(`a${i}.node-1`))))]),
  ],
  ['an e-mail address', 'APV-303', () => request({ names: `email:a@example.com,${OWN}` })],
  ['a URI', 'APV-303', () => request({ names: `URI:spiffe://a/b,${OWN}` })],
  ['capital letters', 'APV-304', () => request({ names: 'DNS:Node-1' })],
  ['a name in letters of another alphabet', 'APV-201', () => raw([extensionRequest(names(dnsName('n\u043ede-1')))])],
  ['a space at the end', 'APV-304', () => raw([extensionRequest(names(dnsName('node-1 ')))])],
  ['a line of its own', 'APV-304', () => raw([extensionRequest(names(dnsName('node-1\n')))])],
  ['an underscore', 'APV-304', () => raw([extensionRequest(names(dnsName('node_1')))])],
  [
    'a name of 254 letters',
    'APV-304',
    () => raw([extensionRequest(names(dnsName(`${'a'.repeat(63)}.`.repeat(4).slice(0, -2))))]),
  ],
  [
    'an address as eight octets with a mask',
    'APV-201',
    () => raw([extensionRequest(names(address(10, 0, 0, 1, 255, 255, 255, 0)))]),
  ],
  ['NAT64', 'APV-305', () => request({ names: 'IP:64:ff9b::a00:1' })],
  ['6to4', 'APV-305', () => request({ names: 'IP:2002:a00:1::1' })],
  ['a dot at the end', 'APV-304', () => request({ names: 'DNS:node-1.' })],
  ['a wildcard', 'APV-304', () => request({ names: 'DNS:*.node-1' })],
  ['an address in letters', 'APV-304', () => request({ names: 'DNS:10.0.0.1' })],
  ['a name with a zero in it', 'APV-201', () => raw([extensionRequest(names(dnsName('node-1\0.example.com')))])],
  ['an empty name', 'APV-304', () => raw([extensionRequest(names(dnsName('')))])],
  ['an address with a zone', 'APV-304', () => raw([extensionRequest(names(dnsName('fe80::1%eth0')))])],
  ['IPv4 in IPv6', 'APV-305', () => request({ names: 'IP:::ffff:10.0.0.1' })],
  ['link-local', 'APV-305', () => request({ names: 'IP:fe80::1' })],
  ['every machine', 'APV-305', () => request({ names: 'IP:127.0.0.1' })],
  ['the API server’s first name', 'APV-306', () => request({ names: 'DNS:kubernetes' })],
  ['a Service', 'APV-306', () => request({ names: 'DNS:web.default.svc' })],
  ['the cluster’s domain', 'APV-306', () => request({ names: 'DNS:a.cluster.local' })],
  ['the address of a Service', 'APV-306', () => request({ names: 'IP:10.96.0.1' })],
  ['another node’s name', 'APV-306', () => request({ names: `DNS:node-2,${OWN}` })],
  ['a node’s name that begins with its own', 'APV-306', () => request({ names: 'DNS:node-1b' })],
];

for (const [what, code, pem] of DENIED)
  test(`who asks for ${what} is denied by ${code}, though the operator’s inventory gives him everything`, async () => {
    const { outcome, rule, message } = await judge(await pem());
    assert.deepEqual([outcome, rule?.code], ['deny', code], message);
    // The typographic apostrophe is the rules' own.
    assert.ok(message.length <= 1000 && /^[\x20-\x7e’]*$/.test(message), message);
  });

test('octets outside ASCII in a name are no request, a challenge password asks for nothing', async () => {
  assert.equal((await judge(await raw([extensionRequest(names(dnsName('münchen')))]))).rule?.code, 'APV-201');
  const file = join(scratch, 'challenge.cnf');
  await writeFile(
    file,
    `[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\nreq_extensions=ex\n[dn]\nO=system:nodes\nCN=system:node:node-1
[at]\nchallengePassword=abcd1234\n[ex]\nsubjectAltName=${OWN}\n`,
  );
  const out = join(scratch, 'challenge.csr');
  await runProgram('openssl', [
    ...['req', '-new', '-nodes', '-keyout', '/dev/null', '-newkey', ...P256, '-config', file, '-out', out],
  ]);
  assert.equal((await judge(await readFile(out, 'utf8'))).outcome, 'approve');
});

test('a signature that was changed, and usages that are empty or more than a kubelet’s, are denied', async () => {
  const lines = (await request()).trim().split('\n');
  const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  bytes[bytes.length - 1]! ^= 1;
  assert.equal((await judge(formatPem('CERTIFICATE REQUEST', bytes))).rule?.code, 'APV-202');
  const pem = await request();
  assert.equal((await judge(pem, { usages: [] })).rule?.code, 'APV-206');
  assert.equal((await judge(pem, { usages: ['digital signature', 'server auth', 'cert sign'] })).rule?.code, 'APV-206');
});
