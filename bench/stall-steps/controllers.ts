/** What controllers have to do at once because much belongs together: they run in the API server's process under `muster up`. */
import { forMany } from '../for-many.ts';
import { ok, type Send, type StallStep, type } from './step.ts';

const COUNT = 20_000;
const NAMESPACE = '/api/v1/namespaces/crowd';
const CORE = (resource: string) => `${NAMESPACE}/${resource}`;
const GROUP = (group: string, resource: string) => `/apis/${group}/namespaces/crowd/${resource}`;

const object = (apiVersion: string, kind: string, name: string, fields: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, ...metadata }, ...fields });

const uidOf = async (send: Send, path: string) =>
  (JSON.parse((await ok(send, 'GET', path)).body.toString()) as { metadata: { uid: string } }).metadata.uid;

async function gone(send: Send, path: string): Promise<void> {
  for (let i = 0; i < 18_000; i++) {
    if ((await send('GET', path)).status === 404) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} is still there`);
}

async function ownedMaps(send: Send, owner: string): Promise<void> {
  await ok(send, 'POST', CORE('configmaps'), object('v1', 'ConfigMap', owner, {}));
  const uid = await uidOf(send, CORE(`configmaps/${owner}`));
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid, blockOwnerDeletion: true }];
  await forMany(COUNT, (i) =>
    ok(send, 'POST', CORE('configmaps'), object('v1', 'ConfigMap', `${owner}-${i}`, {}, { ownerReferences })),
  );
}

const deleteBy = (send: Send, path: string, propagationPolicy: string) =>
  ok(send, 'DELETE', path, JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy }));

export function controllerSteps(): StallStep[] {
  const rbac = 'rbac.authorization.k8s.io/v1';
  return [
    {
      name: 'crowd prepare namespace',
      run: (send) => send('POST', '/api/v1/namespaces', object('v1', 'Namespace', 'crowd', {})),
    },
    {
      name: 'crowd prepare pods that are ready',
      run: (send) =>
        forMany(COUNT, async (i) => {
          const spec = { schedulerName: 'none', containers: [{ name: 'c', image: 'a', resources: { requests: { cpu: '1m' } } }] };
          await ok(send, 'POST', CORE('pods'), object('v1', 'Pod', `p${i}`, { spec }, { labels: { app: 'a' } }));
          const ip = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
          const status = {
            phase: 'Running',
            podIP: ip,
            podIPs: [{ ip }],
            conditions: [{ type: 'Ready', status: 'True' }],
          };
          await ok(send, 'PATCH', CORE(`pods/p${i}/status`), JSON.stringify({ status }), type('merge-patch+json'));
        }),
    },
    {
      name: 'crowd service of 20,000 pods',
      run: async (send) => {
        // The pods are on no node: slices leave them out but where they are published in any case.
        const spec = { selector: { app: 'a' }, ports: [{ port: 80 }], publishNotReadyAddresses: true };
        await ok(send, 'POST', CORE('services'), object('v1', 'Service', 's', { spec }));
        for (let i = 0; i < 600; i++) {
          const slices = await ok(send, 'GET', GROUP('discovery.k8s.io/v1', 'endpointslices'));
          if ((JSON.parse(slices.body.toString()) as { items: unknown[] }).items.length >= COUNT / 100) return;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      },
    },
    {
      name: 'crowd one pod of the service changed',
      run: async (send) => {
        const status = { conditions: [{ type: 'Ready', status: 'False' }] };
        await ok(send, 'PATCH', CORE('pods/p7/status'), JSON.stringify({ status }), type('strategic-merge-patch+json'));
        await new Promise((resolve) => setTimeout(resolve, 3000));
      },
    },
    {
      name: 'crowd budget of 20,000 pods',
      run: async (send) => {
        const spec = { minAvailable: 1, selector: { matchLabels: { app: 'a' } } };
        const path = GROUP('policy/v1', 'poddisruptionbudgets');
        await ok(send, 'POST', path, object('policy/v1', 'PodDisruptionBudget', 'b', { spec }));
        await new Promise((resolve) => setTimeout(resolve, 3000));
      },
    },
    {
      name: 'crowd quota of 20,000 pods',
      run: async (send) => {
        const hard = { pods: '100000', 'requests.cpu': '100000' };
        const scopes = { hard, scopes: ['NotTerminating'] };
        await ok(send, 'POST', CORE('resourcequotas'), object('v1', 'ResourceQuota', 'q', { spec: scopes }));
        await new Promise((resolve) => setTimeout(resolve, 3000));
      },
    },
    {
      name: 'crowd set that adopts 20,000 pods',
      run: async (send) => {
        const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'a' }] } };
        const spec = { replicas: COUNT, selector: { matchLabels: { app: 'a' } }, template };
        await ok(send, 'POST', GROUP('apps/v1', 'replicasets'), object('apps/v1', 'ReplicaSet', 'rs', { spec }));
        await new Promise((resolve) => setTimeout(resolve, 10_000));
      },
    },
    {
      name: 'crowd set deleted, pods orphaned',
      run: async (send) => {
        await deleteBy(send, GROUP('apps/v1', 'replicasets/rs'), 'Orphan');
        await gone(send, GROUP('apps/v1', 'replicasets/rs'));
      },
    },
    {
      name: 'crowd pods deleted',
      run: async (send) => {
        // On a busy machine a minute is too short for all of them: 504, and the rest with the next one.
        while ((await send('DELETE', `${CORE('pods')}?gracePeriodSeconds=0`)).status === 504);
      },
    },
    { name: 'crowd prepare 20,000 of one owner', run: (send) => ownedMaps(send, 'foreground') },
    {
      name: 'crowd owner deleted in the foreground',
      run: async (send) => {
        await deleteBy(send, CORE('configmaps/foreground'), 'Foreground');
        await gone(send, CORE('configmaps/foreground'));
      },
    },
    { name: 'crowd prepare 20,000 of another owner', run: (send) => ownedMaps(send, 'background') },
    {
      name: 'crowd owner deleted in the background',
      run: async (send) => {
        await deleteBy(send, CORE('configmaps/background'), 'Background');
        await gone(send, CORE(`configmaps/background-${COUNT - 1}`));
      },
    },
    {
      name: 'crowd prepare 20,000 bindings',
      run: async (send) => {
        const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
        await ok(send, 'POST', `/apis/${rbac}/clusterroles`, object(rbac, 'ClusterRole', 'crowd', { rules }));
        const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'crowd' };
        await forMany(COUNT, (i) => {
          const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: `u${i}` }];
          const body = object(rbac, 'ClusterRoleBinding', `crowd-${i}`, { roleRef, subjects });
          return ok(send, 'POST', `/apis/${rbac}/clusterrolebindings`, body);
        });
      },
    },
    {
      name: 'crowd binding changed, then an access review',
      run: async (send) => {
        const path = `/apis/${rbac}/clusterrolebindings/crowd-1`;
        await ok(send, 'PATCH', path, '{"metadata":{"labels":{"a":"b"}}}', type('merge-patch+json'));
        const resourceAttributes = { verb: 'get', resource: 'configmaps', namespace: 'crowd' };
        const review = {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: { user: 'u7', resourceAttributes },
        };
        return send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', JSON.stringify(review));
      },
    },
    {
      name: 'crowd access review of 100,000 groups',
      run: (send) => {
        const groups = Array.from({ length: 100_000 }, (_, i) => `g${i}`);
        const spec = { user: 'u7', groups, resourceAttributes: { verb: 'list', resource: 'configmaps', namespace: 'crowd' } };
        const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
        return send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', JSON.stringify(review));
      },
    },
    {
      name: 'crowd bindings deleted',
      run: (send) =>
        ok(
          send,
          'DELETE',
          `/apis/${rbac}/clusterrolebindings?fieldSelector=metadata.name%21%3Dcluster-admin&labelSelector=%21kubernetes.io/bootstrapping`,
        ),
    },
    {
      name: 'crowd 1,000 flow schemas',
      run: (send) =>
        forMany(1_000, (i) => {
          const subjects = [{ kind: 'User', user: { name: `u${i}` } }];
          const resourceRules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] }];
          const spec = {
            priorityLevelConfiguration: { name: 'workload-low' },
            matchingPrecedence: 5_000,
            rules: [{ subjects, resourceRules }],
          };
          const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
          return ok(send, 'POST', `/apis/${apiVersion}/flowschemas`, object(apiVersion, 'FlowSchema', `crowd-${i}`, { spec }));
        }),
    },
    {
      name: 'crowd 2,000 services of extension servers',
      run: (send) =>
        forMany(2_000, (i) => {
          const spec = {
            group: `g${i}.crowd.example.com`,
            version: 'v1',
            groupPriorityMinimum: 1,
            versionPriority: 1,
            insecureSkipTLSVerify: true,
            service: { namespace: 'crowd', name: 'nobody' },
          };
          const apiVersion = 'apiregistration.k8s.io/v1';
          return ok(
            send,
            'POST',
            `/apis/${apiVersion}/apiservices`,
            object(apiVersion, 'APIService', `v1.${spec.group}`, { spec }),
          );
        }),
    },
    {
      name: 'crowd discovery',
      run: (send) =>
        send('GET', '/apis', undefined, { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }),
    },
    {
      name: 'crowd services of extension servers deleted',
      run: (send) =>
        ok(
          send,
          'DELETE',
          '/apis/apiregistration.k8s.io/v1/apiservices?labelSelector=%21kube-aggregator.kubernetes.io/automanaged',
        ),
    },
    {
      name: 'crowd 2,000 webhook configurations',
      run: (send) =>
        forMany(2_000, (i) => {
          const webhook = {
            name: 'a.crowd.example.com',
            clientConfig: { url: 'https://127.0.0.1:1/' },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
            matchConditions: [{ name: 'never', expression: `object.metadata.name == 'nobody-${i}'` }],
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
          };
          const apiVersion = 'admissionregistration.k8s.io/v1';
          return ok(
            send,
            'POST',
            `/apis/${apiVersion}/validatingwebhookconfigurations`,
            object(apiVersion, 'ValidatingWebhookConfiguration', `crowd-${i}`, { webhooks: [webhook] }),
          );
        }),
    },
    {
      name: 'crowd request of 2,000 webhook configurations',
      run: (send) => send('POST', CORE('configmaps'), object('v1', 'ConfigMap', 'asked', {})),
    },
    {
      name: 'crowd webhook configurations deleted',
      run: (send) => ok(send, 'DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'),
    },
    {
      name: 'crowd large signing request',
      expected: 500,
      run: (send) => {
        const request = Buffer.from(
          `-----BEGIN CERTIFICATE REQUEST-----\n${'QUJD'.repeat(200_000)}\n-----END CERTIFICATE REQUEST-----\n`,
        );
        const spec = { request: request.toString('base64'), signerName: 'example.com/a', usages: ['client auth'] };
        const apiVersion = 'certificates.k8s.io/v1';
        return send(
          'POST',
          `/apis/${apiVersion}/certificatesigningrequests`,
          object(apiVersion, 'CertificateSigningRequest', 'c', { spec }),
        );
      },
    },
    {
      name: 'crowd large token review',
      expected: 500,
      run: (send) => {
        const spec = { token: `a.${'b'.repeat(2_000_000)}.c`, audiences: Array.from({ length: 50_000 }, (_, i) => `a${i}`) };
        const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
        return send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', JSON.stringify(review));
      },
    },
    {
      name: 'crowd 150,000 unknown fields, strict',
      expected: 500,
      run: (send) => {
        const fields = Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`f${i}`, 1]));
        return send('POST', `${CORE('configmaps')}?fieldValidation=Strict`, object('v1', 'ConfigMap', 'strict', fields));
      },
    },
    {
      name: 'crowd 150,000 unknown fields, warned of',
      run: (send) => {
        const fields = Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`f${i}`, 1]));
        return send('POST', `${CORE('configmaps')}?fieldValidation=Warn`, object('v1', 'ConfigMap', 'warned', fields));
      },
    },
    { name: 'crowd namespace deleted', run: (send) => send('DELETE', NAMESPACE) },
  ];
}
