/** Section 6 of ACCEPTANCE: who signs, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CLIENT_SIGNER, readCsrTable } from './csr-table.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { type FlagChanges, useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';
import { startTimeTravellingKubelet } from './time-travelling-kubelet.ts';

const HOUR_MS = 3_600_000;
/** Certificates begin so long before they are issued, for clocks that are slow; as upstream. */
const BACKDATE_MS = 5 * 60_000;

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    makeBootstrapKubeconfigs(cluster, ['node1']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(AUTO_APPROVE_BINDINGS),
  ]);
});
const sh = (script: string) => runbook.current.sh(script);
const csrOf = (name: string) => runbook.current.kubectl120.json<V1CertificateSigningRequest>(['get', 'csr', name]);

/** An approved request for a node's certificate, of openssl's making. */
async function approvedRequest(name: string): Promise<void> {
  const printed = await sh(`
    request=$(openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /O=system:nodes/CN=system:node:${name} 2>/dev/null | base64 -w 0)
    kubectl create -f - <<END
    {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "${name}"},
     "spec": {"request": "$request", "signerName": "${CLIENT_SIGNER}", "usages": ["digital signature", "key encipherment", "client auth"]}}
END
    kubectl certificate approve ${name}`);
  assert.match(printed, / approved$/m);
}

const isIssued = (name: string) => until(`${name} is issued`, async () => (await csrOf(name)).status?.certificate !== undefined);

/** From when to when a request's certificate is valid, as openssl prints it. */
async function validityOf(name: string): Promise<{ fromMs: number; toMs: number }> {
  const printed = await sh(
    `kubectl get csr ${name} -o jsonpath='{.status.certificate}' | base64 -d | openssl x509 -noout -dates`,
  );
  const [, from, to] = /^notBefore=(.*)\nnotAfter=(.*)\n$/.exec(printed) ?? [];
  return { fromMs: Date.parse(from!), toMs: Date.parse(to!) };
}

/** Has a request signed by a controller-manager with these flags; answers when it was, and how long the certificate is valid. */
async function signWith(name: string, changes?: FlagChanges) {
  const manager = await runbook.current.startControllerManager(changes);
  const earliestMs = Math.floor(Date.now() / 1000) * 1000;
  await approvedRequest(name);
  await isIssued(name);
  const latestMs = Date.now();
  const { fromMs, toMs } = await validityOf(name);
  assert.ok(fromMs >= earliestMs - BACKDATE_MS && fromMs <= latestMs - BACKDATE_MS, new Date(fromMs).toISOString());
  return { lifetimeMs: toMs - fromMs, journal: manager.journal, stop: () => manager.stop() };
}

test('SIGN-01 an approved request gets no certificate until the controller-manager has both signing files', async () => {
  const both = ['cluster-signing-cert-file', 'cluster-signing-key-file'];
  for (const without of [both, [both[0]!], [both[1]!]]) {
    const unable = await runbook.current.startControllerManager({ without });
    if (without === both) await approvedRequest('unsigned');
    await unable.waitFor(/Controller does not run controller="certificatesigningrequest-signing-controller"/);
    await unable.waitFor(/Started controller controller="certificatesigningrequest-cleaner-controller"/);
    assert.equal(readCsrTable(await sh('kubectl get csr unsigned'))[0]?.condition, 'Approved');
    assert.equal((await csrOf('unsigned')).status?.certificate, undefined);
    await unable.stop();
  }
  const able = await runbook.current.startControllerManager();
  await isIssued('unsigned');
  assert.equal(readCsrTable(await sh('kubectl get csr unsigned'))[0]?.condition, 'Approved,Issued');
  await able.stop();
});

test('SIGN-03, G-09 the lifetime follows --experimental-cluster-signing-duration, and its newer name', async () => {
  const old = await signWith('twenty-hours', { flags: ['--experimental-cluster-signing-duration=20h'] });
  assert.equal(old.lifetimeMs, 20 * HOUR_MS);
  assert.match(old.journal, /--experimental-cluster-signing-duration has been deprecated/);
  await old.stop();
  const current = await signWith('two-days', { flags: ['--cluster-signing-duration=48h'] });
  assert.equal(current.lifetimeMs, 48 * HOUR_MS);
  await current.stop();
});

test('SIGN-04 certificates are valid for 8760h0m0s when nothing is said', async () => {
  const { lifetimeMs, stop } = await signWith('one-year');
  assert.equal(lifetimeMs, 8760 * HOUR_MS);
  await stop();
  assert.match(await sh('kube-controller-manager --help'), /--cluster-signing-duration duration .*\(default 8760h0m0s\)/);
});

test('SIGN-05 certificates of one hour work end to end: the kubelet joins, renews after three quarters of it, and works on', async () => {
  const manager = await runbook.current.startControllerManager({ flags: ['--experimental-cluster-signing-duration=1h'] });
  await using kubelet = startTimeTravellingKubelet(runbook.current, 'node1', { document: SERVING_KUBELET });
  await nodeJoined(runbook.current, 'node1');
  const host = runbook.current.host('node1');
  const link = () => runbook.current.sh('readlink /etc/kubernetes/cert/kubelet-client-current.pem', { host });
  const first = await link();
  const dates = await runbook.current.sh(`openssl x509 -noout -enddate -in ${first}`, { host });
  const endMs = Date.parse(/notAfter=(.*)/.exec(dates)![1]!);
  assert.ok(Math.abs(endMs - Date.now() - HOUR_MS) < 60_000, dates);
  const [, deadline] = await kubelet.waitFor(/rotation deadline is (\S+ \S+) \+0000 UTC.*kube-apiserver-client-kubelet/);
  const deadlineMs = Date.parse(`${deadline!.replace(' ', 'T')}Z`);
  await kubelet.jump(deadlineMs - kubelet.now() + 1000);
  const second = await until('the certificate is renewed', async () => {
    const target = await link();
    return target !== first && target;
  });
  await runbook.current.sh(`openssl verify -CAfile /etc/kubernetes/cert/ca.pem ${second}`, { host });
  // It works on with it: a Lease renewed, and the node still Ready.
  const lease = () => sh("kubectl get lease -n kube-node-lease node1 -o jsonpath='{.spec.renewTime}'");
  const renewed = await lease();
  await kubelet.jump(30_000);
  await until('the kubelet renews its lease', async () => (await lease()) !== renewed);
  await nodeJoined(runbook.current, 'node1');
  await manager.stop();
});
