/** What `muster approver --manifest` and its chart grant: enough for all that the approver does, and no verb that it has no use for. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { configMapKind } from '../../src/api/core/v1/config-map.ts';
import { eventKind } from '../../src/api/core/v1/event.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { CoreV1Event, V1CertificateSigningRequest, V1ConfigMap, V1Node } from '../../src/api/gen/types.ts';
import { createApprover } from '../../src/approver/approver.ts';
import { ApproverMetrics } from '../../src/approver/approver-metrics.ts';
import { findClusterNames } from '../../src/approver/cluster-names.ts';
import { rbacObjects } from '../../src/approver/manifest.ts';
import { createConfigMapSource } from '../../src/approver/names/config-map-source.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createEventRecorder } from '../../src/client/events.ts';
import { createLeaderElector } from '../../src/client/leader-election.ts';
import type { Transport } from '../../src/client/transport/transport.ts';
import { createCertificateRequest } from '../../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { TravelClock } from '../../src/std/travel-clock.ts';
import { until } from '../harness/until.ts';
import { startBareApiServer } from './bare-api-server.ts';

const ACCOUNT = { name: 'system:serviceaccount:kube-system:muster-approver', groups: ['system:authenticated'] };
const WAIT = { timeoutMs: 60_000 };
const MAP = 'muster-approver-names';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
interface RoleObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
}
const granted = rbacObjects({ approveClient: false, configMap: `kube-system/${MAP}` }) as RoleObject[];

/** `update certificates.k8s.io/certificatesigningrequests/approval in -` */
function wordsOf(method: string, path: string): string {
  const url = new URL(path, 'http://x');
  const [, root, ...rest] = url.pathname.split('/');
  const group = root === 'api' ? '' : rest.shift()!;
  rest.shift();
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest.splice(0, 2)[1]! : '-';
  const [resource, name, sub] = rest;
  const reads = name ? 'get' : url.searchParams.has('watch') ? 'watch' : 'list';
  const verb = { GET: reads, POST: 'create', PUT: 'update', PATCH: 'patch' }[method] ?? method;
  return `${verb} ${group}/${resource}${sub ? `/${sub}` : ''} in ${namespace}`;
}

const grantedWords = granted.flatMap(({ rules = [], metadata }) =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    resources
      // Not asked for by a request of its own: the API server looks at it when somebody approves.
      .filter((resource) => resource !== 'signers')
      .flatMap((resource) => verbs.map((verb) => `${verb} ${apiGroups[0]}/${resource} in ${metadata.namespace ?? '-'}`)),
  ),
);

const done: unknown[] = [];
after(() => Promise.all(done));

test('each verb that the account is granted is used, none besides is asked for, and without the signer nothing is approved', async () => {
  const clock = new TravelClock();
  await using api = await startBareApiServer({
    clock,
    security: { clientCa: true, authorizationModes: ['Node', 'RBAC'], enableAdmissionPlugins: [] },
  });
  const as = (name: string, ...groups: string[]) =>
    createClient({ transport: api.server.transport({ name, groups: [...groups, 'system:authenticated'] }), userAgent: 'test' });
  const admin = as('admin', 'system:masters');
  const post = (object: RoleObject) => {
    const { namespace } = object.metadata;
    const plural = `${object.kind.toLowerCase()}s`;
    const root = object.kind === 'ServiceAccount' ? '/api/v1' : '/apis/rbac.authorization.k8s.io/v1';
    const path = `${root}${namespace ? `/namespaces/${namespace}` : ''}/${plural}`;
    return admin.raw({ method: 'POST', path, body: object });
  };
  const isWhole = ({ kind }: RoleObject) => kind === 'ClusterRole';
  const role = granted.find(isWhole)!;
  const withoutSigner = { ...role, rules: role.rules!.filter(({ resources }) => !resources.includes('signers')) };
  await until(
    'the namespaces are there',
    () => admin.raw({ path: '/api/v1/namespaces/kube-system' }).catch(() => undefined),
    WAIT,
  );
  for (const object of granted) await post(isWhole(object) ? withoutSigner : object);

  const used = new Set<string>();
  const refused: string[] = [];
  const own = api.server.transport(ACCOUNT);
  const recording: Transport = {
    close: (options) => own.close(options),
    async request(request) {
      const words = wordsOf(request.method, request.path);
      used.add(words);
      const answer = await own.request(request);
      if (answer.status === 403) refused.push(words);
      return answer;
    },
  };
  const client = createClient({ transport: recording, userAgent: 'muster-approver' });
  const stop = new AbortController();
  const { signal } = stop;
  const common = { client, clock, logger: silentLogger };
  const create = () =>
    createApprover({
      ...{ ...common, allowedPrefixes: [], approveClient: false, dryRun: false, metrics: new ApproverMetrics() },
      sources: [createConfigMapSource({ client, clock, namespace: 'kube-system', name: MAP })],
      limits: {
        ...{ maxNames: 16, minLifetimeMs: 0, maxLifetimeMs: 400 * 86_400_000, maxPendingPerNode: 20 },
        ...{ acceptNodeStatus: false, allowLoopback: false, allowRejoin: false },
      },
      clusterNames: () =>
        findClusterNames(client, {
          ...{ clusterDomain: 'cluster.local', serviceRanges: [], server: 'https://10.0.0.1:6443' },
          ...{ denyNames: [], denyRanges: [] },
        }),
      servedCertificate: () => Promise.resolve(undefined),
      events: createEventRecorder({ ...common, component: 'muster-approver', signal }),
    });
  const elector = createLeaderElector({
    // Its time goes as the machine's: a leader that slept would have to give up.
    ...{ ...common, clock: systemClock, name: 'muster-approver', namespace: 'kube-system', identity: 'one' },
    ...{ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 },
    run: async (leading) => {
      const approver = create();
      await approver.start(leading);
      await approver.done;
    },
  });
  await elector.start(signal);
  done.push(elector.done.catch(() => undefined));
  try {
    const nodes = admin.resource<V1Node>(nodeKind);
    const maps = admin.resource<V1ConfigMap>(configMapKind, 'kube-system');
    await nodes.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    const key = await generatePrivateKey();
    const text = await createCertificateRequest({
      ...{ key, commonName: 'system:node:node-1', organizations: ['system:nodes'] },
      ...{ dnsNames: ['node-1'], ipAddresses: ['10.9.0.1'] },
    });
    const requests = admin.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    await as('system:node:node-1', 'system:nodes')
      .resource<V1CertificateSigningRequest>(certificateSigningRequestKind)
      .create({
        ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'csr-1' } },
        spec: {
          request: Buffer.from(text).toString('base64'),
          ...{ signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] },
        },
      });
    /** What the approver says of it, read anew: the inventory is kept for some seconds, and a Node that changes makes it look again. */
    let looks = 0;
    const look = async () => {
      clock.leap(6000);
      const metadata = { labels: { look: `${++looks}` } };
      await nodes.patch('node-1', { metadata }, { type: 'merge' });
    };
    const usedInTime = (words: string) =>
      until(`the approver does: ${words}`, async () => used.has(words) || void (await look()), { timeoutMs: 60_000 });
    // Nobody knows the address; then another node claims it, too; then nobody again: what was said before is said once more.
    await usedInTime('create /events in default');
    const write = (data: Record<string, string>) =>
      maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: MAP }, data });
    const other = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-2' } };
    await nodes.create(other);
    const status = { addresses: [{ type: 'InternalIP', address: '10.9.0.1' }] };
    await nodes.update({ ...other, status }, { subresource: 'status' });
    const events = admin.resource<CoreV1Event>(eventKind, 'default');
    await until('it says something else', async () => (await events.list()).items.length > 1 || void (await look()), WAIT);
    await nodes.delete('node-2');
    await usedInTime('patch /events in default');
    await write({ 'node-1': '10.9.0.1' });
    const approving = 'update certificates.k8s.io/certificatesigningrequests/approval in -';
    const conditions = async () => (await requests.get('csr-1')).status?.conditions?.map(({ type }) => type) ?? [];
    await until('it may not approve', async () => refused.includes(approving) || void (await look()), WAIT);
    assert.deepEqual(await conditions(), []);
    await admin.raw({
      ...{ method: 'PUT', path: '/apis/rbac.authorization.k8s.io/v1/clusterroles/muster-approver' },
      body: role,
    });
    await until('it is approved', async () => (await conditions()).includes('Approved') || void (await look()), WAIT);
    await usedInTime('update coordination.k8s.io/leases in kube-system');
    assert.deepEqual([...used].sort(), [...new Set(grantedWords)].sort());
    assert.deepEqual(
      [...new Set(refused)].filter((words) => !words.includes('/approval')),
      [],
    );
  } finally {
    stop.abort(new DOMException('done', 'AbortError'));
    await elector.done.catch(() => undefined);
  }
});
