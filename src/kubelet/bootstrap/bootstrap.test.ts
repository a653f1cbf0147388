import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { parsePrivateKey } from '../../pki/keys.ts';
import { readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import { VirtualClock } from '../../std/clock.ts';
import { type ClusterOfOne, createClusterOfOne, recordingLogger, until } from '../testing/cluster-of-one.ts';
import { refusal, unreachable } from '../testing/fake-api.ts';
import { type BootstrapOptions, CLIENT_USAGES, obtainClientIdentity } from './bootstrap.ts';
import { digestedName } from './digested-name.ts';

const START_MS = Date.UTC(2018, 7, 20, 13, 57, 35);

function setUp(cluster: ClusterOfOne, clock: VirtualClock): { options: BootstrapOptions; lines: string[] } {
  const { logger, lines } = recordingLogger();
  const options = {
    nodeName: 'k8s-m03',
    ...cluster.paths,
    connect: cluster.connect,
    userAgent: 'kubelet',
    clock,
    logger,
    random: () => 0.5,
  };
  return { options, lines };
}

const csrNames = (cluster: ClusterOfOne) =>
  [...cluster.api.objects.values()].filter((o) => o.kind === 'CertificateSigningRequest').map((o) => o.metadata.name!);

/** A signal that ends a run as `kill -9` would: nothing is done afterwards. */
async function killed(options: BootstrapOptions, when: () => boolean): Promise<void> {
  const life = new AbortController();
  const run = obtainClientIdentity(options, life.signal).catch((error: unknown) => assert.ok(life.signal.aborted, String(error)));
  await until(when, 'the moment to be killed');
  life.abort(new DOMException('killed', 'AbortError'));
  await run;
}

test('a token buys a certificate, and the files are those of the runbooks', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options, lines } = setUp(cluster, clock);
  const run = obtainClientIdentity(options, new AbortController().signal);
  await until(() => cluster.api.count('watch', 'certificatesigningrequests') === 1, 'the watch');
  await cluster.issue(csrNames(cluster)[0]!);
  const identity = await run;
  await identity.persisted;

  const [name] = csrNames(cluster);
  assert.match(name!, /^node-csr-[A-Za-z0-9_-]{43}$/);
  const csr = cluster.api.find<{ spec: { signerName: string; usages: string[] } }>('certificatesigningrequests', name!)!;
  assert.equal(csr.spec.signerName, 'kubernetes.io/kube-apiserver-client-kubelet');
  assert.deepEqual(csr.spec.usages, [...CLIENT_USAGES]);
  const [leaf] = parseCertificates(identity.pair!.certificatePem);
  assert.equal(leaf!.commonName, 'system:node:k8s-m03');
  assert.deepEqual(leaf!.organizations, ['system:nodes']);
  assert.equal(cluster.credentials[0]!().token, 'abcdef.0123456789abcdef');

  const files = (await readdir(cluster.paths.certificateDirectory)).sort();
  assert.equal(files.length, 2, files.join(' '));
  assert.match(files[0]!, /^kubelet-client-\d{4}(-\d\d){5}\.pem$/);
  const link = join(cluster.paths.certificateDirectory, 'kubelet-client-current.pem');
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.equal(await readlink(link), join(cluster.paths.certificateDirectory, files[0]!));
  assert.equal((await stat(link)).mode & 0o777, 0o600);
  assert.equal((await stat(cluster.paths.kubeconfig)).mode & 0o777, 0o600);
  const context = await resolveContext(await readKubeconfig(cluster.paths.kubeconfig));
  assert.equal(context.clientCertificateFile, link);
  assert.equal(context.server, 'https://127.0.0.1:6443');
  assert.equal(context.token, undefined);
  assert.equal(context.caPem?.trim(), cluster.authority.certificatePem.trim());

  assert.deepEqual(
    lines.map((line) => line.slice(2)),
    [
      'Using bootstrap kubeconfig to generate TLS client cert, key and kubeconfig file',
      'No valid private key and/or certificate found, reusing existing private key or creating a new one',
      'Waiting for client certificate to be issued',
      `certificate signing request ${name} is approved, waiting to be issued`,
      `certificate signing request ${name} is issued`,
    ],
  );
  assert.ok(!lines.join('').includes('0123456789abcdef'), 'the token is in no log line');
});

test('with a usable kubeconfig nothing is asked for', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  cluster.issueAll();
  await (await obtainClientIdentity(options, new AbortController().signal)).persisted;
  const calls = cluster.api.calls.length;
  const again = await obtainClientIdentity(options, new AbortController().signal);
  assert.equal(again.bootstrapped, false);
  assert.equal(again.context.clientKeyPem?.includes('EC PRIVATE KEY'), true);
  assert.equal(cluster.api.calls.length, calls);
});

test('an expired certificate is bought again, and the log says that it has expired', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options, lines } = setUp(cluster, clock);
  cluster.issueAll({ lifetimeMs: 3_600_000 });
  await (await obtainClientIdentity(options, new AbortController().signal)).persisted;
  await clock.advance(3_700_000);
  cluster.api.remove(certificateSigningRequestKind, csrNames(cluster)[0]!); // the cleaner has been there
  const identity = await obtainClientIdentity(options, new AbortController().signal);
  await identity.persisted;
  assert.ok(lines.some((line) => /^E part of the existing bootstrap client certificate in .* is expired/.test(line)));
  assert.ok(identity.pair!.notAfterMs > clock.now());
});

test('a refused request ends the start in upstream’s words', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  const why =
    'certificatesigningrequests.certificates.k8s.io is forbidden: User "system:bootstrap:lemy40" cannot create resource "certificatesigningrequests" in API group "certificates.k8s.io" at the cluster scope';
  cluster.api.before = () => {
    throw refusal(403, 'Forbidden', why);
  };
  await assert.rejects(obtainClientIdentity(options, new AbortController().signal), {
    message: `cannot create certificate signing request: ${why}`,
  });
});

test('a denied request ends the start, and a restart does not file another', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  cluster.api.created = ({ metadata }) =>
    cluster.api.change(certificateSigningRequestKind, metadata.name!, '', (object) => {
      object['status'] = { conditions: [{ type: 'Denied', status: 'True', reason: 'NoThanks', message: 'not this one' }] };
    });
  const denied = /certificate signing request is denied, reason: NoThanks, message: not this one/;
  await assert.rejects(obtainClientIdentity(options, new AbortController().signal), denied);
  await assert.rejects(obtainClientIdentity(options, new AbortController().signal), denied);
  assert.equal(csrNames(cluster).length, 1);
});

test('a request that nobody signs in time ends the start', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  const run = obtainClientIdentity(options, new AbortController().signal);
  const ended = assert.rejects(run, /timed out waiting for the condition/);
  await until(() => cluster.api.count('watch', 'certificatesigningrequests') === 1, 'the watch');
  await clock.advance(3_600_000);
  await ended;
});

test('an API server that is away, and one whose watch breaks off, are waited for', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options, lines } = setUp(cluster, clock);
  let away = true;
  cluster.api.before = () => {
    if (away) throw unreachable();
  };
  const run = obtainClientIdentity(options, new AbortController().signal);
  await until(() => lines.some((line) => line.includes('Failed to connect to apiserver')), 'the first failure');
  await clock.advance(60_000);
  away = false;
  await clock.advance(20_000);
  await until(() => csrNames(cluster).length === 1, 'the request');
  await until(() => cluster.api.count('watch', 'certificatesigningrequests') > 0, 'the watch');
  away = true;
  cluster.api.dropWatches();
  await clock.advance(60_000);
  away = false;
  await cluster.issue(csrNames(cluster)[0]!);
  await clock.advance(40_000);
  const identity = await run;
  assert.ok(identity.pair);
  await identity.persisted;
  assert.equal(cluster.api.count('create', 'certificatesigningrequests') >= 2, true);
  assert.equal(csrNames(cluster).length, 1);
});

test('a certificate that begins in the future is told with both times', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options, lines } = setUp(cluster, clock);
  cluster.api.created = ({ metadata }) => void cluster.issue(metadata.name!, { notBeforeMs: START_MS + 300_000 });
  await (await obtainClientIdentity(options, new AbortController().signal)).persisted;
  assert.ok(
    lines.some((line) =>
      /not yet valid: it begins 2018-08-20 14:02:35 \+0000 UTC, this machine's clock says 2018-08-20 13:57:35/.test(line),
    ),
    lines.join('\n'),
  );
});

test('killed after the key was written, the kubelet asks with the same key', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  cluster.api.before = () => {
    throw unreachable();
  };
  await killed(options, () => cluster.api.calls.length > 0);
  const key = await readFile(join(cluster.paths.certificateDirectory, 'kubelet-client.key.tmp'), 'utf8');
  assert.equal((await stat(join(cluster.paths.certificateDirectory, 'kubelet-client.key.tmp'))).mode & 0o777, 0o600);
  cluster.api.before = () => undefined;
  cluster.issueAll();
  const identity = await obtainClientIdentity(options, new AbortController().signal);
  assert.equal(identity.pair!.privateKeyPem, parsePrivateKey(key).pem);
  await identity.persisted;
});

test('killed after the request was filed, the kubelet finds it and files no other', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options, lines } = setUp(cluster, clock);
  await killed(options, () => csrNames(cluster).length === 1);
  const [name] = csrNames(cluster);
  const run = obtainClientIdentity(options, new AbortController().signal);
  await until(() => lines.some((line) => line.includes('csr for this node is still valid')), 'the request found again');
  await cluster.issue(name!);
  await (await run).persisted;
  assert.deepEqual(csrNames(cluster), [name]);
});

test('killed before the link, and before the kubeconfig, the kubelet ends with the same certificate', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  cluster.issueAll();
  const first = await obtainClientIdentity(options, new AbortController().signal);
  await first.persisted;
  const { rm } = await import('node:fs/promises');
  // What is left when it is killed between the certificate's file and the link: no link, no kubeconfig, the key still there.
  await writeFile(join(cluster.paths.certificateDirectory, 'kubelet-client.key.tmp'), first.pair!.privateKeyPem, { mode: 0o600 });
  await rm(join(cluster.paths.certificateDirectory, 'kubelet-client-current.pem'));
  await rm(cluster.paths.kubeconfig);
  const second = await obtainClientIdentity(options, new AbortController().signal);
  await second.persisted;
  assert.equal(second.pair!.certificatePem, first.pair!.certificatePem);
  // And between link and kubeconfig.
  await rm(cluster.paths.kubeconfig);
  const third = await obtainClientIdentity(options, new AbortController().signal);
  await third.persisted;
  assert.equal(third.pair!.certificatePem, first.pair!.certificatePem);
  assert.equal(csrNames(cluster).length, 1);
  await assert.rejects(stat(join(cluster.paths.certificateDirectory, 'kubelet-client.key.tmp')), { code: 'ENOENT' });
});

test('a request of the same name with another subject is not taken for ours', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  await killed(options, () => csrNames(cluster).length === 1);
  const stranger = { ...options, nodeName: 'other', certificateDirectory: join(cluster.directory, 'other') };
  await mkdir(stranger.certificateDirectory);
  await killed({ ...stranger }, () => csrNames(cluster).length === 2);
  const [ours, theirs] = csrNames(cluster).map(
    (name) => cluster.api.find<{ spec: { request: string } }>('certificatesigningrequests', name)!,
  );
  ours!.spec.request = theirs!.spec.request;
  await assert.rejects(
    obtainClientIdentity(options, new AbortController().signal),
    /retrieved csr is not compatible: csr subjects differ/,
  );
});

test('a missing bootstrap kubeconfig, and a file that it names, are named', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { options } = setUp(cluster, clock);
  const nowhere = join(cluster.directory, 'nowhere');
  await assert.rejects(
    obtainClientIdentity({ ...options, bootstrapKubeconfig: nowhere }, new AbortController().signal),
    (error: Error) => error.message.includes('unable to load bootstrap kubeconfig') && error.message.includes(nowhere),
  );
  await assert.rejects(
    obtainClientIdentity({ ...options, bootstrapKubeconfig: undefined }, new AbortController().signal),
    (error: Error) => error.message.includes('unable to load kubeconfig') && error.message.includes(cluster.paths.kubeconfig),
  );
});

test('the name of a request depends on key, subject and usages, and on nothing else', () => {
  const base = {
    publicKeyDer: Buffer.from('key'),
    commonName: 'system:node:a',
    organizations: ['system:nodes'],
    usages: ['client auth'],
  };
  const name = digestedName(base);
  assert.equal(name, 'node-csr-uam_XcfyPijJrEyfH2CuCTDz7F1VcnMNyQ0g0DjBJC0');
  assert.equal(digestedName({ ...base }), name);
  for (const other of [
    { publicKeyDer: Buffer.from('yek') },
    { commonName: 'system:node:b' },
    { organizations: [] },
    { usages: ['server auth'] },
  ])
    assert.notEqual(digestedName({ ...base, ...other }), name);
});
