/** Section 12 of ACCEPTANCE, what is seen of an API server that is started again: towards a kubelet of 000, and its audit log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { BOOTSTRAPPER_BINDING } from './documents.ts';
import { type FlagChanges, useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';

/** No name server knows the documents' nodes. */
const BY_ADDRESS = '--kubelet-preferred-address-types=InternalIP';
const KUBELET_FLAGS = ['kubelet-certificate-authority', 'kubelet-client-certificate', 'kubelet-client-key'];

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver({ flags: [BY_ADDRESS] });
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, ['node1']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
    cluster.sh('kubectl create clusterrolebinding kubelet-admin --clusterrole=system:kubelet-api-admin --user=kubernetes'),
  ]);
  cluster.startKubelet('node1');
  await nodeJoined(cluster, 'node1');
});
const sh = (script: string) => runbook.current.sh(script);
async function restart(changes: FlagChanges): Promise<void> {
  await runbook.current.apiserver.stop();
  await runbook.current.startApiserver(changes);
}

test('API-36 a kubelet that has signed its certificate itself is not believed, unless its authority is not asked for', async () => {
  const ask = () => runbook.current.trySh('kubectl get --raw /api/v1/nodes/node1/proxy/healthz');
  const isRefused = async () => /x509: certificate signed by unknown authority/.test((await ask()).stderr);
  await until('the kubelet is not believed', isRefused, { intervalMs: 250 });
  // C-02: of the three flags only the authority is in the way; without the other two nobody is told who asks.
  await restart({ flags: [BY_ADDRESS], without: ['kubelet-certificate-authority'] });
  await until('the kubelet answers', async () => (await ask()).stdout === 'ok', { intervalMs: 250 });
  await restart({ flags: [BY_ADDRESS], without: KUBELET_FLAGS });
  assert.match((await ask()).stderr, /the server has asked for the client to provide credentials/);
});

test('API-19, API-20, API-21 a full audit log is begun anew; of the old ones seven are kept, and for thirty days', async () => {
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] };
  await sh(`mkdir -p /var/log/kubernetes && echo '${JSON.stringify(policy)}' > /etc/kubernetes/audit-policy.yaml`);
  // M-19: the document keeps no audit log, because it names none. The hundred megabytes are a hole.
  const logged = ['--audit-log-path=/var/log/kubernetes/audit.log', '--audit-policy-file=/etc/kubernetes/audit-policy.yaml'];
  const nameOf = (daysAgo: number) =>
    `audit-${new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, -1).replaceAll(':', '-')}.log`;
  const startWith = async (old: readonly string[]) => {
    await runbook.current.apiserver.stop();
    await sh(`cd /var/log/kubernetes && touch ${old.join(' ')} && truncate -s 100M audit.log`);
    await runbook.current.startApiserver({ flags: logged });
  };
  /** Of the old logs, newest first, when there are so many. */
  const left = (count: number) =>
    until(`${count} old logs are left`, async () => {
      const names = (await sh('cd /var/log/kubernetes && ls -r audit-*')).trim().split('\n');
      return names.length === count && names;
    });

  const [young, old] = [nameOf(29), nameOf(31)];
  await startWith([young, old]);
  const [first, ...others] = await left(2);
  assert.deepEqual(others, [young], 'what is older than thirty days is gone');
  assert.equal(await sh(`stat -c %s /var/log/kubernetes/${first}`), `${100 * 1024 * 1024}\n`);
  await until('the new log has lines', () =>
    sh('grep -q \'"requestURI":"/readyz"\' /var/log/kubernetes/audit.log').then(() => true),
  );

  const recent = [1, 2, 3, 4, 5, 6].map(nameOf);
  await startWith(recent);
  const [second, ...older] = await left(7);
  assert.deepEqual(older, [first, ...recent.slice(0, 5)], 'the seven newest');
  assert.ok(second! > first!);
});
