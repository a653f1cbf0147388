/** Many objects at once: lists, tables, selectors, watches, deletions. */
import { forMany } from '../for-many.ts';
import { object, ok, type StallStep, type } from './step.ts';

const COUNT = 20_000;
const MAPS = '/api/v1/namespaces/many/configmaps';
const PODS = '/api/v1/namespaces/many/pods';
const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

const pod = (i: number) =>
  object(
    'Pod',
    `p${i}`,
    { spec: { schedulerName: 'none', containers: [{ name: 'c', image: 'a', resources: { requests: { cpu: '1' } } }] } },
    { labels: { app: `a${i % 10}`, n: `${i}` } },
  );

export function manyObjectSteps(): StallStep[] {
  return [
    {
      name: 'many prepare pods',
      prepare: (send) => send('POST', '/api/v1/namespaces', object('Namespace', 'many', {})),
      run: (send) => forMany(COUNT, (i) => ok(send, 'POST', PODS, pod(i))),
    },
    { name: 'many list pods', run: (send) => ok(send, 'GET', PODS) },
    { name: 'many list pods gzip', run: (send) => ok(send, 'GET', PODS, undefined, { 'accept-encoding': 'gzip' }) },
    { name: 'many table', run: (send) => ok(send, 'GET', PODS, undefined, table) },
    { name: 'many table again', run: (send) => ok(send, 'GET', PODS, undefined, table) },
    { name: 'many protobuf', run: (send) => ok(send, 'GET', PODS, undefined, { accept: 'application/vnd.kubernetes.protobuf' }) },
    { name: 'many yaml', run: (send) => ok(send, 'GET', PODS, undefined, { accept: 'application/yaml' }) },
    { name: 'many pretty', run: (send) => ok(send, 'GET', `${PODS}?pretty=true`) },
    {
      name: 'many metadata',
      run: (send) =>
        ok(send, 'GET', PODS, undefined, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' }),
    },
    { name: 'many label selector', run: (send) => ok(send, 'GET', `${PODS}?labelSelector=app%3Da1`) },
    { name: 'many field selector', run: (send) => ok(send, 'GET', `${PODS}?fieldSelector=spec.nodeName%3Da`) },
    {
      name: 'many long selector',
      run: (send) => ok(send, 'GET', `${PODS}?labelSelector=n+in+(${Array.from({ length: 1_000 }, (_, i) => i).join()})`),
    },
    { name: 'many page', run: (send) => ok(send, 'GET', `${PODS}?limit=500`) },
    {
      name: 'many exact revision',
      run: async (send) => {
        const { metadata } = JSON.parse((await ok(send, 'GET', `${PODS}?limit=1`)).body.toString()) as {
          metadata: { resourceVersion: string };
        };
        await ok(send, 'PATCH', `${PODS}/p1`, '{"metadata":{"labels":{"x":"y"}}}', type('merge-patch+json'));
        return send('GET', `${PODS}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`);
      },
    },
    { name: 'many watch from nowhere', run: (send) => send('GET', `${PODS}?watch=true&timeoutSeconds=2`) },
    {
      name: 'many watch-list',
      run: (send) =>
        send(
          'GET',
          `${PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=2`,
        ),
    },
    { name: 'many watch tables', run: (send) => send('GET', `${PODS}?watch=true&timeoutSeconds=2`, undefined, table) },
    {
      name: 'many watch protobuf',
      run: (send) =>
        send('GET', `${PODS}?watch=true&timeoutSeconds=2`, undefined, {
          accept: 'application/vnd.kubernetes.protobuf;stream=watch',
        }),
    },
    {
      name: 'many quota',
      run: (send) =>
        ok(
          send,
          'POST',
          '/api/v1/namespaces/many/resourcequotas',
          object('ResourceQuota', 'q', { spec: { hard: { pods: '100000', 'requests.cpu': '100000' } } }),
        ),
    },
    {
      name: 'many budget',
      run: (send) =>
        send(
          'POST',
          '/apis/policy/v1/namespaces/many/poddisruptionbudgets',
          JSON.stringify({
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata: { name: 'b' },
            spec: { minAvailable: 1, selector: {} },
          }),
        ),
    },
    {
      name: 'many service',
      run: (send) =>
        send(
          'POST',
          '/api/v1/namespaces/many/services',
          object('Service', 's', { spec: { selector: { app: 'a1' }, ports: [{ port: 80 }] } }),
        ),
    },
    { name: 'many metrics', run: (send) => send('GET', '/metrics') },
    { name: 'many deletecollection', run: (send) => ok(send, 'DELETE', `${PODS}?gracePeriodSeconds=0`) },
    {
      name: 'many prepare maps',
      run: (send) => forMany(COUNT, (i) => ok(send, 'POST', MAPS, object('ConfigMap', `m${i}`, { data: { a: 'b' } }))),
    },
    {
      name: 'many namespace deleted',
      run: async (send) => {
        await ok(send, 'DELETE', '/api/v1/namespaces/many');
        for (let i = 0; i < 3000; i++) {
          if ((await send('GET', '/api/v1/namespaces/many')).status === 404) return;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      },
    },
    {
      name: 'many large prepare',
      prepare: (send) => send('POST', '/api/v1/namespaces', object('Namespace', 'big', {})),
      run: (send) =>
        forMany(
          40,
          (i) =>
            ok(
              send,
              'POST',
              '/api/v1/namespaces/big/configmaps',
              object('ConfigMap', `m${i}`, { data: { a: 'b'.repeat(1_000_000) } }),
            ),
          4,
        ),
    },
    { name: 'many large list', run: (send) => ok(send, 'GET', '/api/v1/namespaces/big/configmaps') },
    {
      name: 'many large list gzip',
      run: (send) => ok(send, 'GET', '/api/v1/namespaces/big/configmaps', undefined, { 'accept-encoding': 'gzip' }),
    },
    {
      name: 'many large protobuf',
      run: (send) =>
        ok(send, 'GET', '/api/v1/namespaces/big/configmaps', undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
    },
    {
      name: 'many large yaml',
      run: (send) => ok(send, 'GET', '/api/v1/namespaces/big/configmaps', undefined, { accept: 'application/yaml' }),
    },
    {
      name: 'many large watched by 50',
      run: async (send) => {
        const watches = Array.from({ length: 50 }, () =>
          send(
            'GET',
            '/api/v1/namespaces/big/configmaps?watch=true&timeoutSeconds=6&resourceVersion=0&fieldSelector=metadata.name%3Dm0',
          ),
        );
        await new Promise((resolve) => setTimeout(resolve, 3000));
        await send('PATCH', '/api/v1/namespaces/big/configmaps/m0', '{"data":{"b":"c"}}', type('merge-patch+json'));
        await Promise.allSettled(watches);
      },
    },
  ];
}
