import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { resourceQuotaKind } from '../../api/core/v1/resource-quota.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type {
  V1ClusterRole,
  V1EndpointSlice,
  V1Endpoints,
  V1Pod,
  V1PodDisruptionBudget,
  V1ResourceQuota,
  V1Secret,
  V1ServiceAccount,
  V1ServiceCIDR,
} from '../../api/gen/types.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { ipAddressKind } from '../../api/networking/v1/ip-address.ts';
import { serviceCidrKind } from '../../api/networking/v1/service-cidr.ts';
import { podDisruptionBudgetKind } from '../../api/policy/v1/pod-disruption-budget.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createClusterRoleAggregationController } from '../clusterrole-aggregation/controller.ts';
import { createCsrCleanerController } from '../csrcleaner/controller.ts';
import { createDisruptionController } from '../disruption/controller.ts';
import { createEndpointsController } from '../endpoints/controller.ts';
import { createEndpointSliceController } from '../endpointslice/controller.ts';
import { createEndpointSliceMirroringController } from '../endpointslicemirroring/controller.ts';
import type { TestingCluster } from '../framework/testing-client.test-support.ts';
import { createGarbageCollector } from '../garbagecollector/controller.ts';
import { createNamespaceController } from '../namespace/controller.ts';
import { createResourceQuotaController } from '../resourcequota/controller.ts';
import { createRootCaCertPublisher } from '../rootcacertpublisher/controller.ts';
import { createServiceAccountController } from '../serviceaccount/controller.ts';
import { createServiceAccountTokenController } from '../serviceaccount-token/controller.ts';
import { createServiceCidrController } from '../servicecidr/controller.ts';
import { createTokenCleanerController } from '../tokencleaner/controller.ts';
import { interrupted } from './interruptions.test-support.ts';

let privateKeyPem: string;
before(async () => {
  privateKeyPem = (await generatePrivateKey()).pem;
});

const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata?.name).sort();

test('a Service’s addresses stand once in its slices and Endpoints, those kept by hand in mirrored slices', async () => {
  const slices = (cluster: TestingCluster) => cluster.list<V1EndpointSlice>(endpointSliceKind);
  const addresses = (cluster: TestingCluster, service: string) =>
    slices(cluster)
      .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service)
      .flatMap(({ endpoints }) => endpoints ?? [])
      .flatMap((endpoint) => endpoint.addresses)
      .sort();
  const put = (cluster: TestingCluster, name: string, ip: string) =>
    cluster.put(podKind, {
      metadata: { name, namespace: 'a', labels: { app: 'web' } },
      spec: { nodeName: 'n', containers: [] },
      status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] },
    } as never);
  const subsets = (...ips: string[]) => [{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 80, protocol: 'TCP' }] }];
  const outcome = await interrupted({
    controllers: [createEndpointSliceController, createEndpointsController, createEndpointSliceMirroringController],
    prepare(cluster) {
      cluster.put(nodeKind, { metadata: { name: 'n' } });
      const spec = { clusterIP: '10.0.0.5', ipFamilies: ['IPv4'], ports: [{ port: 80, protocol: 'TCP' }] };
      cluster.put(serviceKind, {
        metadata: { name: 'web', namespace: 'a' },
        spec: { ...spec, selector: { app: 'web' } },
      } as never);
      cluster.put(serviceKind, { metadata: { name: 'hand', namespace: 'a' }, spec } as never);
      cluster.put(endpointsKind, { metadata: { name: 'hand', namespace: 'a' }, subsets: subsets('192.0.2.1') } as never);
      put(cluster, 'one', '10.1.0.1');
    },
    steps: [
      (cluster) => addresses(cluster, 'web').length === 1 && Boolean(put(cluster, 'two', '10.1.0.2')),
      (cluster) => {
        cluster.remove(podKind, 'one', 'a');
        const hand = cluster.get<V1Endpoints>(endpointsKind, 'hand', 'a');
        return Boolean(cluster.put(endpointsKind, { ...hand, subsets: subsets('192.0.2.1', '192.0.2.2') } as never));
      },
    ],
    outcome: (cluster) => ({
      ...{ web: addresses(cluster, 'web'), hand: addresses(cluster, 'hand'), slices: slices(cluster).length },
      endpoints: cluster
        .get<V1Endpoints>(endpointsKind, 'web', 'a')
        ?.subsets?.map((subset) => subset.addresses?.map(({ ip }) => ip)),
    }),
  });
  assert.deepEqual(outcome, { web: ['10.1.0.2'], hand: ['192.0.2.1', '192.0.2.2'], slices: 2, endpoints: [['10.1.0.2']] });
});

test('a namespace goes with all that is in it, once what holds that has let go', async () => {
  const outcome = await interrupted({
    controllers: [createNamespaceController],
    prepare(cluster) {
      cluster.kinds = [namespaceKind, podKind, secretKind, configMapKind];
      cluster.put(namespaceKind, {
        metadata: { name: 'doomed', deletionTimestamp: '2026-01-01T00:00:00Z' },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      } as never);
      cluster.put(podKind, { metadata: { name: 'p', namespace: 'doomed', finalizers: ['kubelet'] } });
      for (const namespace of ['doomed', 'other']) {
        cluster.put(secretKind, { metadata: { name: 's', namespace } });
        cluster.put(configMapKind, { metadata: { name: 'c', namespace } });
      }
    },
    outside(cluster) {
      for (const { metadata } of cluster.list<V1Pod>(podKind))
        if (metadata?.deletionTimestamp) cluster.remove(podKind, metadata.name ?? '', metadata.namespace);
    },
    steps: [
      // The server's answer to the deletion of a collection does not delete what has finalizers: it marks that.
      (cluster) => {
        const pod = cluster.get<V1Pod>(podKind, 'p', 'doomed');
        if (pod)
          cluster.put(podKind, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } as never);
        return true;
      },
    ],
    outcome: (cluster) => [
      names(cluster.list(namespaceKind)),
      cluster.list(podKind),
      [...cluster.list<V1Secret>(secretKind), ...cluster.list<V1Secret>(configMapKind)].map(
        ({ metadata }) => metadata?.namespace,
      ),
    ],
  });
  assert.deepEqual(outcome, [[], [], ['other', 'other']]);
});

test('what is owned goes with its owner, before it, or is left by it, as was asked', async () => {
  const outcome = await interrupted({
    controllers: [(context) => createGarbageCollector(context, { metadataClient: context.client })],
    prepare(cluster) {
      cluster.kinds = [configMapKind, podKind, secretKind];
      for (const policy of ['Background', 'Foreground', 'Orphan']) {
        const name = policy.toLowerCase();
        const owner = { apiVersion: 'v1', kind: 'Pod', name, uid: `${name}-uid`, blockOwnerDeletion: true };
        const child = { apiVersion: 'v1', kind: 'ConfigMap', name, uid: `${name}-child`, blockOwnerDeletion: true };
        cluster.put(podKind, { metadata: { name, namespace: 'a', uid: owner.uid } });
        cluster.put(configMapKind, { metadata: { name, namespace: 'a', uid: child.uid, ownerReferences: [owner] } });
        cluster.put(secretKind, { metadata: { name, namespace: 'a', ownerReferences: [child] } });
      }
    },
    steps: [
      (cluster) => {
        for (const propagationPolicy of ['Background', 'Foreground', 'Orphan'] as const)
          void cluster.client.resource(podKind, 'a').delete(propagationPolicy.toLowerCase(), { propagationPolicy });
        return true;
      },
    ],
    wrong(cluster) {
      const blocks = cluster.get(configMapKind, 'foreground', 'a') && !cluster.get(podKind, 'foreground', 'a');
      return blocks ? 'the owner has gone before what blocked it' : undefined;
    },
    outcome: (cluster) => ({
      pods: names(cluster.list(podKind)),
      children: cluster
        .list<V1Secret>(configMapKind)
        .map(({ metadata }) => [metadata?.name, metadata?.ownerReferences?.length ?? 0]),
      secrets: names(cluster.list(secretKind)),
    }),
  });
  assert.deepEqual(outcome, { pods: [], children: [['orphan', 0]], secrets: ['orphan'] });
});

test('quotas and budgets tell what is', async () => {
  const pod = (cluster: TestingCluster, name: string) =>
    cluster.put(podKind, {
      metadata: {
        ...{ name, namespace: 'a', labels: { app: 'web' } },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
      },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    } as never);
  const outcome = await interrupted({
    controllers: [
      (context) => createResourceQuotaController(context, { metadataClient: context.client }),
      createDisruptionController,
    ],
    prepare(cluster) {
      cluster.kinds = [podKind, secretKind, resourceQuotaKind];
      cluster.put(replicaSetKind, { metadata: { name: 'web', namespace: 'a', uid: 'rs' }, spec: { replicas: 3 } } as never);
      for (const name of ['one', 'two', 'three']) pod(cluster, name);
      const hard = { pods: '5', 'requests.cpu': '1', 'count/secrets': '2' };
      cluster.put(resourceQuotaKind, { metadata: { name: 'q', namespace: 'a' }, spec: { hard } } as never);
      const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } };
      cluster.put(podDisruptionBudgetKind, { metadata: { name: 'b', namespace: 'a', generation: 1 }, spec } as never);
    },
    steps: [
      (cluster) => {
        cluster.remove(podKind, 'one', 'a');
        return Boolean(cluster.put(secretKind, { metadata: { name: 's', namespace: 'a' } }));
      },
    ],
    outcome(cluster) {
      const budget = cluster.get<V1PodDisruptionBudget>(podDisruptionBudgetKind, 'b', 'a')?.status;
      return {
        used: cluster.get<V1ResourceQuota>(resourceQuotaKind, 'q', 'a')?.status?.used,
        budget: [budget?.expectedPods, budget?.currentHealthy, budget?.disruptionsAllowed, budget?.conditions?.[0]?.reason],
      };
    },
  });
  assert.deepEqual(outcome, {
    used: { 'count/secrets': '1', pods: '2', 'requests.cpu': '200m' },
    budget: [3, 2, 0, 'InsufficientPods'],
  });
});

test('each namespace has its account with one token that it names, and the root certificate; what has expired goes', async () => {
  const outcome = await interrupted({
    controllers: [
      createServiceAccountController,
      (context) =>
        createServiceAccountTokenController(
          { ...context, random: Math.random },
          { privateKeyPem, rootCaPem: 'CA', autoGenerate: true },
        ),
      (context) => createRootCaCertPublisher(context, { rootCaPem: 'CA' }),
      createTokenCleanerController,
      createCsrCleanerController,
    ],
    prepare(cluster) {
      cluster.put(namespaceKind, { metadata: { name: 'a' }, status: { phase: 'Active' } } as never);
      const data = { expiration: Buffer.from('2026-01-01T00:00:02Z').toString('base64') };
      const metadata = { name: 'bootstrap-token-abcdef', namespace: 'kube-system' };
      cluster.put(secretKind, { metadata, type: 'bootstrap.kubernetes.io/token', data } as never);
      const conditions = [{ type: 'Denied', status: 'True', lastUpdateTime: '2025-12-31T23:00:05Z' }];
      cluster.put(certificateSigningRequestKind, { metadata: { name: 'denied' }, spec: {}, status: { conditions } } as never);
    },
    outcome(cluster) {
      const [account] = cluster.list<V1ServiceAccount>(serviceAccountKind);
      const named = (account?.secrets ?? []).map(({ name = '' }) => cluster.get<V1Secret>(secretKind, name, 'a'));
      return {
        accounts: names(cluster.list(serviceAccountKind)),
        tokens: named.map((secret) => Object.keys(secret?.data ?? {}).sort()),
        certificates: names(cluster.list(configMapKind)),
        expired: [
          ...cluster.list<V1Secret>(secretKind).filter(({ type }) => type?.startsWith('bootstrap')),
          ...cluster.list(certificateSigningRequestKind),
        ],
      };
    },
  });
  assert.deepEqual(outcome, {
    accounts: ['default'],
    tokens: [['ca.crt', 'namespace', 'token']],
    certificates: ['kube-root-ca.crt'],
    expired: [],
  });
});

test('a role has the rules of those that it is made of; a range of addresses stays for as long as one is used', async () => {
  const outcome = await interrupted({
    controllers: [createClusterRoleAggregationController, createServiceCidrController],
    prepare(cluster) {
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
      const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] };
      cluster.put(clusterRoleKind, { metadata: { name: 'all' }, aggregationRule, rules: [] } as never);
      cluster.put(clusterRoleKind, { metadata: { name: 'part', labels: { part: 'yes' } }, rules } as never);
      cluster.put(serviceCidrKind, { metadata: { name: 'more' }, spec: { cidrs: ['10.1.0.0/24'] } } as never);
      cluster.put(ipAddressKind, { metadata: { name: '10.1.0.7' } } as never);
    },
    steps: [
      (cluster) => {
        if (!cluster.get<V1ServiceCIDR>(serviceCidrKind, 'more')?.status?.conditions) return false;
        void cluster.client.resource(serviceCidrKind).delete('more');
        return true;
      },
      (cluster) => {
        if (cluster.get<V1ServiceCIDR>(serviceCidrKind, 'more')?.status?.conditions?.[0]?.reason !== 'Terminating') return false;
        cluster.remove(ipAddressKind, '10.1.0.7');
        return true;
      },
    ],
    outcome: (cluster) => [cluster.get<V1ClusterRole>(clusterRoleKind, 'all')?.rules?.length, cluster.list(serviceCidrKind)],
  });
  assert.deepEqual(outcome, [1, []]);
});
