import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseCertificates } from '../certificate.ts';
import { parsePrivateKey } from '../keys.ts';
import { certificateSpecs, filesOf, firstAddress, type LayoutNames, NAMINGS } from './layout.ts';
import { type MakeOptions, makeCertificates, renewCertificates } from './make-certificates.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const NAMES: LayoutNames = {
  apiserverNames: ['api.example'],
  apiserverAddresses: ['192.168.20.31'],
  etcdAddresses: ['192.168.20.31'],
  serviceClusterIpRange: '10.254.0.0/16',
  clusterDomain: 'cluster.local',
};

async function open(t: TestContext, more: Partial<MakeOptions> = {}): Promise<{ directory: string; options: MakeOptions }> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-layout-'));
  t.after(() => rm(directory, { recursive: true }));
  const options: MakeOptions = {
    naming: { ...NAMINGS['ssl']!, directory },
    specs: certificateSpecs(NAMES),
    algorithm: 'ec-p256',
    authorityLifetimeMs: 3650 * DAY_MS,
    lifetimeMs: 365 * DAY_MS,
    nowMs: NOW,
    overwrite: false,
    newAuthority: false,
    ...more,
  };
  return { directory, options };
}

const certificateIn = async (path: string) => parseCertificates(await readFile(path))[0]!;

test('all that the runbooks name is made, under their file names, with identities that RBAC knows', async (t) => {
  const { directory, options } = await open(t);
  await makeCertificates(options);
  const names = ['admin', 'apiserver', 'ca', 'etcd', 'etcd-client', 'flanneld', 'kube-controller-manager', 'kube-proxy'];
  names.push('kube-scheduler', 'kubelet', 'metrics-server');
  const expected = [...names.flatMap((name) => [`${name}.pem`, `${name}.key`]), 'etcd-ca.pem'];
  assert.deepEqual((await readdir(directory)).toSorted(), expected.toSorted());
  const authority = await certificateIn(join(directory, 'ca.pem'));
  const identities: Record<string, string> = {};
  for (const name of names.filter((name) => name !== 'ca')) {
    const certificate = await certificateIn(join(directory, `${name}.pem`));
    assert.ok(certificate.isSignedBy(authority), name);
    assert.ok(
      certificate.publicKeyDer.equals(parsePrivateKey(await readFile(join(directory, `${name}.key`))).publicKeyDer),
      name,
    );
    identities[name] = [certificate.commonName, ...certificate.organizations].join(' ');
  }
  assert.partialDeepStrictEqual(identities, {
    apiserver: 'kubernetes',
    'kube-controller-manager': 'system:kube-controller-manager system:kube-controller-manager',
    'kube-scheduler': 'system:kube-scheduler system:kube-scheduler',
    'kube-proxy': 'system:kube-proxy',
    admin: 'admin system:masters',
    kubelet: 'admin system:masters',
  });
  const apiserver = await certificateIn(join(directory, 'apiserver.pem'));
  assert.deepEqual(apiserver.ipAddresses, ['127.0.0.1', '10.254.0.1', '192.168.20.31']);
  assert.ok(apiserver.dnsNames.includes('api.example') && apiserver.dnsNames.includes('kubernetes.default.svc.cluster.local'));
});

test('keys can be read by their owner only', async (t) => {
  const { directory, options } = await open(t);
  await makeCertificates(options);
  for (const file of await readdir(directory)) {
    const { mode } = await stat(join(directory, file));
    assert.equal((mode & 0o777).toString(8), file.endsWith('.key') ? '600' : '644', file);
  }
});

test('names of files follow the layout', () => {
  const spec = { name: 'kube-controller-manager' };
  assert.deepEqual(filesOf(NAMINGS['ssl']!, spec), {
    certificate: '/etc/kubernetes/ssl/kube-controller-manager.pem',
    key: '/etc/kubernetes/ssl/kube-controller-manager.key',
  });
  assert.deepEqual(filesOf(NAMINGS['cert']!, spec), {
    certificate: '/etc/kubernetes/cert/kube-controller-manager.pem',
    key: '/etc/kubernetes/cert/kube-controller-manager-key.pem',
  });
});

test('a second time nothing changes, and what is missing is added', async (t) => {
  const { directory, options } = await open(t);
  await makeCertificates(options);
  const before = await readFile(join(directory, 'apiserver.pem'), 'utf8');
  await rm(join(directory, 'admin.pem'));
  await rm(join(directory, 'admin.key'));
  const made = await makeCertificates({ ...options, nowMs: NOW + DAY_MS });
  assert.equal(made.authority, 'kept');
  assert.deepEqual(
    made.certificates.filter(({ action }) => action !== 'keep').map(({ spec, action }) => [spec.name, action]),
    [['admin', 'create']],
  );
  assert.equal(await readFile(join(directory, 'apiserver.pem'), 'utf8'), before);
});

const spoilers: [string, (directory: string) => Promise<unknown>, RegExp][] = [
  ['whose key is missing', (d) => rm(join(d, 'admin.key')), /admin\.pem: the certificate is there, but not the key/],
  [
    'with the key of another',
    async (d) => writeFile(join(d, 'admin.key'), await readFile(join(d, 'etcd.key'))),
    /not the one of the certificate/,
  ],
  [
    'that is no certificate',
    (d) => writeFile(join(d, 'admin.pem'), 'x'),
    /admin\.pem: the certificate cannot be read: no certificate found/,
  ],
];
for (const [what, spoil, message] of spoilers) {
  test(`a certificate ${what} is not touched unless that is asked for`, async (t) => {
    const { directory, options } = await open(t);
    await makeCertificates(options);
    await spoil(directory);
    const listing = await readdir(directory);
    await assert.rejects(makeCertificates(options), { code: 'CERTIFICATES_CONFLICT', message });
    assert.deepEqual(await readdir(directory), listing);
    const made = await makeCertificates({ ...options, overwrite: true });
    assert.deepEqual(
      made.certificates.filter(({ action }) => action === 'replace').map(({ spec }) => spec.name),
      ['admin'],
    );
    await makeCertificates(options);
  });
}

test('an expired certificate and one that lacks a new address are told apart from good ones', async (t) => {
  const { options } = await open(t);
  await makeCertificates(options);
  await assert.rejects(makeCertificates({ ...options, nowMs: NOW + 400 * DAY_MS }), /the certificate expired on 2027-01-01/);
  const specs = certificateSpecs({ ...NAMES, apiserverAddresses: ['192.168.20.99'] });
  await assert.rejects(makeCertificates({ ...options, specs }), /apiserver\.pem: the certificate lacks "192\.168\.20\.99"/);
});

test('an authority is never replaced by accident', async (t) => {
  const { directory, options } = await open(t);
  await makeCertificates(options);
  const [certificate, key] = [join(directory, 'ca.pem'), join(directory, 'ca.key')];
  const before = await readFile(certificate, 'utf8');
  const keyText = await readFile(key, 'utf8');
  await rm(key);
  const forced = { ...options, overwrite: true };
  await assert.rejects(makeCertificates(forced), { code: 'AUTHORITY_UNUSABLE', message: /its key .*ca\.key is missing/ });
  await writeFile(key, await readFile(join(directory, 'etcd.key')));
  await assert.rejects(makeCertificates(forced), { code: 'AUTHORITY_UNUSABLE', message: /does not belong/ });
  await writeFile(key, keyText);
  await assert.rejects(makeCertificates({ ...forced, nowMs: NOW + 4000 * DAY_MS }), {
    code: 'AUTHORITY_UNUSABLE',
    message: /expired/,
  });
  assert.equal(await readFile(certificate, 'utf8'), before);
  const made = await makeCertificates({ ...options, newAuthority: true });
  assert.equal(made.authority, 'created');
  assert.notEqual(await readFile(certificate, 'utf8'), before);
  assert.ok(made.certificates.every(({ action }) => action === 'replace'));
  await makeCertificates(options);
});

test('renewing keeps names, usages and key, and moves the end', async (t) => {
  const { directory, options } = await open(t);
  await makeCertificates(options);
  const path = join(directory, 'apiserver.pem');
  const before = await certificateIn(path);
  const specs = options.specs.filter(({ name }) => name === 'apiserver');
  const renew = { ...options, specs, nowMs: NOW + 400 * DAY_MS, newKey: false, skipMissing: false };
  assert.deepEqual(await renewCertificates(renew), ['apiserver']);
  const after = await certificateIn(path);
  const { commonName, dnsNames, ipAddresses, usages, publicKeyDer } = before;
  assert.partialDeepStrictEqual(after, { commonName, dnsNames, ipAddresses, usages, publicKeyDer });
  assert.equal(after.notAfterMs, NOW + 765 * DAY_MS);
  assert.notEqual(after.serial, before.serial);
  await renewCertificates({ ...renew, newKey: true });
  assert.ok(!(await certificateIn(path)).publicKeyDer.equals(publicKeyDer));
});

test('renewing what is not there is refused by its path, or passed over when all are meant', async (t) => {
  const { directory, options } = await open(t, { specs: certificateSpecs(NAMES).slice(0, 1) });
  await makeCertificates(options);
  const renew = { ...options, specs: certificateSpecs(NAMES), newKey: false, skipMissing: false };
  await assert.rejects(renewCertificates(renew), {
    code: 'CERTIFICATE_MISSING',
    message: `${directory}/kube-controller-manager.pem cannot be renewed: no such file`,
  });
  assert.deepEqual(await renewCertificates({ ...renew, skipMissing: true }), ['apiserver']);
});

test("the first address of a range is the Service kubernetes'", () => {
  assert.equal(firstAddress('10.96.0.0/12'), '10.96.0.1');
  assert.equal(firstAddress('10.254.77.3/16'), '10.254.0.1');
  assert.equal(firstAddress('fd00:10:96::/112'), 'fd00:10:96::1');
  for (const wrong of ['10.96.0.0', '10.96.0.0/33', 'x/8', '10.0.0.0/x']) assert.throws(() => firstAddress(wrong), Error, wrong);
});
