/** An extension server with the metrics API (metrics.k8s.io/v1beta1): what pods use is what the test says. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { apiServiceKind } from '../../src/api/apiregistration/v1/api-service.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import { serviceKind } from '../../src/api/core/v1/service.ts';
import type { V1APIService, V1Node, V1Pod, V1Service } from '../../src/api/gen/types.ts';
import { createTestPki } from '../../src/apiserver/test-api.ts';
import type { Client } from '../../src/client/client.ts';
import { until } from './until.ts';

const GROUP_VERSION = 'metrics.k8s.io/v1beta1';
const VERBS = ['get', 'list'];

export interface MetricsServer extends AsyncDisposable {
  /** What each container of a pod uses from now on. */
  usage: Record<'cpu' | 'memory', string>;
}

/** Starts it and resolves when the cluster has it. */
export async function startMetricsServer(client: Client): Promise<MetricsServer> {
  const { serving } = await createTestPki();
  const metrics: Pick<MetricsServer, 'usage'> = { usage: { cpu: '100m', memory: '64Mi' } };
  const measured = () => ({ timestamp: new Date().toISOString(), window: '30s' });
  const ofPod = ({ metadata, spec }: V1Pod) => ({
    metadata: { name: metadata?.name, namespace: metadata?.namespace, labels: metadata?.labels },
    ...measured(),
    containers: spec?.containers.map(({ name }) => ({ name, usage: metrics.usage })),
  });
  const ofNode = ({ metadata }: V1Node) => ({
    metadata: { name: metadata?.name, labels: metadata?.labels },
    ...measured(),
    usage: { cpu: '250m', memory: '512Mi' },
  });
  const list = (kind: string, items: readonly object[]) => ({ kind, apiVersion: GROUP_VERSION, metadata: {}, items });
  const answer = async (url: URL): Promise<object | undefined> => {
    const labelSelector = url.searchParams.get('labelSelector') ?? undefined;
    const [, namespace, name] = /\/namespaces\/([^/]+)\/pods(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (url.pathname === `/apis/${GROUP_VERSION}`)
      return {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion: GROUP_VERSION,
        resources: [
          { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: VERBS },
          { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: VERBS },
        ],
      };
    if (url.pathname.endsWith('/nodes'))
      return list('NodeMetricsList', (await client.resource<V1Node>(nodeKind).list({ labelSelector })).items.map(ofNode));
    const pods = client.resource<V1Pod>(podKind, namespace);
    if (name) return { kind: 'PodMetrics', apiVersion: GROUP_VERSION, ...ofPod(await pods.get(name)) };
    if (url.pathname.endsWith('/pods')) return list('PodMetricsList', (await pods.list({ labelSelector })).items.map(ofPod));
    return undefined;
  };
  const server = createServer({ cert: serving.certificatePem, key: serving.privateKeyPem }, (request, response) => {
    answer(new URL(request.url ?? '/', 'https://localhost')).then(
      (body) => response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {})),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const services = client.resource<V1APIService>(apiServiceKind);
  await client
    .resource<V1Service>(serviceKind, 'kube-system')
    .create({ metadata: { name: 'metrics-server' }, spec: { type: 'ExternalName', externalName: 'localhost' } } as V1Service);
  await services.create({
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      service: { namespace: 'kube-system', name: 'metrics-server', port },
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  } as V1APIService);
  await until('the metrics API is available', async () => {
    const { status } = await services.get('v1beta1.metrics.k8s.io');
    return status?.conditions?.some((c) => c.type === 'Available' && c.status === 'True');
  });
  return Object.assign(metrics, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
