import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../../src/api/gen/types.ts';
import { whyNotReady } from '../../src/cluster/ready-nodes.ts';
import { type Cluster, startCluster, TravelClock } from '../../src/cluster/start-cluster.ts';
import { parseCertificates } from '../../src/pki/certificate.ts';
import { type Clock, systemClock } from '../../src/std/clock.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { bootstrapConfig, createToken, startKubelet } from './joining-node.ts';

const MINUTE_MS = 60_000;
const TOKEN = 'goodgo.0123456789abcdef';
const isReady = async (cluster: Cluster, name: string) =>
  whyNotReady(await cluster.client().resource<V1Node>(nodeKind).get(name)) === undefined;

/** The machine's clock, so much before the real time. */
const shifted = (byMs: number): Clock => ({ ...systemClock, now: () => systemClock.now() + byMs });

for (const [what, byMs] of [
  ['five minutes ahead of', 5 * MINUTE_MS],
  ['five minutes behind', -5 * MINUTE_MS],
] as const)
  test(`a cluster whose clock is ${what} its node’s takes it in all the same`, async () => {
    await using directory = await temporaryDirectory();
    await using cluster = await startCluster({ nodes: 0, clock: shifted(byMs) });
    await createToken(cluster, TOKEN);
    await using kubelet = await startKubelet(directory.path, 'skewed', await bootstrapConfig(cluster, { token: TOKEN }));
    await until('it is Ready', async () => {
      assert.equal(kubelet.exitStatus, undefined, kubelet.output);
      return isReady(cluster, 'skewed');
    });
    const { items } = await cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list();
    const issued = items.find(({ spec }) => spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet')?.status
      ?.certificate;
    const [certificate] = parseCertificates(Buffer.from(issued ?? '', 'base64').toString('utf8'));
    assert.ok(certificate!.notBeforeMs <= Date.now(), 'valid by the clock of the node, too');
  });

test('a node whose clock is a quarter of an hour behind says what is wrong, and joins when the clocks agree', async () => {
  await using directory = await temporaryDirectory();
  let aheadMs = 15 * MINUTE_MS;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const early = await startCluster({ nodes: 0, clock });
  await createToken(early, TOKEN);
  const port = Number(new URL(early.server).port);
  await using kubelet = await startKubelet(directory.path, 'behind', await bootstrapConfig(early, { token: TOKEN }));
  await kubelet.waitForOutput(/certificate has expired or is not yet valid: current time \S+ is before \S+|not yet valid/);
  await kubelet.stop();
  await early.close();
  aheadMs = 0;
  await using cluster = await startCluster({ nodes: 0, clock, port });
  await createToken(cluster, TOKEN);
  await using again = await startKubelet(directory.path, 'behind', await bootstrapConfig(cluster, { token: TOKEN }));
  await until('it is Ready', async () => {
    assert.equal(again.exitStatus, undefined, again.output);
    return isReady(cluster, 'behind');
  });
});

test('a token counts as expired by the clock of the API server', async () => {
  await using directory = await temporaryDirectory();
  await using cluster = await startCluster({ nodes: 0, clock: shifted(4 * MINUTE_MS) });
  await createToken(cluster, TOKEN, { expiresMs: Date.now() + 2 * MINUTE_MS });
  const kubelet = await startKubelet(directory.path, 'late', await bootstrapConfig(cluster, { token: TOKEN }));
  assert.equal(await kubelet.exited, 255);
  assert.match(kubelet.output, /cannot create certificate signing request: Unauthorized$/m);
});

/** Seconds that a kubelet's certificates still live, by its own metrics; undefined while it cannot tell. */
async function secondsLeft(cluster: Cluster, node: string): Promise<{ client: number; server: number } | undefined> {
  const path = `/api/v1/nodes/${node}/proxy/metrics`;
  const text = await cluster
    .client()
    .raw({ path, accept: 'text/plain' })
    .then((answer) => answer.text)
    .catch(() => '');
  const [client, server] = ['client', 'server'].map((purpose) =>
    Number(new RegExp(`^kubelet_certificate_manager_${purpose}_ttl_seconds (\\S+)$`, 'm').exec(text)?.[1]),
  );
  return client! > 0 && server! > 0 ? { client: client!, server: server! } : undefined;
}

test('a year and more passes for a whole cluster: every certificate is renewed before it ends, those of the control plane too', async () => {
  const DAY_MS = 24 * 60 * MINUTE_MS;
  const LEAP_MS = 35 * DAY_MS;
  const clock = new TravelClock();
  await using cluster = await startCluster({ nodes: 2, clock });
  const names = cluster.nodes.map(({ name }) => name);
  const first = cluster.kubeconfig;
  // Less than a tenth of a certificate's life, which is what kubelets leave themselves.
  for (let day = 0; day <= 420; day += 35) {
    if (day > 0) clock.leap(LEAP_MS);
    for (const name of names)
      await until(`${name} is Ready on day ${day} and holds certificates for longer than the next leap`, async () => {
        const left = await secondsLeft(cluster, name);
        return left && Math.min(left.client, left.server) * 1000 > LEAP_MS && (await isReady(cluster, name));
      });
  }
  assert.notEqual(cluster.kubeconfig, first, 'the administrator’s certificate is another one by now');
});
