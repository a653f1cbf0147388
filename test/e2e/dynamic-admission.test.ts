import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { V1ValidatingAdmissionPolicy } from '../../src/api/gen/types.ts';
import {
  jsonPatch,
  startTestWebhook,
  type TestAnswer,
  type TestWebhook,
} from '../../src/apiserver/admission/webhooks/test-webhook.ts';
import { createTestPki } from '../../src/apiserver/test-api.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');
const namespace = 'dynamic-admission';
const { run, fails, json } = kubectlSession(cluster, '1.35', namespace);

const rules = (resources: string[], operations = ['CREATE']) => [
  { operations, apiGroups: ['', 'apps'], apiVersions: ['v1'], resources },
];
const only = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
const kind = (name: string, version = 'v1') => ({ apiVersion: `admissionregistration.k8s.io/${version}`, kind: name });

describe('webhooks, with kubectl', () => {
  let hook: TestWebhook;
  let answer: (path: string) => TestAnswer = () => ({ allowed: true });
  before(async () => {
    hook = await startTestWebhook(await createTestPki(), (path) => answer(path));
    await run(`create namespace ${namespace}`);
  });
  after(() => hook.stop());

  const webhook = (name: string, more = {}) => ({
    name: `${name}.example.com`,
    clientConfig: { url: `${hook.url}/${name}`, caBundle: hook.caBundle },
    rules: rules(['configmaps']),
    namespaceSelector: only,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...more,
  });

  test('a webhook says no, and kubectl says so', async () => {
    await run('apply -f -', {
      ...kind('ValidatingWebhookConfiguration'),
      metadata: { name: 'deny' },
      webhooks: [webhook('deny')],
    });
    answer = () => ({ allowed: false, status: { message: 'because' } });
    await until('the webhook is asked', async () => (await fails('create configmap refused')).includes('denied'));
    assert.match(
      await fails('create configmap refused'),
      /error: failed to create configmap: admission webhook "deny\.example\.com" denied the request: because/,
    );
    answer = () => ({ allowed: true, warnings: ['this was close'] });
    assert.match(await run('create configmap let-through'), /configmap\/let-through created/);
    await run('delete validatingwebhookconfiguration deny');
  });

  test('a webhook changes what is applied, and what it adds is not taken away by the next apply', async () => {
    await run('apply -f -', {
      ...kind('MutatingWebhookConfiguration'),
      metadata: { name: 'change' },
      webhooks: [webhook('change', { rules: rules(['configmaps'], ['CREATE', 'UPDATE']) })],
    });
    answer = () => jsonPatch([{ op: 'add', path: '/data/added', value: 'by the webhook' }]);
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'changed' }, data: { mine: '1' } };
    await run('apply -f -', object);
    await until('the webhook changes objects', async () => {
      await run('apply -f -', { ...object, data: { mine: String(Math.random()) } });
      return (await json<{ data: Record<string, string> }>('get configmap changed')).data['added'] !== undefined;
    });
    await run('apply -f -', { ...object, data: { mine: '2' } });
    assert.deepEqual((await json<{ data: object }>('get configmap changed')).data, { mine: '2', added: 'by the webhook' });
    await run('delete mutatingwebhookconfiguration change');
  });

  test('a webhook that is away stops what it is about, and nothing else', async () => {
    const clientConfig = { url: 'https://127.0.0.1:1/', caBundle: hook.caBundle };
    await run('apply -f -', {
      ...kind('ValidatingWebhookConfiguration'),
      metadata: { name: 'away' },
      webhooks: [webhook('away', { clientConfig, timeoutSeconds: 1 })],
    });
    await until('the webhook stops objects', async () =>
      (await fails('create configmap stopped')).includes('failed calling webhook "away.example.com"'),
    );
    await run('create secret generic goes-on');
    await run('delete validatingwebhookconfiguration away');
  });

  test('short names, columns and categories are upstream\u2019s', async () => {
    assert.match(
      await run('api-resources --api-group=admissionregistration.k8s.io --no-headers -o name'),
      /mutatingadmissionpolicies\.admissionregistration\.k8s\.io/,
    );
    assert.match(await run('explain validatingadmissionpolicy.spec.validations.messageExpression'), /messageExpression <string>/);
  });
});

describe('policies, with kubectl', () => {
  const policy = {
    ...kind('ValidatingAdmissionPolicy'),
    metadata: { name: 'few-replicas' },
    spec: {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: {
        resourceRules: [
          { operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] },
        ],
      },
      validations: [
        {
          expression: 'object.spec.replicas <= int(params.data.most)',
          messageExpression: '"at most " + params.data.most + " replicas, not " + string(object.spec.replicas)',
        },
      ],
    },
  };
  const binding = {
    ...kind('ValidatingAdmissionPolicyBinding'),
    metadata: { name: 'few-replicas-here' },
    spec: {
      policyName: 'few-replicas',
      validationActions: ['Deny'],
      paramRef: { name: 'limits', namespace, parameterNotFoundAction: 'Deny' },
      matchResources: { namespaceSelector: only },
    },
  };

  test('a policy with parameters refuses what goes beyond them', async () => {
    await run('create configmap limits --from-literal=most=3');
    await run('apply -f -', policy);
    await run('apply -f -', binding);
    await run('create deployment web --image=nginx --replicas=2');
    await until('the policy holds', () => fails('create deployment much --image=nginx --replicas=5 --dry-run=server'));
    assert.match(
      await fails('create deployment much --image=nginx --replicas=5'),
      /deployments\.apps "much" is forbidden: ValidatingAdmissionPolicy 'few-replicas' with binding 'few-replicas-here' denied request: at most 3 replicas, not 5/,
    );
    assert.match(await run('get validatingadmissionpolicies few-replicas --no-headers'), /^few-replicas\s+1\s+v1\/ConfigMap\s/);
    assert.match(
      await run('get validatingadmissionpolicybindings --no-headers'),
      /^few-replicas-here\s+few-replicas\s+dynamic-admission\/limits\s/,
    );
  });

  test('the status tells of expressions that cannot work', async () => {
    const odd = {
      ...policy,
      metadata: { name: 'wrong' },
      spec: { ...policy.spec, validations: [{ expression: 'object.spec.replicas == "1"' }] },
    };
    await run('apply -f -', odd);
    const read = async () => (await json<V1ValidatingAdmissionPolicy>('get validatingadmissionpolicy wrong')).status;
    await until('the status is written', async () => (await read())?.observedGeneration === 1);
    const [warning] = (await read())!.typeChecking!.expressionWarnings!;
    assert.match(
      warning!.warning,
      /^apps\/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_==_' applied to '\(int, string\)'/,
    );
    const fixed = { ...odd, spec: { ...odd.spec, validations: [{ expression: 'object.spec.replicas == 1' }] } };
    await run('apply -f -', fixed);
    await until('the status is written again', async () => (await read())?.observedGeneration === 2);
    assert.deepEqual((await read())?.typeChecking, {});
    await run('delete validatingadmissionpolicy wrong');
  });

  test('a warning is printed', async () => {
    await run('patch validatingadmissionpolicybinding few-replicas-here --type=merge -p {"spec":{"validationActions":["Warn"]}}');
    await until('a warning is no refusal', async () =>
      (await run('create deployment warned --image=nginx --replicas=5 --dry-run=server')).includes('created'),
    );
    await run('delete validatingadmissionpolicybinding few-replicas-here');
  });

  test('a mutating policy gives every pod a sidecar', async () => {
    await run('apply -f -', {
      ...kind('MutatingAdmissionPolicy'),
      metadata: { name: 'sidecar' },
      spec: {
        matchConstraints: {
          resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
        matchConditions: [{ name: 'none-yet', expression: '!object.spec.containers.exists(c, c.name == "sidecar")' }],
        reinvocationPolicy: 'IfNeeded',
        mutations: [
          {
            patchType: 'ApplyConfiguration',
            applyConfiguration: {
              expression: 'Object{spec: Object.spec{containers: [Object.spec.containers{name: "sidecar", image: "busybox"}]}}',
            },
          },
        ],
      },
    });
    await run('apply -f -', {
      ...kind('MutatingAdmissionPolicyBinding'),
      metadata: { name: 'sidecar' },
      spec: { policyName: 'sidecar', matchResources: { namespaceSelector: only } },
    });
    let count = 0;
    await until('pods get a sidecar', async () => {
      const name = `pod-${count++}`;
      await run(`run ${name} --image=nginx`);
      const pod = await json<{ spec: { containers: { name: string }[] } }>(`get pod ${name}`);
      return pod.spec.containers.some((container) => container.name === 'sidecar');
    });
    await run('delete mutatingadmissionpolicy sidecar');
  });
});
