import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { parseCertificateRequest } from '../../pki/certificate-request.ts';
import { VirtualClock } from '../../std/clock.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { type ClusterOfOne, createClusterOfOne, recordingLogger, until } from '../testing/cluster-of-one.ts';
import { refusal, unreachable } from '../testing/fake-api.ts';
import { createCertificateManager } from './certificate-manager.ts';
import { createCertificateStore, type KeyPair } from './certificate-store.ts';
import { formatGoTime, planRotation, rotationRetryDelayMs } from './rotation-plan.ts';
import { ensureSelfSignedPair } from './self-signed-pair.ts';

const START_MS = Date.UTC(2020, 8, 7, 14, 27, 50);
const HOUR_MS = 3_600_000;
const template = {
  commonName: 'system:node:node1',
  organizations: ['system:nodes'],
  dnsNames: ['node1'],
  ipAddresses: ['10.0.0.5'],
};

const csrs = (cluster: ClusterOfOne) =>
  [...cluster.api.objects.values()].filter(
    (o) => o.kind === 'CertificateSigningRequest',
  ) as unknown as V1CertificateSigningRequest[];

function createManager(cluster: ClusterOfOne, clock: VirtualClock, initial?: KeyPair) {
  const { logger, lines } = recordingLogger();
  const renewed: KeyPair[] = [];
  const store = createCertificateStore({ directory: cluster.paths.certificateDirectory, prefix: 'kubelet-server', clock });
  const manager = createCertificateManager({
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'key encipherment', 'server auth'],
    template,
    store,
    initial,
    client: cluster.api.client(),
    clock,
    logger,
    random: () => 0.5,
    onRenewed: (pair) => renewed.push(pair),
  });
  const life = new AbortController();
  const stop = async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await manager.done;
  };
  return { manager, lines, renewed, store, life, stop };
}

test('a serving request asks for the node’s names and addresses, and the issued pair is filed with its link', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, stop, life } = createManager(cluster, clock);
  await manager.start(life.signal);
  await until(() => csrs(cluster).length === 1, 'the request');
  const [csr] = csrs(cluster);
  assert.match(csr!.metadata!.name!, /^csr-/);
  assert.equal(csr!.spec.signerName, 'kubernetes.io/kubelet-serving');
  const request = parseCertificateRequest(Buffer.from(csr!.spec.request, 'base64'));
  assert.deepEqual([request.commonName, request.dnsNames, request.ipAddresses], ['system:node:node1', ['node1'], ['10.0.0.5']]);
  assert.deepEqual(await readdir(cluster.paths.certificateDirectory).catch(() => []), []);
  await cluster.issue(csr!.metadata!.name!, { lifetimeMs: HOUR_MS });
  await until(() => renewed.length === 1, 'the certificate');
  const files = (await readdir(cluster.paths.certificateDirectory)).sort();
  assert.match(files[0]!, /^kubelet-server-2020(-\d\d){5}\.pem$/);
  assert.equal(files[1], 'kubelet-server-current.pem');
  assert.equal(manager.current(), renewed[0]);
  await stop();
});

test('renewal begins between 70 and 90 % of the lifetime, goes on for ever, and is logged in upstream’s words', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, lines, stop, life } = createManager(cluster, clock);
  cluster.issueAll({ lifetimeMs: HOUR_MS });
  await manager.start(life.signal);
  for (let round = 1; round <= 4; round++) {
    await until(() => renewed.length === round, `certificate ${round}`);
    await until(() => clock.pending > 0, 'the pause');
    await clock.advance(1000);
    await clock.advance(0.8 * HOUR_MS - 1001);
    assert.equal(csrs(cluster).length, round);
    await clock.advance(1);
  }
  assert.ok(
    lines.some((l) =>
      /^I Certificate expiration is 2020-09-07 15:27:50 \+0000 UTC, rotation deadline is 2020-09-07 15:15:50 \+0000 UTC/.test(l),
    ),
    lines.join('\n'),
  );
  assert.ok(lines.some((l) => l.startsWith('I Waiting 47m59s for next certificate rotation')));
  assert.ok(lines.some((l) => l.startsWith('I Rotating certificates')));
  await stop();
});

test('a node whose clock is set renews by the time that it is now, not when it would have been', async () => {
  const clock = new SettableClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, stop, life } = createManager(cluster, clock);
  cluster.issueAll({ lifetimeMs: 24 * HOUR_MS });
  await manager.start(life.signal);
  await until(() => renewed.length === 1, 'the certificate');
  await until(() => clock.pending > 0, 'the pause');
  await clock.advance(HOUR_MS);
  assert.equal(csrs(cluster).length, 1);
  clock.aheadMs = 22 * HOUR_MS;
  await clock.advance(60_000);
  await until(() => renewed.length === 2, 'the next certificate');
  await stop();
});

test('a certificate that is soon past its deadline is replaced no sooner than after a second', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, stop, life } = createManager(cluster, clock);
  cluster.issueAll({ lifetimeMs: 1000 });
  await manager.start(life.signal);
  for (let round = 1; round <= 3; round++) {
    await until(() => renewed.length === round, `certificate ${round}`);
    await until(() => clock.pending > 0, 'the pause');
    await clock.advance(999);
    assert.equal(csrs(cluster).length, round);
    await clock.advance(1);
  }
  await stop();
});

test('a certificate that ends no later than the one before is asked for again in a part of what is left, not every second', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, stop, life } = createManager(cluster, clock);
  const endMs = START_MS + 60_000;
  // What a signer gives whose authority ends in a minute, dated back by five.
  cluster.api.created = ({ kind, metadata }) => {
    const notBeforeMs = clock.now() - 300_000;
    if (kind === 'CertificateSigningRequest')
      void cluster.issue(metadata.name!, { notBeforeMs, lifetimeMs: endMs - notBeforeMs });
  };
  await manager.start(life.signal);
  await until(() => renewed.length === 1, 'the first');
  for (let second = 0; second < 50; second++) {
    await clock.advance(1000);
    await until(() => renewed.length === csrs(cluster).length, 'what was asked for');
  }
  assert.ok(renewed.length >= 5 && renewed.length <= 12, `${renewed.length} certificates in 50 s`);
  await stop();
});

test('a request that nobody approves is given up after 15 minutes and made again, with growing and then constant delays', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, lines, stop, life, renewed } = createManager(cluster, clock);
  await manager.start(life.signal);
  for (let round = 1; round <= 7; round++) {
    await until(() => cluster.api.count('watch', 'certificatesigningrequests') === round, `request ${round}`);
    await clock.advance(15 * 60_000);
    await until(() => manager.renewFailures === round, 'the failure');
    await clock.advance(35_000);
  }
  const failures = lines.filter((l) => l.startsWith('E certificate request was not signed: timed out waiting for the condition'));
  assert.equal(failures.length, 7);
  // The eighth is approved at last.
  await until(() => csrs(cluster).length === 8, 'one more request');
  await cluster.issue(csrs(cluster)[7]!.metadata!.name!);
  await until(() => renewed.length === 1, 'the certificate');
  assert.ok(lines.some((l) => /is approved, waiting to be issued/.test(l)));
  await stop();
});

test('an API server that is away or refuses is asked again, and told of', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, lines, stop, life, renewed } = createManager(cluster, clock);
  cluster.issueAll();
  let answer: () => void = () => {
    throw unreachable();
  };
  cluster.api.before = () => answer();
  await manager.start(life.signal);
  await until(() => manager.renewFailures === 1, 'a failure');
  answer = () => {
    throw refusal(401, 'Unauthorized', 'Unauthorized');
  };
  await clock.advance(2500);
  await until(() => manager.renewFailures === 2, 'another');
  answer = () => undefined;
  await clock.advance(5000);
  await until(() => renewed.length === 1, 'the certificate');
  assert.ok(
    lines.some((l) =>
      l.includes(
        'Failed while requesting a signed certificate from the control plane: cannot create certificate signing request: Unauthorized',
      ),
    ),
  );
  await stop();
});

test('a certificate without one of the wanted addresses is replaced at once', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const first = createManager(cluster, clock);
  cluster.issueAll();
  await first.manager.start(first.life.signal);
  await until(() => first.renewed.length === 1, 'the certificate');
  await first.stop();
  const pair = first.renewed[0]!;
  assert.deepEqual(
    planRotation(pair, { ...template, ipAddresses: ['10.0.0.5', '10.0.0.6'] }, () => 0.5),
    {
      at: 'now',
      why: 'Current certificate is missing requested IP addresses [10.0.0.6]',
    },
  );
  assert.deepEqual(
    planRotation(undefined, template, () => 0.5),
    { at: 'now' },
  );
  for (const [random, share] of [
    [0, 0.7],
    [1, 0.9],
  ] as const) {
    const plan = planRotation(pair, template, () => random);
    assert.equal(plan.at, pair.notBeforeMs + (pair.notAfterMs - pair.notBeforeMs) * share);
  }
});

test('an expired pair is none', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { manager, renewed, stop, life } = createManager(cluster, clock);
  cluster.issueAll({ lifetimeMs: HOUR_MS });
  await manager.start(life.signal);
  await until(() => renewed.length === 1, 'the certificate');
  cluster.api.created = () => undefined;
  await clock.advance(HOUR_MS + 1);
  assert.equal(manager.current(), undefined);
  await stop();
});

test('a damaged current file is told with its path', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const store = createCertificateStore({ directory: cluster.directory, prefix: 'kubelet-server', clock });
  assert.equal(await store.load(), undefined);
  await writeFile(join(cluster.directory, 'kubelet-server-current.pem'), 'half a cert');
  await assert.rejects(store.load());
});

test('the self-signed pair has the runbooks’ names and modes, is kept, and is made anew when it has expired or only its key is there', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { directory } = cluster;
  const make = () => ensureSelfSignedPair({ directory, hostname: 'node1', ipAddresses: ['10.0.0.5'], clock });
  const first = await make();
  assert.equal((await stat(join(directory, 'kubelet.crt'))).mode & 0o777, 0o644);
  assert.equal((await stat(join(directory, 'kubelet.key'))).mode & 0o777, 0o600);
  const [leaf] = parseCertificates(first.certificatePem);
  assert.deepEqual([leaf!.dnsNames, leaf!.ipAddresses], [['node1'], ['10.0.0.5']]);
  assert.equal((await make()).certificatePem, first.certificatePem);
  await rm(join(directory, 'kubelet.crt')); // killed between key and certificate
  const second = await make();
  assert.notEqual(second.certificatePem, first.certificatePem);
  await clock.advance(366 * 24 * HOUR_MS);
  assert.ok((await make()).notAfterMs > clock.now());
  await rm(join(directory, 'kubelet.key'));
  await assert.rejects(make(), /kubelet\.key: certificate and key must be supplied as a pair/);
  assert.ok(await readFile(join(directory, 'kubelet.crt')));
});

test('delays between tries double five times and then stay', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 60].map((n) => rotationRetryDelayMs(n, () => 0)),
    [2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000],
  );
});

test('times read as Go prints them', () => {
  assert.equal(formatGoTime(Date.UTC(2020, 8, 7, 15, 11, 0, 773)), '2020-09-07 15:11:00.773 +0000 UTC');
  assert.equal(formatGoTime(Date.UTC(2020, 8, 7, 15, 27, 50)), '2020-09-07 15:27:50 +0000 UTC');
});
